"""What stands around a run is stopped or killed at any moment: a cluster's scheduler and agent, the live view.

The run ends by itself in good time, keeps what came, and never calls a path broken for it. What a cluster's cells then
say is in `tests/system/test_cluster_faults.py`.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest
from commands import Running, benchkit, quick_target, remaining_of
from real_targets import real_target

pytestmark = pytest.mark.privileged

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
ROUNDS = int(os.environ.get("BENCHKIT_FAULT_ROUNDS", "10"))
HOST = "127.86.8.3"
CLUSTER = f"tcp://{HOST}:18787"
# Victims change with every round and signals too, so that each meets each; these take longer than a campaign alone.
AROUND = [
    (
        ("scheduler", "agent", "controller")[index % 3],
        SIGNALS[(index + index // 3) % 3],
        round(random.Random(1000 + index).uniform(0.0, 3.5), 2),
    )
    for index in range(max(3, ROUNDS // 3))
]
WATCHED = [
    (
        ("live view", "campaign")[index % 2],
        SIGNALS[(index // 2) % 3],
        round(random.Random(2000 + index).uniform(0.0, 4.0), 2),
    )
    for index in range(max(2, ROUNDS // 4))
]
TARGET = real_target(
    "Between members",
    {"here": "", "far": f'address = "{HOST}"\nreach = "stamp 18863"'},
    [("here", "far")],
    limit="50 ms",
    probes=["rtt"],
    duration="2 s",
    rate="200/s",
)
AGENT = (
    *("agent", "--site", "far", "--bind", HOST, "--stamp-port", "18863", "--no-twamp"),
    *("--cluster", CLUSTER),
)
ENDED = {0, 130, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT}


def await_line(server: Running, words: str) -> None:
    """Read its stdout until a line has those words."""
    assert server.process.stdout is not None
    assert any(words in line for line in server.process.stdout), f"it never said {words!r}"


def stopped(server: Running) -> None:
    """End a server that may have ended already: quietly, and with all that it started."""
    if server.process.poll() is None:
        server.process.terminate()
    status, _, said = server.end(30)
    assert status in ENDED, said
    assert "Traceback" not in said
    assert server.survivors() == []


@pytest.mark.parametrize(("victim", "number", "after_s"), AROUND)
def test_a_run_outlives_its_cluster(
    tmp_path: Path, victim: str, number: signal.Signals, after_s: float
) -> None:
    results, target = tmp_path / "results", tmp_path / "members.toml"
    target.write_text(TARGET)
    words = (
        "run",
        str(target),
        "--results",
        str(results),
        "--cluster",
        CLUSTER,
        "--patience",
        "3s",
    )
    with Running("scheduler", "--bind", f"{HOST}:18787") as scheduler:
        await_line(scheduler, CLUSTER)
        with Running(*AGENT) as agent:
            await_line(agent, "in the cluster")
            with Running(*words) as controller:
                controller.await_word("emulator:")
                time.sleep(after_s)
                killed = {"scheduler": scheduler, "agent": agent, "controller": controller}[victim]
                with suppress(ProcessLookupError):
                    killed.process.send_signal(number)
                status, out, said = controller.end(60)
                assert controller.survivors() == []
            assert "Traceback" not in said
            if victim == "controller":
                assert status in {0, 130, -number}, said
            else:
                assert status in {0, 4, 5}, said
            assert not out.startswith("FAIL"), out
            for folder in results.glob("2*"):
                assert json.loads((folder / "run.json").read_text())["verdict"] != "fail"
            stopped(agent)
        stopped(scheduler)


def live_view_of(campaign: Running) -> tuple[int, int]:
    """The process id of the live view beside a campaign, and its port."""
    campaign.await_word("live view:")
    port = int(campaign.heard.rpartition(":")[2].partition("/")[0])
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == campaign.process.pid:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if b"serve" in words:
                    return int(entry.name), port
    raise AssertionError("no live view beside it")


def is_free(port: int, within_s: float = 5.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        with socket.socket() as trial:
            trial.settimeout(1.0)
            if trial.connect_ex(("127.0.0.1", port)):
                return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize(("victim", "number", "after_s"), WATCHED)
def test_a_run_outlives_its_live_view_and_the_live_view_no_run(
    tmp_path: Path, victim: str, number: signal.Signals, after_s: float
) -> None:
    temporary, results = tmp_path / "tmp", tmp_path / "results"
    temporary.mkdir()
    words = ("run", quick_target(tmp_path), "--live", "--results", str(results))
    with Running(*words, TMPDIR=str(temporary)) as campaign:
        view, port = live_view_of(campaign)
        time.sleep(after_s)
        with suppress(ProcessLookupError):
            os.kill(view if victim == "live view" else campaign.process.pid, number)
        status, out, said = campaign.end(60)
        assert campaign.survivors() == []
        assert is_free(port)
        assert remaining_of(view) == []
    assert "Traceback" not in said
    assert not out.startswith("FAIL")
    if victim == "live view":
        # Nobody watches; what is measured is the same.
        assert status in {0, 5}, said
        (folder,) = results.glob("2*")
        assert json.loads((folder / "run.json").read_text())["verdict"] != "fail"
    else:
        assert status in {0, 130, -number}, said
    for log in results.glob(".live-*"):
        os.utime(log, (0, 0))  # as if it had been silent for long
    cleaned = benchkit("doctor", "--clean", "--results", str(results), TMPDIR=str(temporary))
    assert cleaned.returncode in {0, 2}, cleaned.stderr
    assert list(temporary.iterdir()) == []
    assert not list(results.glob(".live-*"))
