"""One judged distribution for a terminal: figures at the left, the same on a scale at the right."""

from __future__ import annotations

from collections.abc import Iterator

from benchkit.model.record import Verdict
from benchkit.reports import chart, sentences
from benchkit.reports.figures import LOST, cells, clean, decimals_for, fixed, interval, padded
from benchkit.reports.layout import INDENT, hanging
from benchkit.reports.paint import Line
from benchkit.reports.rows import Row, Series

NARROWEST_CHART = 24
STATISTIC_WIDTH = 7


def distribution(series: Series, width: int) -> Iterator[Line]:
    """The judged distribution: figures at the left, the same on a scale at the right."""
    verdict = series.gravest
    title = f"{sentences.series_name(series.metric)}: "
    yield from hanging((f"{INDENT}{title}", "bold"), sentences.counts(series.metric), width)
    decimals = decimals_for(row.estimate.value for row in series.rows)
    values = [fixed(row.estimate.value, decimals, LOST) for row in series.rows]
    ends = [interval(row.estimate, decimals) for row in series.rows]
    unit, ends_name = clean(series.metric.unit), "95 % interval"
    value_width = max(6, *map(cells, (unit, *values)))
    ends_width = max(map(cells, (ends_name, *ends)))
    left = len(INDENT) + STATISTIC_WIDTH + value_width + 2 + ends_width + 2
    marks = _marks(series, verdict)
    room = width - left
    scale = None
    if marks and room >= NARROWEST_CHART:
        scale = chart.scale_for(marks, [row.estimate for row in series.rows], room)
    legend = chart.legend(scale, marks) if scale else [""]
    for line in legend[:-1]:
        yield [(" " * left + line, "dim")]
    head = f"{INDENT}{'':{STATISTIC_WIDTH}}{padded(unit, value_width, right=True)}  "
    yield [(f"{head}{padded(ends_name, ends_width)}  {legend[-1]}".rstrip(), "dim")]
    for row, value, span in zip(series.rows, values, ends, strict=True):
        mark, style = _judged(row, verdict)
        lane = chart.lane(scale, marks, row.estimate) if scale else ""
        statistic = padded(clean(row.statistic), STATISTIC_WIDTH)
        yield [
            (f"{mark}{statistic}{padded(value, value_width, right=True)}  ", style),
            (f"{padded(span, ends_width)}  " if lane else span, "dim"),
            (lane, ""),
        ]
    yardstick = sentences.yardstick(series, verdict)
    if yardstick:
        yield []
        yield from hanging((INDENT, ""), yardstick, width)


def _judged(row: Row, drawn: Verdict | None) -> tuple[str, str]:
    """What stands before a figure, and how it is written: full where its budget is the one that is drawn."""
    if row.verdict is None:
        return INDENT, ""
    return ("▸ " if row.verdict is drawn else "▹ "), "bold"


def _marks(series: Series, verdict: Verdict | None) -> dict[str, float]:
    metric = series.metric
    limit = verdict.limit if verdict else None
    found = {"floor": metric.floor, "model": metric.model, "budget": limit}
    return {name: value for name, value in found.items() if value is not None}
