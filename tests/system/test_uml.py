"""Programs in user-mode Linux: their words, their ends, and a campaign on its netem."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import Running, benchkit, quick_target

from benchkit.errors import UnfitError
from benchkit.linux.uml import own_environment, run_inside, why_no_uml

INSIDE = (sys.executable, "-m", "benchkit.linux.uml", "--")


@pytest.fixture(scope="module", autouse=True)
def _there() -> None:
    why = why_no_uml()
    if why:
        pytest.skip(f"user-mode Linux cannot run here: {why}")


MARK = "BENCHKIT_TEST_MARK"


def kernels(mark: str) -> set[int]:
    """The processes of user-mode Linux that carry the mark of a test; one that is asked its version is no kernel."""
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            if not entry.name.isdigit() or b"umid=uml" not in (entry / "cmdline").read_bytes():
                continue
            if f"{MARK}={mark}".encode() in (entry / "environ").read_bytes():
                found.add(int(entry.name))
        except OSError:
            continue
    return found


@pytest.fixture(autouse=True)
def _nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    mark = secrets.token_hex(8)
    monkeypatch.setenv(MARK, mark)
    yield
    deadline = time.monotonic() + 5
    while kernels(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert kernels(mark) == set()


def inside(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*INSIDE, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **variables},
    )


def test_words_folder_variables_and_status_pass_through() -> None:
    script = "echo out; echo err >&2; pwd; echo $GREETING; uname -r; "
    script += "tc qdisc add dev lo root netem delay 1ms; exit 7"
    done = inside("sh", "-c", script, GREETING="it's me")
    assert done.returncode == 7
    out = done.stdout.splitlines()
    assert out[:3] == ["out", str(Path.cwd()), "it's me"]
    assert out[3] != os.uname().release
    assert done.stderr == "err\n"


def test_a_command_that_is_not_there() -> None:
    assert inside("no-such-command").returncode == 127


def test_a_signal_goes_to_the_job() -> None:
    polite = "trap 'echo asked; exit 9' TERM; echo started >&2; while :; do sleep 0.05; done"
    with subprocess.Popen(
        [*INSIDE, "sh", "-c", polite], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        assert running.stderr.readline() == "started\n"
        running.send_signal(signal.SIGTERM)
        out, _ = running.communicate(timeout=30)
    assert (running.returncode, out) == (9, "asked\n")


@pytest.mark.parametrize("after_s", [0.0, 0.3, 0.6])
def test_a_signal_while_it_boots_is_not_lost(after_s: float) -> None:
    with subprocess.Popen(
        [*INSIDE, "sleep", "60"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        deadline = time.monotonic() + 20
        while not kernels(os.environ[MARK]) - {running.pid}:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(after_s)
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=20)
    assert (running.returncode, said) == (130, "")


def test_a_job_that_takes_too_long_is_ended_and_what_it_said_is_passed_on(tmp_path: Path) -> None:
    with (tmp_path / "said").open("wb") as said:
        targets = (said.fileno(), said.fileno())
        with pytest.raises(UnfitError, match="not done within 1 s"):
            run_inside(
                ["sh", "-c", "echo begun; sleep 60"],
                environment=own_environment({}),
                limit_s=1.0,
                targets=targets,
            )
    assert (tmp_path / "said").read_text() == "begun\n"


def test_nothing_is_lost_of_much_that_is_said_last() -> None:
    done = inside("sh", "-c", "seq 50000; seq 50000 >&2")
    whole = "".join(f"{number}\n" for number in range(1, 50001))
    assert (done.stdout, done.stderr) == (whole, whole)


def test_it_dies_with_whoever_started_it() -> None:
    with subprocess.Popen(
        [*INSIDE, "sh", "-c", "echo started; sleep 60"], stdout=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"started\n"
        running.kill()


def test_a_campaign_inside_has_netem_and_keeps_its_run_outside(tmp_path: Path) -> None:
    target = quick_target(tmp_path)
    results = tmp_path / "results"
    done = benchkit("run", target, "--kernel", "uml", "--results", str(results), timeout=100)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("PASS")
    record = json.loads(next(results.glob("2*/run.json")).read_text())
    assert (record["kernel"], record["emulator"]) == ("uml", "netem")
    assert record["environment"]["kernel"] != os.uname().release
    (path,) = record["paths"]
    assert path["metrics"][0]["percentiles"]["p50"]["value"] == pytest.approx(4.0, abs=1.0)


def test_an_interrupted_campaign_inside_keeps_what_it_measured(tmp_path: Path) -> None:
    target = quick_target(tmp_path, duration="30 s")
    words = ("run", target, "--kernel", "uml", "--results", str(tmp_path / "results"))
    with Running(*words) as running:
        running.await_word("round trips, idle")
        time.sleep(2)
        running.process.send_signal(signal.SIGINT)
        status, out, said = running.end(timeout=60)
    assert status == 130, said
    assert out.startswith("INTERRUPTED")
    assert json.loads(next((tmp_path / "results").glob("2*/run.json")).read_text())["interrupted"]


def test_results_that_would_be_lost_are_refused(tmp_path: Path) -> None:
    done = benchkit("run", quick_target(tmp_path), "--kernel", "uml", "--results", "/dev/shm/r")
    assert done.returncode == 2
    assert "/dev/shm/r" in done.stderr
