"""Lines and names that fail: interfaces go down, peers fall silent, names are unknown, one family of addresses is missing.

Each in a network namespace of its own, on paths that are really there.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from commands import Running, benchkit, quick_target
from real_targets import real_target

pytestmark = pytest.mark.privileged
APART = ("unshare", "--map-root-user", "--net", "sh", "-c")


def target(folder: Path, address: str, reach: str = "icmp", duration: str = "4 s") -> str:
    sites = {"me": "", "there": f'address = "{address}"\nreach = "{reach}"'}
    plan = {"probes": ["rtt"], "duration": duration, "rate": "200/s"}
    paths = [("me", "there")]
    file = folder / "line.toml"
    file.write_text(
        real_target("A line that fails", sites, paths, limit="50 ms", percentile="p95", **plan)
    )
    return str(file)


def record_in(results: Path) -> dict[str, Any]:
    (file,) = results.glob("2*/run.json")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def inside(pid: int, *words: str) -> None:
    spaces = ["--net"] if os.geteuid() == 0 else ["--user", "--preserve-credentials", "--net"]
    subprocess.run(["nsenter", "--target", str(pid), *spaces, *words], check=True)


PINGS = 'ip link set lo up && echo 0 0 > /proc/sys/net/ipv4/ping_group_range && exec "$@"'
WITHOUT_IPV6 = "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"


def test_an_interface_that_goes_down_and_up_is_loss_and_nothing_else(tmp_path: Path) -> None:
    results = tmp_path / "results"
    words = ("run", target(tmp_path, "127.0.0.1"), "--results", str(results))
    with Running(*words, before=(*APART, PINGS, "sh")) as running:
        running.await_word("round trips, idle")
        time.sleep(1.5)
        inside(running.process.pid, "ip", "link", "set", "lo", "down")
        time.sleep(0.6)
        inside(running.process.pid, "ip", "link", "set", "lo", "up")
        status, _, said = running.end()
        assert running.survivors() == []
    assert "Traceback" not in said
    # One outage is one event, however many packets it took: it may fail a budget at p95, and never leaves a pass.
    assert status in {0, 1}, said
    (path,) = record_in(results)["paths"]
    (idle,) = [each for each in path["metrics"] if each["metric"] == "rtt"]
    assert idle["n"] == 800
    assert 60 < idle["lost"] < 400
    assert "p95" not in idle["percentiles"] or "value" not in idle["percentiles"]["p95"]
    assert path["verdict"] in {"fail", "inconclusive"}


def test_a_line_that_is_down_from_the_start_is_not_measured(tmp_path: Path) -> None:
    words = ("run", target(tmp_path, "127.0.0.1"), "--results", str(tmp_path / "results"))
    done = benchkit(*words, before=(*APART, 'exec "$@"', "sh"))
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stderr
    assert "there" in done.stderr


def test_a_name_that_nobody_knows_is_told(tmp_path: Path) -> None:
    words = ("run", target(tmp_path, "nowhere.invalid"), "--results", str(tmp_path / "results"))
    done = benchkit(*words)
    assert done.returncode == 4, done.stderr
    assert "nowhere.invalid" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("address", "without"),
    [
        ("::1", "ip address del 127.0.0.1/8 dev lo"),
        ("127.0.0.1", WITHOUT_IPV6),
        ("localhost", WITHOUT_IPV6),
    ],
)
def test_a_host_with_one_family_of_addresses_is_measured(
    tmp_path: Path, address: str, without: str
) -> None:
    results = tmp_path / "results"
    words = ("run", target(tmp_path, address, duration="1 s"), "--results", str(results))
    one_family = PINGS.replace("exec", f"{without} && exec")
    done = benchkit(*words, before=(*APART, one_family, "sh"))
    assert done.returncode == 0, done.stderr
    (path,) = record_in(results)["paths"]
    assert path["metrics"][0]["lost"] == 0


@pytest.mark.parametrize("without", ["ip address del 127.0.0.1/8 dev lo", WITHOUT_IPV6])
def test_a_modelled_path_needs_no_family_of_the_host(tmp_path: Path, without: str) -> None:
    words = ("run", quick_target(tmp_path), "--results", str(tmp_path / "results"))
    one_family = f'ip link set lo up && {without} && exec "$@"'
    done = benchkit(*words, before=(*APART, one_family, "sh"))
    # On a machine that others use it may be unfit; what it must not do is trip over a family that is not there.
    assert done.returncode in {0, 5}, done.stderr
    assert "Traceback" not in done.stderr
    assert "asked against got" in done.stderr


def test_a_peer_that_falls_silent_is_told_and_breaks_no_promise(tmp_path: Path) -> None:
    results = tmp_path / "results"
    with Running("agent", "--stamp-port", "18620", "--no-twamp") as agent:
        time.sleep(2.0)
        asked = target(tmp_path, "127.0.0.1", "stamp 18620", duration="8 s")
        with Running("run", asked, "--results", str(results)) as running:
            running.await_word("round trips, idle")
            time.sleep(2.0)
            agent.process.kill()
            status, _, said = running.end(timeout=40)
    assert "Traceback" not in said
    assert status == 4, said
    assert "me-there: the far end fell silent: it answered until" in said
    (path,) = record_in(results)["paths"]
    (idle,) = [each for each in path["metrics"] if each["metric"] == "rtt"]
    assert 0 < idle["lost"] < idle["n"]
    assert path["verdict"] == "inconclusive"
    assert "its far end fell silent meanwhile" in path["verdicts"][0]["reason"]
