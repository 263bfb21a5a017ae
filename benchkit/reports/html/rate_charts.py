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
)
from benchkit.reports.html.curves import Points
from benchkit.reports.html.timeline import Timeline
from benchkit.units import NS_PER_S

# Of each phase of a stream, its role: both ways at once are two streams.
ROLES = {"up": "up", "down": "down", "both up": "up", "both down": "down"}
# field, title, unit
INFO = (
    ("window", "Congestion window", "KiB"),
    ("retransmits", "Segments sent again, summed", "segments"),
    ("rtt", "TCP's own smoothed round trip", "ms"),
)


def rate_charts(
    path: PathRecord, samples: Sequence[Samples], timeline: Timeline, place: str
) -> list[Chart]:
    """Goodput over time against what was configured, and TCP_INFO of the same streams, along the path's axis."""
    found = {
        (rows.kind, rows.phase): rows
        for rows in samples
        if rows.path == path.path and rows.phase in ROLES and len(rows)
    }
    streams = {phase: found["goodput", phase] for phase in ROLES if ("goodput", phase) in found}
    if not streams:
        return []
    charts = [_goodput(path, streams, timeline, place)]
    infos = {
        phase: _info_points(found["tcp_info", phase], phase, timeline)
        for phase in streams
        if ("tcp_info", phase) in found
    }
    if infos:
        charts += [_info(*each, infos, timeline, place) for each in INFO]
    return charts


def _goodput(
    path: PathRecord, streams: dict[str, Samples], timeline: Timeline, place: str
) -> Chart:
    points = [point for phase, rows in streams.items() for point in _rates(rows, phase, timeline)]
    rates = (
        each for each in path.metrics if each.metric == "goodput"
    )  # what UDP is offered is no limit of TCP
    metric = next((each for each in rates if each.configured is not None), None)
    marks = []
    if metric is not None and metric.configured is not None:
        marks.append((f"configured {short(metric.configured)} Mbit/s", metric.configured, "muted"))
    names = tuple((name, color) for name, _, color in marks)
    series = (*((f"goodput, {phase}", ROLES[phase]) for phase in streams), *names)
    level_data, level_layers = levels(marks, series)
    encoding = {
        "x": timeline.x(),
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
    phases, ground = timeline.shading()
    spec = spec_of(
        [*ground, line, hover, *level_layers],
        {"phases": phases, "curves": points, **level_data},
        timeline.ends,
        height=150,
    )
    key = f"{place}-goodput"
    return Chart(key, "Goodput over time", words, spec, series, wide=True, axis=timeline.key)


def _info(
    field: str, title: str, unit: str, infos: dict[str, Points], timeline: Timeline, place: str
) -> Chart:
    points = [point for each in infos.values() for point in each]
    series = tuple((f"sender, {phase}", ROLES[phase]) for phase in infos)
    encoding = {
        "x": timeline.x(),
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
    phases, ground = timeline.shading()
    data = {"phases": phases, "curves": points}
    spec = spec_of([*ground, line, hover], data, timeline.ends, height=90)
    key = f"{place}-tcp-{field}"
    return Chart(key, title, words, spec, series, wide=True, axis=timeline.key)


def _layer(kind: str, encoding: Spec, **mark: Any) -> Spec:  # noqa: ANN401  whatever Vega-Lite takes
    return {
        "data": {"name": "curves"},
        "transform": [VISIBLE],
        "mark": {"type": kind, "clip": True, **mark},
        "encoding": encoding,
    }


def _rates(rows: Samples, phase: str, timeline: Timeline) -> Points:
    begin, end, octets = (
        np.ma.getdata(rows.columns[name]) for name in ("start_ns", "end_ns", "octets")
    )
    lasts = np.maximum(end - begin, 1)
    rates = octets * 8 * 1000 / lasts
    origin = timeline.origin(phase, float(begin[0]) / NS_PER_S)
    at = begin / NS_PER_S - origin
    points = [
        {"s": f"goodput, {phase}", "x": round(float(x), 4), "y": round(float(y), 2)}
        for x, y in zip(at, rates, strict=True)
    ]
    # A step lasts to the end of its interval.
    return [*points, {**points[-1], "x": round(float(end[-1] / NS_PER_S - origin), 4)}]


def _info_points(rows: Samples, phase: str, timeline: Timeline) -> Points:
    """Of several streams, the sums of their windows and of what they sent again, and the mean of their round trips."""
    columns = {name: np.ma.getdata(values) for name, values in rows.columns.items()}
    streams = int(np.unique(columns["stream"]).size) if "stream" in columns else 1
    times = len(rows) // streams  # a stream that ended early has no last row

    def each_time(values: NDArray[Any]) -> NDArray[Any]:
        return values[: times * streams].reshape(times, streams)

    seconds = columns["at_ns"] / NS_PER_S
    seconds -= timeline.origin(phase, float(seconds[0]))
    window = each_time(columns["window_segments"] * columns["segment_octets"]).sum(axis=1) / 1024
    return [
        {
            "s": f"sender, {phase}",
            "x": round(float(at), 4),
            "window": round(float(octets), 1),
            "retransmits": int(again),
            "rtt": round(float(rtt) / 1000, 3),
        }
        for at, octets, again, rtt in zip(
            each_time(seconds)[:, 0],
            window,
            each_time(columns["retransmits"]).sum(axis=1),
            each_time(columns["rtt_us"]).mean(axis=1),
            strict=True,
        )
    ]
