"""What the full report for a terminal says beyond the usual one: every percentile, every part, every figure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from benchkit.model.record import RunRecord
from benchkit.reports import background, sentences
from benchkit.reports.accounts import accounts
from benchkit.reports.distribution import STATISTIC_WIDTH
from benchkit.reports.figures import (
    LOST,
    cells,
    clean,
    decimals_for,
    fixed,
    interval,
    padded,
    percent,
)
from benchkit.reports.layout import INDENT, LABEL_WIDTH, hanging, section, table
from benchkit.reports.paint import Line
from benchkit.reports.rows import Series


def beside(spreads: Sequence[Series], width: int) -> Iterator[Line]:
    """The other distributions side by side, as many as fit, then the rest below."""
    names = _statistics(spreads)
    columns = [_column(series, names) for series in spreads]
    while columns:
        taken = [columns.pop(0)]
        used = len(INDENT) + STATISTIC_WIDTH + cells(taken[0][0])
        while columns and used + 2 + cells(columns[0][0]) <= width:
            used += 2 + cells(columns[0][0])
            taken.append(columns.pop(0))
        yield []
        for index, name in enumerate(("", "due", "lost", *names)):
            cell = "  ".join(column[index] for column in taken)
            style = "bold" if index == 0 else ""
            yield [(f"{INDENT}{padded(name, STATISTIC_WIDTH)}{cell}".rstrip(), style)]
    if any(s.metric.phase in sentences.PHASE_NAMES and not s.verdicts for s in spreads):
        yield from hanging((INDENT, ""), sentences.LOAD_NOTE, width, "dim")


def _statistics(spreads: Iterable[Series]) -> list[str]:
    return list(dict.fromkeys(clean(row.statistic) for each in spreads for row in each.rows))


def _column(series: Series, names: Sequence[str]) -> list[str]:
    metric = series.metric
    decimals = decimals_for(row.estimate.value for row in series.rows)
    values = [fixed(row.estimate.value, decimals, LOST) for row in series.rows]
    ends = [interval(row.estimate, decimals) for row in series.rows]
    value_width = max(map(cells, values))
    pairs = (
        f"{padded(v, value_width, right=True)}  {end}" for v, end in zip(values, ends, strict=True)
    )
    found = dict(zip((clean(row.statistic) for row in series.rows), pairs, strict=True))
    lost = f"{metric.lost} ({percent(metric.lost, metric.n)})" if metric.lost else "0"
    title = f"{sentences.series_name(metric)}, {clean(metric.unit)}"
    lines = [title, str(metric.n), lost, *(found.get(name, "") for name in names)]
    width = max(map(cells, lines))
    return [padded(line, width) for line in lines]


def rates(series: Sequence[Series], width: int) -> Iterator[Line]:
    """Rates, with everything that was counted beside them."""
    if series:
        yield []
    name_width = max((cells(sentences.series_name(each.metric)) for each in series), default=0)
    for each in series:
        label = (
            f"{INDENT}{padded(sentences.series_name(each.metric), max(name_width, LABEL_WIDTH))} "
        )
        yield from hanging((label, "bold"), sentences.rate(each), width)
        beside = sentences.beside_rate(each)
        if beside:
            yield from hanging((" " * cells(label), ""), beside, width, "dim")


def whereabouts(spreads: Sequence[Series], width: int) -> Iterator[Line]:
    """Where the time of each distribution went."""
    for each in spreads:
        if moments := sentences.moments(each.metric):
            label = f"{INDENT}{sentences.series_name(each.metric)}: "
            yield from hanging((label, "dim"), moments, width, "dim")
        for said in accounts(each.metric):
            yield from hanging((f"{INDENT}{INDENT}", "dim"), said, width, "dim")


def calibration(record: RunRecord, width: int) -> Iterator[Line]:
    """A table for each path, narrow enough for a terminal; the machine-readable formats have every column."""
    if record.calibration:
        yield from section(background.CALIBRATION_TITLE, width)
    for name in dict.fromkeys(line.path for line in record.calibration):
        yield [(f"{INDENT}{clean(name)}", "bold")]
        yield from table(
            background.SHORT_CALIBRATION_HEADER,
            background.short_calibration_rows(record.calibration, name),
        )


def context(record: RunRecord, width: int) -> Iterator[Line]:
    """What the document says besides."""
    if record.context:
        yield from section("Documented, not judged here", width)
        for line in background.context_lines(record):
            yield from hanging((f"{INDENT}• ", ""), line, width)
