"""Charts of latency as a distribution: percentiles with their tail, and the ECDF."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from benchkit.model.record import Metric, PathRecord, Verdict
from benchkit.reports.figures import LOST, clean, decimals_for, fixed, percent, short
from benchkit.reports.html.chart import (
    VISIBLE,
    Chart,
    Spec,
    colored,
    dashed,
    levels,
    spec_of,
    tip,
    upright,
    zoomed,
)
from benchkit.reports.html.curves import (
    LOADED,
    SINGLE,
    TAILS,
    Curve,
    Points,
    band_points,
    ecdf_points,
    tail_points,
)
from benchkit.reports.sentences import counts, series_name

LATENCIES = ("rtt", *SINGLE)
TAIL_TICKS = (0, *(round(tail, 5) for tail in TAILS.values()), 4.0, 5.0, 6.0)
TAIL_LABELS = (
    "datum.value < 0.1 ? 'p0' : datum.value < 0.5 ? 'p50' : datum.value < 1.1 ? 'p90' :"
    " datum.value < 1.5 ? 'p95' : datum.value < 2.1 ? 'p99' : datum.value < 3.1 ? 'p99.9' :"
    " datum.value < 4.1 ? 'p99.99' : datum.value < 5.1 ? 'p99.999' : 'p99.9999'"
)
ROUND_TRIP = "latency, ms"
Marks = list[tuple[str, float, str]]


def latency_charts(path: PathRecord, curves: Sequence[Curve], place: str) -> list[Chart]:
    """Every chart of latency's distribution that the record and the samples of a path allow; `place` makes keys its own."""
    charts = [_percentiles(path, curves, place)]
    if curves:
        charts.append(_distribution(curves, limits(path), place))
    return [chart for chart in charts if chart is not None]


def limits(path: PathRecord) -> Marks:
    """Budgets on latency, floor and model, as level lines."""
    marks: Marks = []
    for verdict in path.verdicts:
        if verdict.metric in LATENCIES:
            marks.append((_budget_name(verdict), verdict.limit, "budget"))
    metric = next((each for each in path.metrics if each.floor is not None), None)
    if metric is not None and metric.floor is not None:
        marks.append((f"floor {short(metric.floor)}", metric.floor, "muted"))
    return list(dict.fromkeys(marks))


def _budget_name(verdict: Verdict) -> str:
    return f"budget {clean(verdict.percentile)} {short(verdict.limit)} {clean(verdict.unit)}"


def _percentiles(path: PathRecord, curves: Sequence[Curve], place: str) -> Chart | None:
    metrics = [each for each in path.metrics if each.metric in LATENCIES and each.percentiles]
    known = [point for metric in metrics for point in _known(metric)]
    if not known:
        return None
    marks = limits(path)
    lines = tuple((series_name(metric), _role(metric)) for metric in metrics)
    series = (*lines, *mark_series(marks))
    points = [point for curve in curves for point in tail_points(curve)]
    judged = [curve for curve in curves if curve.name == series_name(_judged(path, metrics))]
    level_data, level_layers = levels(marks, series)
    end = max((point["t"] for point in (*points, *known)), default=3.0)
    data = {
        "curves": points or known,
        "band": [each for curve in judged for each in band_points(curve)],
        "known": known,
        **level_data,
    }
    layers = [_tail_lines(series), _tail_band(series), _tail_known(series), *level_layers]
    words = f"Percentiles on a log-tail axis, with 95 % intervals. {_said(metrics, marks)}"
    return Chart(
        f"{place}-percentiles",
        "Percentiles, the tail drawn out",
        words,
        spec_of(layers, data, (0.0, round(end + 0.05, 3)), height=300),
        series,
        wide=True,
    )


def _judged(path: PathRecord, metrics: Sequence[Metric]) -> Metric:
    judged = {(verdict.metric, verdict.phase) for verdict in path.verdicts}
    return next((each for each in metrics if (each.metric, each.phase) in judged), metrics[0])


def _known(metric: Metric) -> Points:
    """The percentiles of the record: the same figures as in every other format."""
    largest = math.log10(2 * max(metric.n, 1))
    places = decimals_for(each.value for each in metric.percentiles.values())
    return [
        {
            "s": series_name(metric),
            "shape": "circle" if metric.metric == "rtt" else "square",
            "t": round(TAILS.get(name, largest), 4),
            "p": clean(name),
            "y": estimate.value,
            "low": estimate.low,
            "high": estimate.high,
            "words": f"{fixed(estimate.low, places)}..{fixed(estimate.high, places)}",
        }
        for name, estimate in metric.percentiles.items()
        if estimate.value is not None
    ]


def _tail_x() -> Spec:
    return zoomed("t", "percentile", values=list(TAIL_TICKS), labelExpr=TAIL_LABELS, grid=True)


def _tail_lines(series: Sequence[tuple[str, str]]) -> Spec:
    return {
        "data": {"name": "curves"},
        "transform": [VISIBLE],
        "mark": {"type": "line", "clip": True, "strokeWidth": 2},
        "encoding": {
            "x": _tail_x(),
            "y": upright("y", ROUND_TRIP),
            **colored(series),
            **dashed(series),
        },
    }


def _tail_band(series: Sequence[tuple[str, str]]) -> Spec:
    return {
        "data": {"name": "band"},
        "transform": [VISIBLE],
        "mark": {"type": "area", "clip": True, "opacity": 0.25},
        "encoding": {
            "x": _tail_x(),
            "y": upright("low", ROUND_TRIP),
            "y2": {"field": "high"},
            **colored(series),
        },
    }


def _tail_known(series: Sequence[tuple[str, str]]) -> Spec:
    return {
        "data": {"name": "known"},
        "transform": [VISIBLE],
        "mark": {"type": "point", "filled": True, "size": 55, "clip": True, "opacity": 1},
        "encoding": {
            "x": _tail_x(),
            "y": upright("y", ROUND_TRIP),
            **colored(series),
            "shape": {"field": "shape", "type": "nominal", "scale": None, "legend": None},
            "tooltip": tip(series="s", percentile="p", ms="y", interval="words"),
        },
    }


def _distribution(curves: Sequence[Curve], marks: Marks, place: str) -> Chart | None:
    points = [point for curve in curves for point in ecdf_points(curve)]
    if not points:
        return None
    series = (*((curve.name, curve.role) for curve in curves), *mark_series(marks))
    ends = _ends([*(point["x"] for point in points), *(value for _, value, _ in marks)])
    line: Spec = {
        "data": {"name": "curves"},
        "transform": [VISIBLE],
        "mark": {"type": "line", "interpolate": "step-after", "clip": True, "strokeWidth": 2},
        "encoding": {
            "x": zoomed("x", ROUND_TRIP),
            "y": upright("y", "share at most that late", zero=True, format=".0%"),
            **colored(series),
            **dashed(series),
        },
    }
    hover: Spec = {
        **line,
        "mark": {"type": "point", "filled": True, "size": 60, "opacity": 0, "clip": True},
        "encoding": {
            **{channel: line["encoding"][channel] for channel in ("x", "y")},
            "tooltip": tip(series="s", ms="x", share="y"),
        },
    }
    rule = {
        "data": {"name": "levels"},
        "transform": [VISIBLE],
        "mark": {"type": "rule", "strokeDash": [6, 3], "strokeWidth": 1.6, "clip": True},
        "encoding": {
            "x": {"field": "y", "type": "quantitative"},
            "tooltip": tip(line="s"),
            **colored(series),
        },
    }
    level_data, _ = levels(marks, series)
    words = "Empirical distribution: which share of packets arrived within how many ms. "
    words += "; ".join(_middle(curve) for curve in curves) + "."
    spec = spec_of([line, hover, rule], {"curves": points, **level_data}, ends)
    return Chart(f"{place}-ecdf", "Distribution (ECDF)", words, spec, series, wide=True)


def mark_series(marks: Marks) -> tuple[tuple[str, str], ...]:
    """The level lines among the series of a chart."""
    return tuple((name, color) for name, _, color in marks)


def _ends(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = (high - low) * 0.03 or 0.5
    return round(low - margin, 4), round(high + margin, 4)


def _role(metric: Metric) -> str:
    if metric.phase in LOADED:
        return metric.phase if metric.metric == "rtt" else f"http-{metric.phase}"
    return metric.metric if metric.metric in SINGLE else "idle"


def _said(metrics: Sequence[Metric], marks: Marks) -> str:
    said = []
    for metric in metrics:
        places = decimals_for(each.value for each in metric.percentiles.values())
        figures = ", ".join(
            f"{clean(name)} {fixed(each.value, places, LOST)}"
            for name, each in metric.percentiles.items()
        )
        said.append(f"{series_name(metric)}: {figures} {clean(metric.unit)} ({counts(metric)})")
    return "; ".join([*said, *(name for name, _, _ in marks)]) + "."


def lost_of(curve: Curve) -> int:
    """How many packets of it never came back."""
    return sum(1 for value in curve.latency_ms.tolist() if math.isinf(value))


def _arrived(curve: Curve) -> list[float]:
    return sorted(value for value in curve.latency_ms.tolist() if math.isfinite(value))


def _middle(curve: Curve) -> str:
    values = _arrived(curve)
    if not values:
        return f"{curve.name}: all lost"
    return f"{curve.name}: half within {short(values[(len(values) - 1) // 2])} ms"


def said_of(curve: Curve) -> str:
    """Its least, its most and its loss in words."""
    values, lost = _arrived(curve), lost_of(curve)
    if not values:
        return f"{curve.name}: all {lost} lost"
    gone = f", {percent(lost, lost + len(values))} lost" if lost else ""
    return f"{curve.name}: {short(values[0])} to {short(values[-1])} ms{gone}"


def tail_chart(key: str, title: str, words: str, curves: Sequence[Any]) -> Chart:
    """Percentiles of curves that the record has no metric for, as those of the instrument's floor."""
    series = tuple((curve.name, curve.role) for curve in curves)
    points = [point for curve in curves for point in tail_points(curve)]
    end = max(point["t"] for point in points)
    line = _tail_lines(series)
    line["encoding"]["y"] = upright("y", ROUND_TRIP, zero=True)
    hover = _tail_known(series)
    hover["data"] = {"name": "curves"}
    hover["mark"] = {"type": "point", "filled": True, "size": 40, "opacity": 0, "clip": True}
    del hover["encoding"]["shape"]
    hover["encoding"]["tooltip"] = tip(series="s", percentile="p", ms="y")
    hover["encoding"]["y"] = line["encoding"]["y"]
    return Chart(
        key,
        title,
        words,
        spec_of([line, hover], {"curves": points}, (0.0, round(end + 0.05, 3))),
        series,
    )
