"""Charts of throughput: goodput at the receiver, and what TCP itself said meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchkit.model.record import PathRecord
from benchkit.model.samples import Samples
from benchkit.reports.figures import short
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
from benchkit.reports.html.curves import Points

NS_PER_S = 1_000_000_000
PHASES = ("up", "down")
SECONDS = "seconds since the stream began"
# field, title, unit
INFO = (
    ("window", "Congestion window", "KiB"),
    ("retransmits", "Segments sent again, summed", "segments"),
    ("rtt", "TCP's own smoothed round trip", "ms"),
)


def rate_charts(path: PathRecord, samples: Sequence[Samples], place: str) -> list[Chart]:
    """Goodput over time against what was configured, and TCP_INFO of the same streams."""
    found = {
        (rows.kind, rows.phase): rows
        for rows in samples
        if rows.path == path.path and rows.phase in PHASES and len(rows)
    }
    streams = {phase: found["goodput", phase] for phase in PHASES if ("goodput", phase) in found}
    if not streams:
        return []
    starts = {phase: int(rows.columns["start_ns"].data[0]) for phase, rows in streams.items()}
    charts = [_goodput(path, streams, starts, place)]
    infos = {
        phase: _info_points(found["tcp_info", phase], phase, start)
        for phase, start in starts.items()
        if ("tcp_info", phase) in found
    }
    if infos:
        charts += [_info(*each, infos, place) for each in INFO]
    return charts


def _goodput(
    path: PathRecord, streams: dict[str, Samples], starts: dict[str, int], place: str
) -> Chart:
    points: Points = []
    for phase, rows in streams.items():
        points += _rates(rows, phase, starts[phase])
    metric = next((each for each in path.metrics if each.configured is not None), None)
    marks = []
    if metric is not None and metric.configured is not None:
        marks.append((f"configured {short(metric.configured)} Mbit/s", metric.configured, "muted"))
    names = tuple((name, color) for name, _, color in marks)
    series = (*((f"goodput, {phase}", phase) for phase in streams), *names)
    level_data, level_layers = levels(marks, series)
    encoding = {
        "x": zoomed("x", SECONDS),
        "y": upright("y", "Mbit/s", zero=True),
        **colored(series),
    }
    line = _layer("line", {**encoding, **dashed(series)}, interpolate="step-after", strokeWidth=2)
    hover = _layer(
        "point",
        {**encoding, "tooltip": tip(stream="s", at_s="x", Mbit="y")},
        filled=True,
        opacity=0,
        size=60,
    )
    said = "; ".join(
        f"{phase} {short(each.estimate.value)} {each.unit}"
        for each in path.metrics
        for phase in [each.phase]
        if each.metric == "goodput" and each.estimate is not None
    )
    words = f"Octets that reached the receiver, in each tenth of a second or so. After the ramp: {said}."
    spec = spec_of([line, hover, *level_layers], {"curves": points, **level_data}, _ends(points))
    return Chart(f"{place}-goodput", "Goodput over time", words, spec, series)


def _info(field: str, title: str, unit: str, infos: dict[str, Points], place: str) -> Chart:
    points = [point for each in infos.values() for point in each]
    series = tuple((f"sender, {phase}", phase) for phase in infos)
    encoding = {
        "x": zoomed("x", SECONDS),
        "y": upright(field, unit, zero=True),
        **colored(series),
    }
    line = _layer("line", {**encoding, **dashed(series)}, strokeWidth=1.8)
    hover = _layer(
        "point",
        {**encoding, "tooltip": tip(stream="s", at_s="x", **{unit: field})},
        filled=True,
        opacity=0,
        size=50,
    )
    said = "; ".join(
        f"{phase}: {short(min(p[field] for p in each))} to {short(max(p[field] for p in each))} {unit}"
        for phase, each in infos.items()
    )
    words = f"{title}, from the sender's TCP_INFO. {said}."
    spec = spec_of([line, hover], {"curves": points}, _ends(points), height=150)
    return Chart(f"{place}-tcp-{field}", title, words, spec, series)


def _layer(kind: str, encoding: Spec, **mark: Any) -> Spec:  # noqa: ANN401  whatever Vega-Lite takes
    return {
        "data": {"name": "curves"},
        "transform": [VISIBLE],
        "mark": {"type": kind, "clip": True, **mark},
        "encoding": encoding,
    }


def _rates(rows: Samples, phase: str, start_ns: int) -> Points:
    begin, end, octets = (
        np.ma.getdata(rows.columns[name]) for name in ("start_ns", "end_ns", "octets")
    )
    lasts = np.maximum(end - begin, 1)
    rates = octets * 8 * 1000 / lasts
    at = (begin - start_ns) / NS_PER_S
    points = [
        {"s": f"goodput, {phase}", "x": round(float(x), 4), "y": round(float(y), 2)}
        for x, y in zip(at, rates, strict=True)
    ]
    # A step lasts to the end of its interval.
    return [*points, {**points[-1], "x": round(float((end[-1] - start_ns) / NS_PER_S), 4)}]


def _info_points(rows: Samples, phase: str, start_ns: int) -> Points:
    """Of several streams, the sums of their windows and of what they sent again, and the mean of their round trips."""
    columns = {name: np.ma.getdata(values) for name, values in rows.columns.items()}
    streams = int(np.unique(columns["stream"]).size) if "stream" in columns else 1
    times = len(rows) // streams  # a stream that ended early has no last row

    def each_time(values: NDArray[np.int64]) -> NDArray[np.int64]:
        return values[: times * streams].reshape(times, streams)

    window = each_time(columns["window_segments"] * columns["segment_octets"]).sum(axis=1) / 1024
    return [
        {
            "s": f"sender, {phase}",
            "x": round(float((at - start_ns) / NS_PER_S), 4),
            "window": round(float(octets), 1),
            "retransmits": int(again),
            "rtt": round(float(rtt) / 1000, 3),
        }
        for at, octets, again, rtt in zip(
            each_time(columns["at_ns"])[:, 0],
            window,
            each_time(columns["retransmits"]).sum(axis=1),
            each_time(columns["rtt_us"]).mean(axis=1),
            strict=True,
        )
    ]


def _ends(points: Points) -> tuple[float, float]:
    low, high = min(point["x"] for point in points), max(point["x"] for point in points)
    margin = (high - low) * 0.02 or 0.5
    return round(low - margin, 4), round(high + margin, 4)
