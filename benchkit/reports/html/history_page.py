"""The page of histories: a chart for each path, the changes in words, every run in a table."""

from __future__ import annotations

from collections.abc import Sequence

from benchkit.model.history import History, Point
from benchkit.model.record import Estimate
from benchkit.reports.comparison_rows import figure_name
from benchkit.reports.figures import clean, decimals_for, fixed, interval, short
from benchkit.reports.html.history_charts import change_words, history_chart
from benchkit.reports.html.shell import page
from benchkit.reports.html.tables import Cell, Table
from benchkit.units import show_count

HEADER = ("run", "started", "value", "95 % interval", "level", "budget", "state")
METRICS = ("rtt", "http", "goodput")
PHASES = ("idle", "up", "down", "both")
STATISTICS = ("p50", "p90", "p95", "p99", "p99.9", "max", "loss", "mean")


def render_histories(histories: Sequence[History], home: str = "") -> str:
    """The page of the histories of one figure; at least one."""
    first = histories[0]
    figure = figure_name(first)
    changes = [
        (clean(each.path), clean(change.run), change_words(each, number))
        for each in histories
        for number, change in enumerate(each.changes)
    ]
    charts = [history_chart(each, f"history-{place}") for place, each in enumerate(histories, 1)]
    return page(
        "history.html.j2",
        home,
        target=clean(first.target),
        named=figure,
        said=_said(histories),
        changes=changes,
        charts=[chart for chart in charts if chart is not None],
        tables=[_table(each, place) for place, each in enumerate(histories, 1)],
        chosen={"metric": first.metric, "phase": first.phase, "statistic": first.statistic},
        plain_target=first.target,
        choices={"metric": METRICS, "phase": PHASES, "statistic": STATISTICS},
    )


def _said(histories: Sequence[History]) -> str:
    count = sum(len(each.changes) for each in histories)
    changes = {0: "no change of level", 1: "1 change of level"}.get(
        count, f"{count} changes of level"
    )
    paths = show_count(len(histories), "path")
    runs = show_count(max(len(each.points) for each in histories), "run")
    return f"{paths} over {runs}: {changes}"


def _table(history: History, place: int) -> Table:
    decimals = decimals_for(point.estimate.value for point in history.points if point.estimate)
    rows = tuple(_row(point, decimals) for point in reversed(history.points))
    title = f"{clean(history.path)}, {clean(history.unit)}, newest first"
    return Table(f"history-{place}-runs", title, HEADER, rows)


def _row(point: Point, decimals: int) -> tuple[Cell, ...]:
    estimate = point.estimate or Estimate()
    return (
        Cell(clean(point.run)),
        Cell(clean(point.started)),
        Cell(fixed(estimate.value, decimals), estimate.value),
        Cell(interval(estimate, decimals), estimate.low),
        Cell("" if point.level is None else str(point.level), point.level),
        Cell("" if point.limit is None else short(point.limit), point.limit),
        Cell(point.state),
    )
