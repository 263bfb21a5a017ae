"""Reports: pure functions of a RunRecord to text. All formats show the figures of `rows` and `sentences`."""

from __future__ import annotations

from collections.abc import Callable

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

FORMATS: dict[str, Callable[[RunRecord, int, bool], str]] = {
    "text": lambda record, width, color: render_text(record, width, color=color),
    "full": lambda record, width, color: render_text(record, width, color=color, full=True),
    "markdown": lambda record, _width, _color: render_markdown(record),
    "json": lambda record, _width, _color: dump_record(record),
    "csv": lambda record, _width, _color: render_csv(record),
    "junit": lambda record, _width, _color: render_junit(record),
    "github-summary": lambda record, _width, _color: render_summary(record),
    "github-annotations": lambda record, _width, _color: render_annotations(record),
    "benchmark-action-smaller": lambda record, _width, _color: render_smaller(record),
    "benchmark-action-bigger": lambda record, _width, _color: render_bigger(record),
    "bencher": lambda record, _width, _color: render_bencher(record),
    "pytest-benchmark": lambda record, _width, _color: render_pytest_benchmark(record),
    "hgrm": lambda record, _width, _color: render_hgrm(record),
    "matrix": lambda record, _width, _color: render_matrix(record),
    "openmetrics": lambda record, _width, _color: render_openmetrics(record),
}


def render(record: RunRecord, format: str, *, width: int = 80, color: bool = False) -> str:  # noqa: A002  the option's name
    """The report in a format of FORMATS, with a newline at its end.

    Raises:
        AskedWronglyError: there is no such format.
    """
    if format not in FORMATS:
        raise AskedWronglyError(f"no format `{format}`: there are {', '.join(FORMATS)}")
    return FORMATS[format](record, width, color)
