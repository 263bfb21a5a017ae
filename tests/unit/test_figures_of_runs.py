"""A run in which nothing was measured is kept and is `latest`, and nobody takes it, or an older one, for a measurement."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from synthetic_runs import jitter, record_of, run_id, write

from benchkit.cli import cli
from benchkit.errors import AskedWronglyError
from benchkit.model.record_json import dump_record
from benchkit.store import read_run
from benchkit.store.baselines import load_baseline, save_baseline
from benchkit.store.figures import newest_with_figures


@pytest.fixture
def results(tmp_path: Path) -> Path:
    write(tmp_path, 1, jitter(1))
    record = record_of(jitter(2), run_id(2))
    paths = tuple(replace(path, metrics=()) for path in record.paths)
    write(tmp_path, 2, jitter(2), samples=False, record=replace(record, paths=paths))
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        "compare latest~1 latest",
        "compare latest latest~1",
        "gate latest~1 --baseline latest --no-confirm",
        "baseline save main latest",
        "baseline save main latest~1 latest",
    ],
)
def test_it_is_refused_with_the_newest_that_has_figures(results: Path, words: str) -> None:
    done = CliRunner().invoke(cli, [*words.split(), "--results", str(results)])
    assert isinstance(done.exception, AskedWronglyError)
    said = str(done.exception)
    assert said.startswith(f"nothing was measured in run {run_id(2)} ")
    assert f"name {run_id(1)}, the newest that can be" in said
    assert not (results / ".baselines" / "main.json").exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"interrupted": True}, "was interrupted"),
        ({"unfit": ("it was too busy",)}, "was measured on an unfit machine"),
    ],
)
def test_a_run_that_none_can_be_compared_with_joins_no_baseline(
    results: Path, changed: dict[str, Any], said: str
) -> None:
    write(results, 3, jitter(3), record=replace(record_of(jitter(3), run_id(3)), **changed))
    save_baseline(results, "main", [run_id(1)])
    words = ["baseline", "save", "main", "latest", "--add", "--results", str(results)]
    done = CliRunner().invoke(cli, words)
    assert isinstance(done.exception, AskedWronglyError)
    assert f"run {run_id(3)} {said}" in str(done.exception)
    assert f"name {run_id(1)}, the newest that can be" in str(done.exception)
    assert load_baseline(results, "main").runs == (run_id(1),)


def test_a_window_with_such_a_run_of_an_older_version_moves_on(results: Path) -> None:
    write(results, 3, jitter(3))
    save_baseline(results, "main", [run_id(3)])
    whole = read_run(results / run_id(3))
    file = results / run_id(3) / "run.json"
    file.unlink()  # it may be read alone
    file.write_text(dump_record(replace(whole, interrupted=True)))
    write(results, 4, jitter(4))
    assert save_baseline(results, "main", [run_id(4)], add=True).runs == (run_id(3), run_id(4))
    assert save_baseline(results, "main", [run_id(1)], add=True, keep=2).runs == (
        run_id(4),
        run_id(1),
    )


def test_it_is_latest_and_reported(results: Path) -> None:
    done = CliRunner().invoke(cli, ["report", "latest", "--results", str(results)])
    assert done.exit_code == 0
    assert run_id(2) in done.output
    assert "nothing was measured" in done.output


def test_a_base_of_several_needs_one_that_has_figures(results: Path) -> None:
    write(results, 3, jitter(3))
    runs = (run_id(1), run_id(2), run_id(3))
    done = CliRunner().invoke(cli, ["compare", *runs, "--results", str(results)])
    assert done.exit_code == 0, done.exception


def test_where_there_is_none_none_is_named(tmp_path: Path) -> None:
    assert newest_with_figures(tmp_path) is None
    assert newest_with_figures(tmp_path / "nowhere") is None
