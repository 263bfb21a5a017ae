"""Throughput from the command line: iperf3 servers as far ends, workloads, a window too small, a full disk."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import benchkit
from iperf3_peer import iperf3_serving, iperf3_testing
from loopback import free_port

REAL = """
schema = 1
title = "Two ends"
[[site]]
name = "near"
[[site]]
name = "far"
address = "iperf3://127.0.0.1:{port}"
[[path]]
from = "near"
to = "far"
real = true
[plan]
probes = ["tcp", "udp"]
load_duration = "1 s"
streams = 2
"""
MODELLED = """
schema = 1
title = "Two ends"
[defaults.model]
rate = "200 Mbit/s"
buffer = "1 MiB"
[[site]]
name = "near"
[[site]]
name = "far"
[[path]]
from = "near"
to = "far"
model = {{ delay = "5 ms" }}
{more}
[plan]
probes = {probes}
duration = "1 s"
load_duration = "1500 ms"
calibration = "500 ms"
"""
WORK = """
[[workload]]
name = "data"
kind = "data set"
size = "4 MB"
files = 8
streams = 2
[[workload]]
name = "check"
kind = "checkpoint"
size = "1 MB"
every = "400 ms"
rounds = 2
[[workload]]
name = "ask"
kind = "inference"
rate = "40/s"
duration = "1 s"
mix = [{ request = "1 KiB", response = "4 KiB" }]
"""


def run(tmp_path: Path, text: str, *more: str) -> dict[str, Any]:
    target = tmp_path / "asked.toml"
    target.write_text(text)
    done = benchkit("run", str(target), "--format", "json", "--results", str(tmp_path), *more)
    assert done.returncode == 0, done.stderr
    record: dict[str, Any] = json.loads(done.stdout)
    return record


def metrics(record: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(one["metric"], one["phase"]): one for one in record["paths"][0]["metrics"]}


@pytest.mark.skipif(shutil.which("iperf3") is None, reason="iperf3 is not installed")
def test_any_iperf3_server_is_a_far_end(tmp_path: Path) -> None:
    # Nobody named a congestion control: what sends has its own, and the server does not say which.
    usual = Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()
    port = free_port()
    with iperf3_serving(port):
        found = metrics(run(tmp_path, REAL.format(port=port)))
    for phase, sender in (("up", usual), ("down", "the server's own congestion control")):
        assert found["goodput", phase]["value"] > 0
        assert found["udp", phase]["value"] == pytest.approx(10, rel=0.2)
        assert found["udp", phase]["configured"] == 10
        assert found["goodput", phase]["setup"] == (
            f"2 streams, zero-copy here, iperf3 at the far end, {sender}"
        )
    assert found["goodput", "up"]["limited_by"] != "unknown"


@pytest.mark.skipif(shutil.which("iperf3") is None, reason="iperf3 is not installed")
def test_a_far_end_that_is_taken_is_waited_for(tmp_path: Path) -> None:
    port = free_port()
    target = tmp_path / "asked.toml"
    target.write_text(REAL.format(port=port).replace('"tcp", "udp"', '"udp"'))
    words = ["run", str(target), "--results", str(tmp_path), "--format", "json"]
    patient = [sys.executable, "-m", "benchkit", *words, "--wait", "60s"]
    with iperf3_serving(port):
        with iperf3_testing(port, "-t", "120", "-b", "1M"):
            at_once = benchkit(*words)
            waiting = subprocess.Popen(
                patient, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            assert waiting.stderr is not None
            assert any(line.rstrip().endswith(": waiting") for line in waiting.stderr)
        said, _ = waiting.communicate(timeout=60)
    assert at_once.returncode == 4
    assert "is busy with another test" in at_once.stderr
    assert metrics(json.loads(said))["udp", "up"]["value"] == pytest.approx(10, rel=0.2)


def test_no_iperf3_server_is_one_line_that_names_the_port(tmp_path: Path) -> None:
    port = free_port()
    target = tmp_path / "asked.toml"
    target.write_text(REAL.format(port=port).replace('"tcp", "udp"', '"tcp"'))
    done = benchkit("run", str(target), "--results", str(tmp_path))
    assert done.returncode == 4
    assert f"TCP port {port} of 127.0.0.1 cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.privileged
def test_work_is_measured_to_its_end_against_paper(tmp_path: Path) -> None:
    found = metrics(run(tmp_path, MODELLED.format(more=WORK, probes='["rtt"]')))
    data, check = found["completion", "data"], found["completion", "check"]
    assert data["lost"] == check["lost"] == 0
    for one in (data, check):
        assert one["value"] > 0.9 * one["details"]["on_paper_s"]
    ask = found["inference", "ask"]
    assert ask["n"] == 40
    assert ask["percentiles"]["p50"]["value"] > 9.9
    assert ask["details"]["on_paper"] == pytest.approx(10.2, abs=0.2)


@pytest.mark.privileged
def test_a_window_too_small_is_told_with_both_numbers(tmp_path: Path) -> None:
    text = MODELLED.format(more="", probes='["tcp", "udp"]')
    words = ("--window", "32 KiB", "--streams", "2", "--stream-mode", "verify")
    found = metrics(run(tmp_path, text, *words))
    assert found.keys() >= {("goodput", "both up"), ("goodput", "both down"), ("udp", "down")}
    up = found["goodput", "up"]
    assert up["value"] < 150
    assert re.fullmatch(
        r"(receive window|send buffer), \d+ KiB( under way)? where the path needs 244 KiB",
        up["limited_by"],
    )
    assert up["setup"] == "2 streams, verify, cubic, windows of 32768 octets"
    assert up["details"]["window_needed_octets"] == pytest.approx(250_000, rel=0.05)
    assert up["details"]["transfer_time_ratio"] > 1.2
