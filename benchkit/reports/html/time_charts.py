"""Latency over time: idle and loaded phases of a path on one axis, with what was lost."""

from __future__ import annotations

from collections.abc import Sequence

from benchkit.model.record import PathRecord
from benchkit.reports.figures import short
from benchkit.reports.html.chart import (
    VISIBLE,
    Chart,
    Spec,
    colored,
    levels,
    spec_of,
    tip,
    upright,
)
from benchkit.reports.html.curves import LOADED, Curve, time_points
from benchkit.reports.html.latency_charts import (
    ROUND_TRIP,
    Marks,
    limits,
    lost_of,
    mark_series,
    said_of,
)
from benchkit.reports.html.timeline import Timeline

HEIGHT = 260


def time_charts(
    path: PathRecord, curves: Sequence[Curve], timeline: Timeline, place: str
) -> list[Chart]:
    """The chart of all latencies over time; none without samples."""
    if not curves:
        return []
    marks = limits(path)
    if any(curve.role in LOADED for curve in curves):
        marks += _unloaded(path)
    series = (*((curve.name, curve.role) for curve in curves), *mark_series(marks))
    points = [
        point
        for curve in curves
        for point in time_points(curve, timeline.origin(curve.role, float(curve.due_s[0])))
    ]
    phases, ground = timeline.shading()
    level_data, level_layers = levels(marks, series)
    spec = spec_of(
        [*ground, *level_layers, *spread_lines(timeline.x(), series), _losses(timeline.x())],
        {
            "phases": phases,
            "curves": points,
            "losses": [point for point in points if point["lost"]],
            **level_data,
        },
        timeline.ends,
        height=HEIGHT,
    )
    words = _words(curves)
    return [
        Chart(
            f"{place}-time", "Latency over time", words, spec, series, wide=True, axis=timeline.key
        )
    ]


def _unloaded(path: PathRecord) -> Marks:
    """What latency under load is held against."""
    found = (each for each in path.metrics if (each.metric, each.phase) == ("rtt", "idle"))
    idle = next(found, None)
    middle = idle.percentiles.get("p50") if idle else None
    if middle is None or middle.value is None:
        return []
    return [(f"idle p50 {short(middle.value)} ms", middle.value, "idle")]


def _words(curves: Sequence[Curve]) -> str:
    lost = sum(lost_of(curve) for curve in curves)
    words = "Latency as time went on, idle and loaded on one axis: least, middle and most of each stretch, so every spike is kept. "
    if any(curve.role in LOADED for curve in curves):
        words += "On shaded ground TCP fills the path, and latency counts from in front of the local queue. "
    marked = ", each marked at the foot" if lost else ""
    return f"{words}{'; '.join(said_of(curve) for curve in curves)}. {lost or 'None'} lost{marked}."


def spread_lines(x: Spec, series: Sequence[tuple[str, str]]) -> list[Spec]:
    """Points of `time_points` along x: their spread, their middle, and what a hover tells of them."""
    encoding = {"x": x, **colored(series)}
    rows: Spec = {"data": {"name": "curves"}, "transform": [VISIBLE]}
    spread = {"y": upright("low", ROUND_TRIP), "y2": {"field": "high"}}
    middle = {"y": upright("y", ROUND_TRIP)}
    hover = tip(
        series="s", at_s="x", least="low", middle="y", most="high", packets="n", lost="lost"
    )
    return [
        {
            **rows,
            "mark": {"type": "area", "opacity": 0.3, "clip": True},
            "encoding": {**encoding, **spread},
        },
        {
            **rows,
            "mark": {"type": "line", "strokeWidth": 1.3, "clip": True},
            "encoding": {**encoding, **middle},
        },
        {
            **rows,
            "mark": {"type": "point", "filled": True, "size": 40, "opacity": 0, "clip": True},
            "encoding": {**encoding, **middle, "tooltip": hover},
        },
    ]


def _losses(x: Spec) -> Spec:
    """A rug at the foot: where packets were lost, and how many."""
    return {
        "data": {"name": "losses"},
        "transform": [VISIBLE],
        "mark": {
            "type": "tick",
            "orient": "vertical",
            "thickness": 2,
            "size": 14,
            "color": "var(--fail)",
            "clip": True,
        },
        "encoding": {
            "x": x,
            "y": {"value": {"expr": "height - 7"}},
            "tooltip": tip(series="s", at_s="x", lost="lost", of="n"),
        },
    }
