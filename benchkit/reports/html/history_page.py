"""The page of histories: a chart for each path, the changes in words, every run in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from benchkit.model.history import APART, UNFIT, Choices, Figure, History, Point
from benchkit.model.record import Estimate
from benchkit.reports.comparison_rows import figure_name
from benchkit.reports.figures import clean, decimals_for, fixed, interval, short
from benchkit.reports.html.history_charts import change_words, history_chart
from benchkit.reports.html.shell import page
from benchkit.reports.html.tables import Cell, Table
from benchkit.units import show_count

HEADER = ("run", "started", "value", "95 % interval", "median of its level", "budget", "state")
_NONE = Choices(())
# What is shown, the parameters of its address, whether it is what the page shows.
Link = tuple[str, dict[str, str], bool]


def render_histories(histories: Sequence[History], home: str = "", choices: Choices = _NONE) -> str:
    """The page of the histories of one figure; at least one. A dashboard offers the other `choices`."""
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
        choices=_links(first, choices),
    )


def _links(shown: History, choices: Choices) -> list[tuple[str, list[Link]]]:
    """Where each other target, metric, phase and statistic is, with as much of the figure as it has."""
    figure = Figure(shown.metric, shown.phase, shown.statistic)
    phases = choices.phases(figure.metric)
    statistics = choices.statistics(figure.metric, figure.phase)
    others = {
        "metric": [
            choices.nearest(each, figure.phase, figure.statistic) for each in choices.metrics()
        ],
        "phase": [choices.nearest(figure.metric, each, figure.statistic) for each in phases],
        "statistic": [Figure(figure.metric, figure.phase, each) for each in statistics],
    }
    targets: list[Link] = [
        (clean(each), {"target": each}, each == shown.target) for each in choices.targets
    ]
    figures: list[tuple[str, list[Link]]] = [
        (
            name,
            [
                (clean(getattr(one, name)), {"target": shown.target, **vars(one)}, one == figure)
                for one in found
            ],
        )
        for name, found in others.items()
    ]
    return [("target", targets), *figures]


def _said(histories: Sequence[History]) -> str:
    count = sum(len(each.changes) for each in histories)
    changes = {0: "no change of level", 1: "1 change of level"}.get(
        count, f"{count} changes of level"
    )
    paths = show_count(len(histories), "path")
    runs = show_count(max(len(each.points) for each in histories), "run")
    # An interrupted run lacks some paths.
    most = max(histories, key=lambda each: sum(point.state in APART for point in each.points))
    beside = f", of them {most.apart}, left out of the levels" if most.apart else ""
    return f"{paths} over {runs}{beside}: {changes}"


def _table(history: History, place: int) -> Table:
    decimals = decimals_for(point.estimate.value for point in history.points if point.estimate)
    levels = _levels(history)
    rows = tuple(_row(point, levels, decimals) for point in reversed(history.points))
    title = f"{clean(history.path)}, {clean(history.unit)}, newest first"
    return Table(f"history-{place}-runs", title, HEADER, rows)


def _levels(history: History) -> dict[int | None, float]:
    """The median of each level."""
    values: dict[int | None, list[float]] = {}
    for point in history.points:
        if point.level is not None and point.estimate and point.estimate.value is not None:
            values.setdefault(point.level, []).append(point.estimate.value)
    return {level: median(each) for level, each in values.items()}


def _row(point: Point, levels: Mapping[int | None, float], decimals: int) -> tuple[Cell, ...]:
    estimate, level = point.estimate or Estimate(), levels.get(point.level)
    return (
        Cell(clean(point.run), run=point.run),
        Cell(clean(point.started)),
        Cell(fixed(estimate.value, decimals), estimate.value),
        Cell(interval(estimate, decimals), estimate.low),
        Cell("" if level is None else fixed(level, decimals), level),
        Cell("" if point.limit is None else short(point.limit), point.limit),
        Cell(point.state, verdict=point.state if point.state == UNFIT else None),
    )
