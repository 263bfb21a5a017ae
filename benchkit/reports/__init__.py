"""Reports: pure functions of a RunRecord to text. All formats show the figures of `rows` and `sentences`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchkit.errors import AskedWronglyError
from benchkit.model.record import RunRecord
from benchkit.model.record_json import dump_record
from benchkit.reports.bencher import render_bencher
from benchkit.reports.benchmark_action import render_bigger, render_smaller
from benchkit.reports.github import render_annotations, render_summary
from benchkit.reports.hgrm import render_hgrm
from benchkit.reports.junit import render_junit
from benchkit.reports.long_form import render_csv
from benchkit.reports.markdown import render_markdown
from benchkit.reports.mesh import render_matrix
from benchkit.reports.openmetrics import render_openmetrics
from benchkit.reports.pytest_benchmark import render_pytest_benchmark
from benchkit.reports.text import render_text

__all__ = ["FORMATS", "render"]


@dataclass(frozen=True, slots=True)
class Screen:
    """What a text is read on: so many columns, and whether in colour; `found_by` are the words that find the run there."""

    width: int
    color: bool
    found_by: str | None


FORMATS: dict[str, Callable[[RunRecord, Screen], str]] = {
    "text": lambda record, on: render_text(record, on.width, color=on.color, found_by=on.found_by),
    "full": lambda record, on: render_text(record, on.width, color=on.color, full=True),
    "markdown": lambda record, _: render_markdown(record),
    "json": lambda record, _: dump_record(record),
    "csv": lambda record, _: render_csv(record),
    "junit": lambda record, _: render_junit(record),
    "github-summary": lambda record, _: render_summary(record),
    "github-annotations": lambda record, _: render_annotations(record),
    "benchmark-action-smaller": lambda record, _: render_smaller(record),
    "benchmark-action-bigger": lambda record, _: render_bigger(record),
    "bencher": lambda record, _: render_bencher(record),
    "pytest-benchmark": lambda record, _: render_pytest_benchmark(record),
    "hgrm": lambda record, _: render_hgrm(record),
    "matrix": lambda record, _: render_matrix(record),
    "openmetrics": lambda record, _: render_openmetrics(record),
}


def render(
    record: RunRecord,
    format: str,  # noqa: A002  the option's name
    *,
    width: int = 80,
    color: bool = False,
    found_by: str | None = None,
) -> str:
    """The report in a format of FORMATS, with a newline at its end.

    `found_by` are the words after `benchkit report` that find the run again; its id without.

    Raises:
        AskedWronglyError: there is no such format.
    """
    if format not in FORMATS:
        raise AskedWronglyError(f"no format `{format}`: there are {', '.join(FORMATS)}")
    return FORMATS[format](record, Screen(width, color, found_by))
