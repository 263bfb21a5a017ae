"""Parts of a campaign are stopped or killed at any moment: it says so and ends, and nothing of ours is left.

`make faults` does it in fifty rounds, the suite in ten.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from commands import Running, benchkit, quick_target
from surroundings import surroundings

pytestmark = pytest.mark.privileged

VICTIMS = ("campaign", "benchkit line", "benchkit there", "benchkit here", "campaign")
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGINT)
ROUNDS = int(os.environ.get("BENCHKIT_FAULT_ROUNDS", "10"))
# Victims change with every round and signals with every five, so that each meets each.
MOMENTS = [
    (
        VICTIMS[index % len(VICTIMS)],
        SIGNALS[(index + index // len(VICTIMS)) % len(SIGNALS)],
        round(random.Random(index).uniform(0.0, 2.5), 2),
    )
    for index in range(ROUNDS)
]
SERVERS = (
    ("agent", "--bind", "127.86.8.1", "--stamp-port", "18862", "--iperf3", "127.86.8.1:5201"),
    ("serve", "--bind", "127.86.8.1:18642"),
)
# Servers are quicker to start and to end than campaigns: half as many rounds, each at its own moment.
SERVED = [
    (
        SERVERS[index % 2],
        SIGNALS[index % len(SIGNALS)],
        round(random.Random(~index).uniform(0.3, 2.3), 2),
    )
    for index in range(ROUNDS // 2)
]
# A probe or a line that ends in good order takes no run with it: what it had is kept, and judged as far as it goes.
SURVIVED = {0, 3, 4, 5, 130}


@pytest.mark.parametrize(("victim", "number", "after_s"), MOMENTS)
def test_nothing_survives_a_kill(
    tmp_path: Path, victim: str, number: signal.Signals, after_s: float
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    results = tmp_path / "results"
    target = quick_target(tmp_path, duration="2 s")
    before = surroundings(temporary)
    words = ("run", target, "--results", str(results))
    with Running(*words, TMPDIR=str(temporary)) as running:
        running.await_word("emulator:")
        if victim != "campaign":
            running.await_called(victim)
        time.sleep(after_s)
        found = [running.process.pid] if victim == "campaign" else running.await_called(victim)
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        status, out, said = running.end(timeout=60)
        assert running.survivors() == []
    assert "Traceback" not in said
    if victim == "campaign" and number == signal.SIGKILL:
        assert status in {-signal.SIGKILL, 0}
    elif victim == "campaign":
        assert status in {130, 0}, said
    else:  # the path keeps its promise: a run that lost a part of itself may say less, never "fail"
        assert status in SURVIVED, said
    assert not out.startswith("FAIL")
    cleaned = benchkit("doctor", "--clean", "--results", str(results), TMPDIR=str(temporary))
    assert cleaned.returncode in {0, 2}, cleaned.stderr
    assert surroundings(temporary) == before
    for folder in results.glob("2*"):
        assert json.loads((folder / "run.json").read_text())["verdict"] != "fail"


def test_a_far_end_that_stands_still_breaks_no_promise(tmp_path: Path) -> None:
    results = tmp_path / "results"
    target = Path(quick_target(tmp_path, duration="4 s", percentile="p95"))
    rtt, loss = (
        'metric = "rtt"\npercentile = "p95"\nlimit = "50 ms"',
        'metric = "loss"\nlimit = "0.1 %"',
    )
    target.write_text(target.read_text().replace(rtt, loss))
    with Running("run", str(target), "--results", str(results)) as running:
        running.await_word("round trips, idle")
        time.sleep(1.0)
        found = running.await_called("benchkit there")
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for pid in found:
                os.kill(pid, number)
            time.sleep(1.5)
        status, out, said = running.end(timeout=60)
    assert status in {0, 5}, said
    assert not out.startswith(("FAIL", "PASS")), out
    (file,) = results.glob("2*/run.json")
    record = json.loads(file.read_text())
    assert record["verdict"] == "unfit" or "stood still" in out, out


@pytest.mark.parametrize(("words", "number", "after_s"), SERVED)
def test_a_server_ends_at_any_moment(
    tmp_path: Path, words: tuple[str, ...], number: signal.Signals, after_s: float
) -> None:
    """It takes its processes with it, says no more than a line, and the next one has its ports."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    own = words if words[0] == "agent" else (*words, "--results", str(tmp_path))
    before = surroundings(temporary)
    with Running(*own, TMPDIR=str(temporary)) as running:
        time.sleep(after_s)
        running.process.send_signal(number)
        status, _, said = running.end(timeout=20)
        assert running.survivors() == []
    assert "Traceback" not in said
    assert status in {-number, 0, 130}, said
    cleaned = benchkit("doctor", "--clean", "--results", str(tmp_path), TMPDIR=str(temporary))
    assert cleaned.returncode in {0, 2}, cleaned.stderr
    assert surroundings(temporary) == before
    with Running(*own, TMPDIR=str(temporary)) as again:
        time.sleep(2.5)
        assert again.process.poll() is None, again.end()
        again.process.send_signal(signal.SIGTERM)
        status, _, said = again.end(timeout=20)
    assert status in {-signal.SIGTERM, 0, 130}, said
    assert "Traceback" not in said


def test_the_next_run_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    target = quick_target(tmp_path)
    words = ("run", target, "--results", str(tmp_path / "results"))
    with Running(*words, TMPDIR=str(temporary)) as running:
        running.await_word("asked against got")
        running.process.kill()
        running.process.wait()
        assert running.survivors() == []
    assert list(temporary.iterdir())
    done = benchkit(*words, TMPDIR=str(temporary))
    assert done.returncode == 0, done.stderr
    assert list(temporary.iterdir()) == []


def test_a_line_that_is_killed_makes_the_run_unfit_at_once(tmp_path: Path) -> None:
    target = quick_target(tmp_path, duration="30 s")
    with Running("run", target, "--results", str(tmp_path / "results")) as running:
        running.await_word("round trips, idle")
        time.sleep(0.5)
        line, *_ = running.called("benchkit line")
        os.kill(line, signal.SIGKILL)
        status, out, said = running.end(timeout=45)
    assert status == 5, said
    assert "the userspace line" in out
