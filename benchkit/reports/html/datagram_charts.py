"""Charts of UDP at a paced rate: what arrived over time, what became of every datagram, and how their delay varied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from benchkit.model.record import Metric, PathRecord
from benchkit.model.samples import Samples
from benchkit.reports.figures import percent, short
from benchkit.reports.html.chart import (
    PLAIN,
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
from benchkit.reports.html.curves import Points
from benchkit.reports.html.palette import role
from benchkit.reports.rows import DROPPED
from benchkit.units import NS_PER_S

# The phase of a metric, which is also its role; its samples' phase has the probe's name before it.
WAYS = ("up", "down")
ROW_STEP = 26
VARIATION = {
    "pdv_p50_ms": "beyond the least, p50",
    "pdv_p99_ms": "beyond the least, p99",
    "pdv_p99_9_ms": "beyond the least, p99.9",
    "jitter_ms": "jitter (RFC 3550)",
}


def datagram_charts(path: PathRecord, samples: Sequence[Samples], place: str) -> list[Chart]:
    """What the record and the samples tell of a path's UDP; none where it was not measured."""
    metrics = {
        each.phase: each for each in path.metrics if each.metric == "udp" and each.phase in WAYS
    }
    if not metrics:
        return []
    rows = {
        way: each
        for way in metrics
        for each in samples
        if (each.kind, each.path, each.phase) == ("goodput", path.path, f"udp {way}") and len(each)
    }
    charts = [_rates(metrics, rows, place)] if rows else []
    charts.append(_fates(metrics, place))
    if any(name in each.details for each in metrics.values() for name in VARIATION):
        charts.append(_variation(metrics, place))
    return charts


def _series(ways: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple((f"UDP, {way}", way) for way in ways)


def _rates(metrics: Mapping[str, Metric], rows: Mapping[str, Samples], place: str) -> Chart:
    points = [point for way, each in rows.items() for point in _steps(way, each)]
    rate = next((each.configured for each in metrics.values() if each.configured), None)
    marks = [(f"configured {short(rate)} Mbit/s", rate, "muted")] if rate else []
    series = (*_series(list(rows)), *((name, color) for name, _, color in marks))
    level_data, level_layers = levels(marks, series)
    encoding = {
        "x": zoomed("x", "seconds since the first datagram"),
        "y": upright("y", "Mbit/s", zero=True),
        **colored(series),
    }
    data: Spec = {"data": {"name": "curves"}, "transform": [VISIBLE]}
    line: Spec = {
        **data,
        "mark": {"type": "line", "clip": True, "interpolate": "step-after", "strokeWidth": 2},
        "encoding": {**encoding, **dashed(series)},
    }
    hover: Spec = {
        **data,
        "mark": {"type": "point", "filled": True, "opacity": 0, "size": 60, "clip": True},
        "encoding": {**encoding, "tooltip": tip(series="s", at_s="x", Mbit="y")},
    }
    said = "; ".join(
        f"{way} {short(each.estimate.value)} {each.unit}"
        for way, each in metrics.items()
        if each.estimate is not None
    )
    words = f"Payload of the datagrams that arrived, in each tenth of a second or so: {said}."
    ends = (0.0, round(max(point["x"] for point in points), 3))
    spec = spec_of([line, hover, *level_layers], {"curves": points, **level_data}, ends, height=150)
    return Chart(f"{place}-udp", "UDP received over time", words, spec, series, wide=True)


def _steps(way: str, rows: Samples) -> Points:
    begin, end, octets = (
        np.ma.getdata(rows.columns[name]) for name in ("start_ns", "end_ns", "octets")
    )
    rates = octets * 8 * 1000 / np.maximum(end - begin, 1)
    at = (np.append(begin, end[-1]) - begin[0]) / NS_PER_S
    return [
        {"s": f"UDP, {way}", "x": round(float(x), 4), "y": round(float(y), 2)}
        for x, y in zip(at, np.append(rates, rates[-1]), strict=True)
    ]


def _counts(metric: Metric) -> dict[str, int]:
    """What became of them, as far as it was counted."""
    dropped = round(metric.details.get(DROPPED, 0))
    found = {
        "arrived": max(0, metric.n - metric.lost - dropped),
        "lost on the path": metric.lost,
        "dropped by the receiving host": dropped,
    }
    for name, words in (("reordered", "overtaken"), ("duplicates", "come more than once")):
        if name in metric.details:
            found[words] = round(metric.details[name])
    return found


def _fates(metrics: Mapping[str, Metric], place: str) -> Chart:
    points: Points = [
        {"s": f"UDP, {way}", "row": row, "count": count, "of": percent(count, max(each.n, 1))}
        for way, each in metrics.items()
        for row, count in _counts(each).items()
    ]
    said = "; ".join(
        f"{way}, of {each.n} sent: "
        + ", ".join(f"{count} {row}" for row, count in _counts(each).items())
        for way, each in metrics.items()
    )
    scale = {"type": "symlog", "domainMin": 0}
    axis = {"title": "datagrams", "format": "~s", "tickCount": 5}
    x: Spec = {"field": "count", "type": "quantitative", "scale": scale, "axis": axis}
    return _in_rows(
        Chart(f"{place}-udp-fates", "What became of the datagrams", f"{said}.", {}),
        points,
        _series(list(metrics)),
        x,
        tip(series="s", what="row", datagrams="count", share="of"),
    )


def _variation(metrics: Mapping[str, Metric], place: str) -> Chart:
    points: Points = [
        {"s": f"UDP, {way}", "row": row, "count": round(each.details[name], 5)}
        for way, each in metrics.items()
        for name, row in VARIATION.items()
        if name in each.details
    ]
    said = "; ".join(f"{each['s']}, {each['row']}: {short(each['count'])} ms" for each in points)
    words = (
        f"How far the delay of datagrams lay beyond the least (RFC 5481), and its jitter. {said}."
    )
    axis = {"title": "ms"}
    x: Spec = {"field": "count", "type": "quantitative", "scale": {"zero": True}, "axis": axis}
    return _in_rows(
        Chart(f"{place}-udp-variation", "Delay variation of the datagrams", words, {}),
        points,
        _series(list(metrics)),
        x,
        tip(series="s", what="row", ms="count"),
    )


def _in_rows(
    chart: Chart, points: Points, series: Sequence[tuple[str, str]], x: Spec, hover: Sequence[Spec]
) -> Chart:
    """The chart with a row for each thing counted, and in it a mark for each direction, its figure beside it."""
    names = list(dict.fromkeys(point["row"] for point in points))
    y: Spec = {
        "field": "row",
        "type": "nominal",
        "sort": names,
        "axis": {"title": None, "labelLimit": 240, "grid": True},
    }
    offset = {"field": "s", "type": "nominal", "sort": [name for name, _ in series]}
    places: Spec = {"y": y, "yOffset": offset, "x": x}
    data: Spec = {"data": {"name": "points"}, "transform": [VISIBLE]}
    dots: Spec = {
        **data,
        "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
        "encoding": {**places, **colored(series), "tooltip": list(hover)},
    }
    figures: Spec = {
        **data,
        "mark": {"type": "text", "align": "left", "dx": 8, "fontSize": 10, "color": role("ink")},
        "encoding": {**places, "text": {"field": "count", "format": PLAIN}},
    }
    height = ROW_STEP * len(names)
    spec = spec_of([dots, figures], {"points": points}, None, height=height)
    return replace(chart, spec=spec, series=tuple(series), wide=True)
