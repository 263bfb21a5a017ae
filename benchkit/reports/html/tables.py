"""Tables as tables: text for people, and a number beside it by which a column sorts."""

from __future__ import annotations

from dataclasses import dataclass

from benchkit.model.record import Estimate, PathRecord, RunRecord
from benchkit.model.record_json import significant
from benchkit.reports import background, sentences
from benchkit.reports.figures import (
    ABSENT,
    LOST,
    beside_interval,
    clean,
    decimals_for,
    fixed,
    interval,
    percent,
    short,
)
from benchkit.reports.rows import Row, Series, rows_of, series_of
from benchkit.units import by_number, show_count

FIGURE_HEADER = (
    *("path", "metric", "phase", "statistic", "unit", "value", "low", "high"),
    *("due", "lost", "limit", "verdict"),
)
# So many paths' worth of figures a page can hold; the others' judged figures are still there.
MOST_PATHS = 100
# Of so many lines of calibration those that are out of tolerance are worth a reader's time.
MOST_LINES = 600


@dataclass(frozen=True)
class Cell:
    """A cell; `number` sorts, `verdict` colours, `run` is the one whose page a dashboard opens from it."""

    text: str
    number: float | None = None
    verdict: str | None = None
    run: str = ""


@dataclass(frozen=True)
class Table:
    """`key` is its id; the first column is the head of each row."""

    key: str
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def overview_table(record: RunRecord) -> Table:
    """One row for each path: the verdict, its figure and its budget."""
    header = (
        "path",
        "verdict",
        "judged",
        "measured",
        "95 % interval",
        "budget",
        "headroom",
        "floor",
        "model",
    )
    rows = tuple(row for path in record.paths for row in _overview_rows(path))
    return Table("paths", "Paths and budgets", header, rows)


def _overview_rows(path: PathRecord) -> list[tuple[Cell, ...]]:
    name = Cell(clean(path.path))
    if not path.verdicts:
        return [(name, Cell(sentences.path_word(path)), *([Cell(ABSENT)] * 7))]
    found: list[tuple[Cell, ...]] = []
    given = {each.metric: each for each in reversed(path.metrics)}
    for verdict in path.verdicts:
        measured, metric = verdict.measured, given.get(verdict.metric)
        places = decimals_for((measured.value, measured.low)) if measured else 2
        word = clean(verdict.verdict)
        found.append(
            (
                name,
                Cell(word.upper(), verdict=word),
                Cell(
                    f"{sentences.metric_name(verdict.metric)} {clean(verdict.percentile)}".rstrip()
                    + f", {clean(verdict.unit)}"
                ),
                _measured(measured, places),
                Cell(
                    interval(measured, places) if measured else ABSENT,
                    measured.low if measured else None,
                ),
                Cell(short(verdict.limit), verdict.limit),
                _number(verdict.headroom, places),
                _given(metric.floor if metric else None),
                _given(metric.model if metric else None),
            )
        )
    return found


def _measured(estimate: Estimate | None, places: int) -> Cell:
    is_lost = estimate is not None and estimate.value is None
    return Cell(LOST) if is_lost else _number(estimate.value if estimate else None, places)


def statistics_table(path: PathRecord, place: str) -> Table | None:
    """The distributions of a path side by side, each value with its interval."""
    spreads = [each for each in series_of(path) if each.is_distribution]
    if not spreads:
        return None
    names = list(dict.fromkeys(row.statistic for each in spreads for row in each.rows))
    header = (
        "",
        *(f"{sentences.series_name(each.metric)}, {clean(each.metric.unit)}" for each in spreads),
    )
    rows = [
        (Cell("due"), *(Cell(str(each.metric.n), each.metric.n) for each in spreads)),
        (Cell("lost"), *(_lost(each) for each in spreads)),
        *((Cell(clean(name)), *(_statistic(each, name) for each in spreads)) for name in names),
    ]
    return Table(f"{place}-statistics", "Percentiles with 95 % intervals", header, tuple(rows))


def _lost(series: Series) -> Cell:
    metric = series.metric
    text = f"{metric.lost} ({percent(metric.lost, metric.n)})" if metric.lost else "0"
    return Cell(text, metric.lost)


def _statistic(series: Series, name: str) -> Cell:
    row = next((each for each in series.rows if each.statistic == name), None)
    if row is None:
        return Cell("")
    places = decimals_for(each.estimate.value for each in series.rows)
    verdict = clean(row.verdict.verdict) if row.verdict else None
    return Cell(beside_interval(row.estimate, places), row.estimate.value, verdict)


def figures_table(record: RunRecord) -> Table:
    """Every figure of the run in long form, as the CSV has it."""
    few = len(record.paths) <= MOST_PATHS
    rows = tuple(_figure(row) for row in rows_of(record) if few or row.verdict is not None)
    return Table("figures", "All figures", FIGURE_HEADER, rows)


def _figure(row: Row) -> tuple[Cell, ...]:
    estimate, verdict = row.estimate, row.verdict
    names = (row.path, row.metric, row.phase, row.statistic, row.unit)
    return (
        *(Cell(clean(name)) for name in names),
        *(_exact(value) for value in (estimate.value, estimate.low, estimate.high)),
        Cell("" if row.n is None else str(row.n), row.n),
        Cell("" if row.lost is None else str(row.lost), row.lost),
        _exact(verdict.limit if verdict else None),
        Cell(clean(verdict.verdict), verdict=clean(verdict.verdict)) if verdict else Cell(""),
    )


def calibration_table(record: RunRecord) -> Table | None:
    """Asked against got: every line, or of very many those that are out of tolerance."""
    if not record.calibration:
        return None
    header = (*background.CALIBRATION_HEADER[:-1], "within")
    whole = record.calibration
    shown = whole if len(whole) <= MOST_LINES else [each for each in whole if not each.within]
    lines = background.calibration_rows(shown)
    rows = tuple(
        (
            *(Cell(text) for text in line[:-1]),
            Cell(line[-1], verdict="pass" if line[-1] == "ok" else "fail"),
        )
        for line in lines
    )
    left_out = len(whole) - len(shown)
    more = (
        f" ({show_count(left_out, 'line')} within tolerance {by_number(left_out, 'is', 'are')} in the record alone)"
        if left_out
        else ""
    )
    return Table("calibration-table", background.CALIBRATION_TITLE + more, header, rows)


def _given(value: float | None) -> Cell:
    return Cell(short(value), value)


def _number(value: float | None, places: int) -> Cell:
    return Cell(fixed(value, places), value)


def _exact(value: float | None) -> Cell:
    return Cell("" if value is None else repr(significant(value)), value)
