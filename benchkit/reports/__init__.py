"""Reports: pure functions of a RunRecord to text. All formats show the figures of `rows` and `sentences`."""

from __future__ import annotations

from collections.abc import Callable

from benchkit.errors import AskedWronglyError
from benchkit.model.record import RunRecord
from benchkit.model.record_json import dump_record
from benchkit.reports.long_form import render_csv
from benchkit.reports.markdown import render_markdown
from benchkit.reports.text import render_text

__all__ = ["FORMATS", "render"]

FORMATS: dict[str, Callable[[RunRecord, int, bool], str]] = {
    "text": lambda record, width, color: render_text(record, width, color=color),
    "markdown": lambda record, _width, _color: render_markdown(record),
    "json": lambda record, _width, _color: dump_record(record),
    "csv": lambda record, _width, _color: render_csv(record),
}


def render(record: RunRecord, format: str, *, width: int = 80, color: bool = False) -> str:  # noqa: A002  the option's name
    """The report in a format of FORMATS, with a newline at its end.

    Raises:
        AskedWronglyError: there is no such format.
    """
    if format not in FORMATS:
        raise AskedWronglyError(f"no format `{format}`: there are {', '.join(FORMATS)}")
    return FORMATS[format](record, width, color)
