"""An upgrade between writing a run and reading it: every record that was ever published stays readable, whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchkit.campaign.publishing import html_of
from benchkit.reports import FORMATS, render
from benchkit.store import list_runs, read_run, read_samples

RUNS = Path(__file__).parent / "runs"
FOLDERS = sorted(RUNS.iterdir())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_old_record_says_what_it_always_said(folder: Path) -> None:
    written: dict[str, Any] = json.loads((folder / "run.json").read_text())
    record = read_run(folder)
    assert (record.run, record.verdict) == (written["run"], written["verdict"])
    for path, old in zip(record.paths, written["paths"], strict=True):
        assert path.verdict == old["verdict"]
        for metric, was in zip(path.metrics, old["metrics"], strict=True):
            assert (metric.metric, metric.phase) == (was["metric"], was["phase"])
            assert (metric.n, metric.lost) == (was.get("n", 0), was.get("lost", 0))
            for name, estimate in was.get("percentiles", {}).items():
                assert metric.percentiles[name].value == estimate["value"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
@pytest.mark.parametrize("form", FORMATS)
def test_an_old_record_is_shown_in_every_format(folder: Path, form: str) -> None:
    assert render(read_run(folder), form)


def test_old_samples_are_read_and_drawn() -> None:
    folder = next(each for each in FOLDERS if (each / "samples").exists())
    assert sum(rows.columns["due_ns"].size for rows in read_samples(folder, "rtt")) > 1000
    assert len(read_samples(folder, "goodput")) > 0
    assert len(html_of(folder, read_run(folder))) > 500_000


def test_they_are_listed_with_their_dates() -> None:
    assert len(list_runs(RUNS)) == len(FOLDERS) >= 4
