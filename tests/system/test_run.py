"""The real command on real namespaces: what a user sees, and what is left when it ends, however it ends."""

from __future__ import annotations

import csv
import io
import json
import signal
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from commands import Running, benchkit, quick_target

pytestmark = pytest.mark.privileged


def record_of(results: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(next(results.glob("2*/run.json")).read_text())
    return found


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results folder of one short run with everything in it."""
    folder = tmp_path_factory.mktemp("kept")
    target = quick_target(folder)
    words = ["--probe", "rtt", "--probe", "http", "--probe", "tcp", "--name", "a night shift"]
    done = benchkit("run", target, *words, "--seed", "7", "--results", str(folder / "results"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("PASS")
    assert "emulator: " in done.stderr
    assert "round trips, idle, 1 s\n" in done.stderr
    return folder / "results"


def test_a_run_keeps_the_outline_of_its_record(kept: Path) -> None:
    record = record_of(kept)
    assert record["schema"] == 1
    assert record["verdict"] == "pass"
    assert record["seed"] == 7
    assert record["name"] == "a night shift"
    assert record["emulator_reason"]
    assert record["instrument"]["stamps"] == "kernel"
    assert {one["direction"] for one in record["calibration"]} == {"forward", "backward", "both"}
    assert {"kernel", "processor", "python", "clock"} <= record["environment"].keys()
    (path,) = record["paths"]
    (verdict,) = path["verdicts"]
    assert verdict["phase"] == "idle"
    found = {(one["metric"], one["phase"]): one for one in path["metrics"]}
    assert found.keys() >= {
        ("rtt", "idle"),
        ("http", "idle"),
        ("goodput", "up"),
        ("goodput", "down"),
    }
    idle = found["rtt", "idle"]
    assert idle["n"] == 500
    assert idle["percentiles"]["p50"]["value"] == pytest.approx(4.0, abs=2.0)
    assert found["goodput", "up"]["value"] > 50


def test_a_run_can_be_reported_again_in_every_format(kept: Path) -> None:
    def shown(form: str) -> str:
        done = benchkit("report", "latest", "--format", form, "--results", str(kept))
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert json.loads(shown("json")) == record_of(kept)
    assert "here-there" in shown("text")
    assert shown("markdown").startswith("## PASS")
    rows = list(csv.DictReader(io.StringIO(shown("csv"))))
    assert {row["statistic"] for row in rows} >= {"p50", "p95", "p99.9"}


def test_a_kept_run_cannot_be_written_to(kept: Path) -> None:
    files = [file for file in next(kept.glob("2*")).rglob("*") if file.is_file()]
    assert {file.name for file in files} >= {"run.json", "rtt.parquet", "goodput.parquet"}
    assert not any(file.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP) for file in files)


@pytest.mark.parametrize(
    ("words", "status", "verdict"),
    [
        ({"limit": "1 ms"}, 1, "fail"),
        ({"percentile": "max"}, 3, "inconclusive"),
        ({"tolerance": "1 ns"}, 5, "unfit"),
    ],
)
def test_what_is_not_a_pass_has_its_own_status_and_is_kept(
    tmp_path: Path, words: dict[str, str], status: int, verdict: str
) -> None:
    done = benchkit("run", quick_target(tmp_path, **words), "--gate", "--results", str(tmp_path))
    assert done.returncode == status, done.stderr
    assert record_of(tmp_path)["verdict"] == verdict


def test_two_runs_at_once_do_not_see_each_other(tmp_path: Path) -> None:
    target = quick_target(tmp_path)
    with ThreadPoolExecutor() as pool:
        asked = [("run", target, "--results", str(tmp_path / name)) for name in ("one", "two")]
        done = list(pool.map(lambda words: benchkit(*words), asked))
    assert [each.returncode for each in done] == [0, 0], done[0].stderr + done[1].stderr
    lost = [record_of(tmp_path / name)["paths"][0]["metrics"][0]["lost"] for name in ("one", "two")]
    assert lost == [0, 0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_it_measured(tmp_path: Path, number: signal.Signals) -> None:
    target = quick_target(tmp_path, duration="30 s")
    with Running("run", target, "--results", str(tmp_path / "results")) as running:
        running.await_word("round trips, idle")
        time.sleep(1.5)
        running.process.send_signal(number)
        status, out, said = running.end()
        assert status == 130, said
        assert out.startswith("INTERRUPTED")
        assert running.survivors() == []
    record = record_of(tmp_path / "results")
    assert record["interrupted"]
    (path,) = record["paths"]
    assert path["verdict"] == "inconclusive"  # though each packet was well within its budget
    assert "of 15000 packets; the run was interrupted" in path["verdicts"][0]["reason"]
    measured = next(one for one in path["metrics"] if one["phase"] == "idle")
    assert 100 < measured["n"] < 15_000
    assert measured["lost"] < measured["n"] / 2


def test_a_run_interrupted_before_it_measured_leaves_nothing(tmp_path: Path) -> None:
    target = quick_target(tmp_path)
    with Running("run", target, "--results", str(tmp_path / "results")) as running:
        running.await_word("emulator:")
        running.process.send_signal(signal.SIGINT)
        status, out, said = running.end()
        assert status == 130, said
        assert out == ""
        assert "Traceback" not in said
        assert running.survivors() == []
    assert not (tmp_path / "results").exists()


def test_nothing_outlives_a_killed_run(tmp_path: Path) -> None:
    target = quick_target(tmp_path, duration="30 s")
    with Running("run", target, "--results", str(tmp_path / "results")) as running:
        running.await_word("round trips, idle")
        assert len(running.survivors(within_s=0)) > 3
        running.process.kill()
        running.process.wait()
        assert running.survivors() == []
