"""`benchkit run --until-decided`, on real namespaces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands import benchkit, quick_target

# An interval of p99 has an upper end from 368 packets on; 0.5 s at 500/s are 250.
TOO_SHORT = {"percentile": "p99", "duration": "0.5 s"}


def idle_of(results: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    record: dict[str, Any] = json.loads(next(results.glob("2*/run.json")).read_text())
    return record, record["paths"][0]["metrics"][0]


@pytest.mark.privileged
def test_an_open_verdict_is_measured_on_until_it_is_decided(tmp_path: Path) -> None:
    target = quick_target(tmp_path, **TOO_SHORT)
    words = ("--until-decided", "--max-duration", "1m", "--gate", "--results", str(tmp_path))
    done = benchkit("run", target, *words)
    assert done.returncode == 0, done.stderr
    record, idle = idle_of(tmp_path)
    assert record["verdict"] == "pass"
    assert idle["n"] >= 500
    assert idle["unstamped"] < idle["n"] / 10
    assert idle["lost"] < idle["n"] / 10
    assert "until decided" in done.stderr
    assert any("rounds" in note for note in record["notes"])


@pytest.mark.privileged
def test_the_longest_duration_ends_it_undecided(tmp_path: Path) -> None:
    target = quick_target(tmp_path, percentile="p99.9", duration="0.5 s")
    words = ("--until-decided", "--max-duration", "1 s", "--gate", "--results", str(tmp_path))
    done = benchkit("run", target, *words)
    assert done.returncode == 3, done.stderr
    _, idle = idle_of(tmp_path)
    assert idle["n"] == 500


@pytest.mark.privileged
def test_what_is_decided_at_once_is_not_measured_on(tmp_path: Path) -> None:
    done = benchkit("run", quick_target(tmp_path), "--until-decided", "--results", str(tmp_path))
    assert done.returncode == 0, done.stderr
    record, idle = idle_of(tmp_path)
    assert idle["n"] == 500
    assert not any("rounds" in note for note in record.get("notes", ()))


def test_a_longest_duration_of_nothing_is_asked_wrongly() -> None:
    done = benchkit("run", "--max-duration", "5m")
    assert done.returncode == 2
    assert "--until-decided" in done.stderr
