"""What the README shows is what `benchkit report` says of the published run, to the letter."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchkit.reports import render
from benchkit.store import read_run

ROOT = Path(__file__).parents[2]
PUBLISHED = sorted(file.parent for file in (ROOT / "results" / "published").glob("*/run.json"))
SHOWN = re.compile(r"<!-- report: (\S+) -->\n```\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("run", PUBLISHED, ids=lambda run: run.name)
def test_a_published_run_can_be_reported(run: Path) -> None:
    record = read_run(run)
    assert render(record, "text")
    assert not record.interrupted


def test_the_readme_shows_the_beginning_of_its_report() -> None:
    shown = SHOWN.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert shown
    for name, text in shown:
        report = render(read_run(ROOT / name), "text", width=80)
        assert len(text.splitlines()) > 20
        assert report.startswith(text)
