"""The real doctor on this machine, and what it tidies up after real kills."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sample_records import passing

from benchkit.linux import leftovers
from benchkit.store import read_run, write_run

RUN = "20261123T101500Z-guizhou-4f2a"
# A campaign as far as it leaves something: its folder, its fork server, and a process of that.
CAMPAIGN = """
import os, time
from multiprocessing import forkserver
from benchkit.linux import process
from benchkit.linux.channel import Channel
if __name__ == "__main__":
    process.warm_up(())
    with Channel() as channel:
        child = process.start(time.sleep, 100, netns=None, name="a probe")
        server = forkserver._forkserver._forkserver_pid
        print(channel.address("").socket, server, child.pid, flush=True)
        time.sleep(100)
"""


def benchkit(
    temporary: Path, *arguments: str, timeout: float = 30
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchkit", "doctor", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        env={**os.environ, "TMPDIR": str(temporary)},
    )


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[tuple[Path, int, int]]:
    """A campaign that was killed while its fork server was stopped: its folder, and two processes it left."""
    script = tmp_path / "campaign.py"
    script.write_text(CAMPAIGN)
    campaign = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert campaign.stdout is not None
    socket, server, child = campaign.stdout.readline().split()
    os.kill(int(server), signal.SIGSTOP)
    campaign.kill()
    campaign.wait()
    campaign.stdout.close()
    yield Path(socket).parent, int(server), int(child)
    for pid in (int(server), int(child)):
        if leftovers.identity(pid):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.privileged
def test_the_doctor_finds_an_emulator_and_how_well_this_machine_measures(tmp_path: Path) -> None:
    done = benchkit(tmp_path, "--format", "json", "--results", str(tmp_path / "results"))
    assert done.returncode == 0, done.stderr
    found = {each["topic"]: each for each in json.loads(done.stdout)["findings"]}
    assert found["privilege"]["state"] == found["emulator"]["state"] == "ok"
    assert found["stamps"]["state"] in {"ok", "warning"}
    assert "in a namespace" in found["stamps"]["said"]
    assert "p99" in found["timers"]["said"]
    assert all("remedy" in each for each in found.values() if each["state"] != "ok")
    assert not (tmp_path / "results").exists()


def test_the_doctor_tells_everything_it_can_whatever_this_user_may(tmp_path: Path) -> None:
    done = benchkit(tmp_path, "--results", str(tmp_path))
    assert done.returncode in {0, 5}, done.stderr
    assert done.stderr == ""
    topics = {line[4:16].strip() for line in done.stdout.splitlines()}
    assert topics >= {"privilege", "netem", "userspace", "stamps", "timers", "results", "leftovers"}


def test_clean_removes_what_a_killed_campaign_left(
    killed: tuple[Path, int, int], tmp_path: Path
) -> None:
    folder, server, child = killed
    done = benchkit(tmp_path, "--clean", "--results", str(tmp_path / "results"))
    assert done.returncode == 0, done.stderr
    words = " ".join(done.stdout.split())
    assert f"removed {folder}" in words
    assert f"killed {server} of campaign" in words
    assert not folder.exists()
    assert not list(tmp_path.glob("pymp-*"))
    deadline = time.monotonic() + 10
    while leftovers.identity(server) or leftovers.identity(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_clean_completes_a_whole_run_and_keeps_what_it_does_not_understand(tmp_path: Path) -> None:
    write_run(tmp_path, replace(passing(), run=RUN), []).rename(tmp_path / f".partial-{RUN}")
    odd = tmp_path / ".partial-odd"
    odd.mkdir()
    (odd / "samples.parquet").write_text("PAR1")
    for entry in (
        *odd.rglob("*"),
        odd,
        *tmp_path.glob(".partial-*/*"),
        *tmp_path.glob(".partial*"),
    ):
        os.utime(entry, (1, 1))
    done = benchkit(tmp_path, "--clean", "--results", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "completed" in done.stdout
    assert "kept" in done.stdout
    assert read_run(tmp_path / RUN).run == RUN
    assert (odd / "samples.parquet").exists()


def test_clean_of_results_that_is_a_file_touches_nothing(
    killed: tuple[Path, int, int], tmp_path: Path
) -> None:
    file = tmp_path / "results"
    file.touch()
    done = benchkit(tmp_path, "--clean", "--results", str(file))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert killed[0].is_dir()


def test_help_does_not_import_what_measures() -> None:
    code = (
        "import sys\n"
        "from benchkit.cli.doctor import doctor\n"
        "doctor.main(['--help'], standalone_mode=False)\n"
        "sys.exit(bool({'numpy', 'duckdb', 'rich'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0
