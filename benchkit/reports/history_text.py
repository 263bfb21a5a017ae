"""Histories and answers as text, Markdown, CSV or JSON: a line for each run, drawn on one scale."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from benchkit.model.history import APART, Change, History, Point
from benchkit.model.record import Estimate
from benchkit.model.record_json import dump_plain
from benchkit.reports import chart
from benchkit.reports.comparison_rows import figure_name
from benchkit.reports.figures import ABSENT, cells, clean, decimals_for, fixed, interval, padded
from benchkit.units import show_count

HISTORY_FORMATS = ("text", "markdown", "csv", "json")
NARROWEST = 24


def render_histories(histories: Sequence[History], format: str, width: int = 80) -> str:  # noqa: A002  as the option is called
    """The histories in one of HISTORY_FORMATS, with a newline at the end."""
    if format == "json":
        return (
            json.dumps([json.loads(dump_plain(each, "history")) for each in histories], indent=2)
            + "\n"
        )
    header = (
        "target",
        "path",
        "metric",
        "phase",
        "statistic",
        "run",
        "started",
        "state",
        "value",
        "low",
        "high",
        "level",
    )
    if format == "csv":
        rows = [_long(history, point) for history in histories for point in history.points]
        return render_table(header, rows, "csv")
    if format == "markdown":
        return "\n".join(line for each in histories for line in _markdown(each)).rstrip() + "\n"
    return "\n\n".join("\n".join(_text(each, width)) for each in histories) + "\n"


def render_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], format: str) -> str:  # noqa: A002  as above
    """Any answer as a table in one of HISTORY_FORMATS; an absent value is empty, in JSON it is null."""
    if format == "json":
        found = [dict(zip(columns, row, strict=True)) for row in rows]
        return json.dumps(found, indent=2, default=str, ensure_ascii=False) + "\n"
    if format == "csv":
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([columns, *rows])
        return text.getvalue()
    shown = [[_cell(entry) for entry in row] for row in (columns, *rows)]
    if format == "markdown":
        shown.insert(1, ["---"] * len(columns))
        lines = [
            "| " + " | ".join(entry.replace("|", "\\|") for entry in row) + " |" for row in shown
        ]
        return "\n".join(lines) + "\n"
    widths = [max(cells(row[index]) for row in shown) for index in range(len(columns))]
    lines = [
        "  ".join(padded(entry, size) for entry, size in zip(row, widths, strict=True)).rstrip()
        for row in shown
    ]
    return "\n".join(lines) + "\n"


def _text(history: History, width: int) -> Iterator[str]:
    yield _title(history)
    estimates = [
        point.estimate for point in history.points if point.estimate and point.state not in APART
    ]
    names = max((cells(clean(point.run)) for point in history.points), default=0)
    decimals = decimals_for(each.value for each in estimates)
    scale = chart.scale_for({}, estimates, max(width - names - 16, NARROWEST))
    changes = {change.run: change for change in history.changes}
    for point in history.points:
        if point.run in changes:
            yield f"  {'─' * 4} {_change(changes[point.run], history.unit)}"
        shown = f"{padded(clean(point.run), names)}  {_value(point, decimals):>9}"
        yield f"  {shown}  {_drawn(point, scale)}".rstrip()
    yield f"  newest: {clean(history.newest)}"


def _drawn(point: Point, scale: chart.Scale | None) -> str:
    if point.estimate is None or scale is None or point.state in APART:
        return point.state if point.estimate and point.state in APART else ""
    return chart.lane(scale, {}, point.estimate)


def _markdown(history: History) -> Iterator[str]:
    yield from (f"### {_title(history)}", "")
    estimates = [point.estimate for point in history.points if point.estimate is not None]
    decimals = decimals_for(each.value for each in estimates)
    rows = [
        (
            point.run,
            point.started,
            f"{_value(point, decimals)}{f' ({point.state})' if point.state in APART and point.estimate else ''}",
            interval(point.estimate or Estimate(), decimals),
        )
        for point in history.points
    ]
    yield render_table(
        ("run", "started", f"{history.statistic}, {history.unit}", "95 % interval"),
        rows,
        "markdown",
    )
    yield from (
        f"- {clean(change.run)}: {_change(change, history.unit)}" for change in history.changes
    )
    yield from (f"- newest: {clean(history.newest)}", "")


def _title(history: History) -> str:
    named = figure_name(history)
    count = len(history.changes)
    said = {0: "no change of level", 1: "1 change of level"}.get(count, f"{count} changes of level")
    apart = f", of them {history.apart}" if history.apart else ""
    return (
        f"{clean(history.path)}: {named}: {show_count(len(history.points), 'run')}{apart}, {said}"
    )


def _change(change: Change, unit: str) -> str:
    decimals = decimals_for((change.before, change.after))
    said = f"changed from {fixed(change.before, decimals)} to {fixed(change.after, decimals)} {clean(unit)}"
    beside = "; ".join(map(clean, change.beside))
    return f"{said} ({beside})" if beside else said


def _value(point: Point, decimals: int) -> str:
    if point.estimate is None or point.estimate.value is None:
        return point.state
    return fixed(point.estimate.value, decimals)


def _long(history: History, point: Point) -> tuple[Any, ...]:
    found = point.estimate or Estimate()
    return (
        *(history.target, history.path, history.metric, history.phase, history.statistic),
        *(point.run, point.started, point.state, found.value, found.low, found.high, point.level),
    )


def _cell(entry: object) -> str:
    if entry is None:
        return ABSENT
    return f"{entry:.6g}" if isinstance(entry, float) else clean(entry)
