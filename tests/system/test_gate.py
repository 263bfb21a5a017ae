"""`benchkit gate` measures again what fails, and only that, on real namespaces."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from commands import benchkit, quick_target
from synthetic_runs import run_id

FLOOR = ("--min-latency", "2ms")


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """Results with one run of the quick target."""
    results = tmp_path / "results"
    done = benchkit("run", quick_target(tmp_path), "--results", str(results))
    assert done.returncode == 0, done.stderr
    return results


def slower_twin(results: Path) -> str:
    """A run that says it was made like the one there is, and had 10 ms more."""
    (folder,) = results.glob("2*")
    twin = results / run_id(59)
    twin.mkdir()
    record = json.loads((folder / "run.json").read_text())
    record["run"] = twin.name
    for estimate in record["paths"][0]["metrics"][0]["percentiles"].values():
        estimate.update({end: value + 10 for end, value in estimate.items()})
    (twin / "run.json").write_text(json.dumps(record))
    shutil.copytree(folder / "samples", twin / "samples")
    (twin / "samples" / "rtt.parquet").unlink()
    return folder.name


@pytest.mark.privileged
def test_a_regression_that_is_not_found_again_does_not_fail(measured: Path) -> None:
    base = slower_twin(measured)
    words = ("gate", run_id(59), "--baseline", base, *FLOOR, "--results", str(measured))
    done = benchkit(*words, "--no-confirm")
    assert done.returncode == 1, done.stderr
    done = benchkit(*words, "--format", "json")
    assert done.returncode in {0, 3}, (
        done.stderr
    )  # a busy machine may leave a cell without an interval
    found = json.loads(done.stdout)
    assert "not confirmed when it was measured again" in done.stdout
    again = json.loads((measured / "again" / found["again"] / "run.json").read_text())
    assert [path["path"] for path in again["paths"]] == ["here-there"]
    assert again["name"] == f"again: {run_id(59)}"
    assert "--probe rtt" in again["command"]
    assert "measuring again: benchkit run" in done.stderr


@pytest.mark.privileged
def test_a_budget_that_fails_twice_is_broken(tmp_path: Path) -> None:
    target = quick_target(tmp_path, limit="1 ms", tolerance="2.5 ms")
    results = ("--results", str(tmp_path / "results"))
    assert benchkit("run", target, *results).returncode == 1
    for _ in range(3):  # a machine that is busy the second time confirms nothing, and says so
        done = benchkit("gate", *results)
        if done.returncode != 3:
            break
    assert done.returncode == 1, done.stdout + done.stderr
    assert "confirmed when it was measured again" in " ".join(done.stdout.split())
