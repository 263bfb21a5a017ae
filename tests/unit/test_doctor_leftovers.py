"""What killed runs left, as the doctor finds and names it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from healthy_machine import examined, made_healthy

from benchkit.campaign import tidying
from benchkit.store.live import LiveLog, live_logs


@pytest.fixture
def healthy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return made_healthy(monkeypatch, tmp_path)


def test_what_is_left_is_named_with_the_remedy_and_stays(healthy: Path) -> None:
    dead = healthy / "benchkit-4194305-abc"  # above the largest id a process can have
    dead.mkdir()
    results = healthy / "results"
    for number in range(5):
        partial = results / f".partial-20261123T10150{number}Z-lab-0001"
        partial.mkdir(parents=True)
        os.utime(partial, (1, 1))
    finding = examined(results)["leftovers"]
    assert finding.state == "warning"
    assert finding.remedy == f"benchkit doctor --clean --results {results}"
    assert f"1 folder of dead campaigns: {dead}" in finding.said
    assert "5 unfinished runs of dead campaigns" in finding.said
    assert finding.said.endswith("and 2 more")
    assert dead.is_dir()
    assert len(tidying.clean(results)) == 6
    assert examined(results)["leftovers"].state == "ok"


def test_a_run_that_may_still_be_written_is_named_and_left(healthy: Path) -> None:
    results = healthy / "results"
    (results / ".partial-20261123T101500Z-lab-0001").mkdir(parents=True)
    found = tidying.found(results)
    assert found.state == "ok"
    assert "left alone" in found.said
    (cleaned,) = tidying.clean(results)
    assert cleaned.state == "warning"
    assert "may be at work" in cleaned.said


def test_what_a_run_left_that_was_killed_just_now_is_named_with_when_it_goes(healthy: Path) -> None:
    results = healthy / "results"
    results.mkdir()
    run = "20261123T101500Z-lab-0001"
    files = [results / f".arrived-{run}", results / f".live-{run}"]
    for file in files:
        file.write_text("{}\n")
    assert all(
        f"left alone: {file}, written a moment ago" in tidying.found(results).said for file in files
    )
    cleaned = tidying.clean(results)
    assert [each.said.split(",")[0] for each in cleaned] == [
        f"left alone: {each}" for each in files
    ]
    assert all(
        each.remedy.startswith(f"benchkit doctor --clean --results {results} in 10 s")
        for each in cleaned
    )
    living = LiveLog(results, "20261123T101501Z-lab-0002")
    assert len(tidying.clean(results)) == 2
    living.close()
    for file in files:
        os.utime(file, (1, 1))
    assert all("left alone" not in each.said for each in tidying.clean(results))


def test_the_fork_server_of_a_campaign_with_two_folders_is_named_once(healthy: Path) -> None:
    server = healthy / "pymp-abc"
    server.mkdir()
    for name in ("benchkit-4194305-abc", "benchkit-4194305-abd"):
        (healthy / name).mkdir()
        (healthy / name / "fork-server").symlink_to(server)
    said = [each.said for each in tidying.clean(healthy / "results")]
    assert sorted(said) == sorted(
        f"removed {healthy / name}"
        for name in ("pymp-abc", "benchkit-4194305-abc", "benchkit-4194305-abd")
    )


def test_what_a_killed_run_told_is_removed_and_what_a_living_one_tells_stays(healthy: Path) -> None:
    results = healthy / "results"
    living = LiveLog(results, "20261123T101501Z-lab-0002")
    dead = results / ".live-20261123T101500Z-lab-0001"
    dead.write_text("{}\n")
    os.utime(dead, (1, 1))
    finding = examined(results)["leftovers"]
    assert finding.said == f"1 live log of dead campaigns: {dead}"
    assert [each.said for each in tidying.clean(results)] == [f"removed {dead}"]
    assert list(live_logs(results)) == ["20261123T101501Z-lab-0002"]
    assert examined(results)["leftovers"].state == "ok"
    living.close()
