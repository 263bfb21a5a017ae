"""Samples as the points of a curve: few enough to draw, and no spike or loss left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchkit.model.record import Metric
from benchkit.model.samples import Samples
from benchkit.reports.sentences import series_name
from benchkit.stats.percentiles import percentile_intervals, percentile_share
from benchkit.stats.round_trip import network_ns, that_left
from benchkit.units import NS_PER_MS, NS_PER_S

LOADED = ("up", "down", "both")
# Probes with a phase of their own, which is their metric's name, and their role.
SINGLE = ("icmp", "connect", "request", "http", "http-fresh", "http-load")
# Those whose latency counts from when each was due: what an application waits for.
FROM_DUE = ("connect", "http", "http-fresh", "http-load")
TAIL_POINTS = 90
ECDF_POINTS = 160
BAND_POINTS = 18
# Where the percentiles of a record stand on the log-tail axis.
TAILS = {
    name: -math.log10(1 - float(percentile_share(name)))
    for name in ("p50", "p90", "p95", "p99", "p99.9")
}
MOST_BUCKETS = 300
Points = list[dict[str, Any]]


@dataclass(frozen=True)
class Curve:
    """Latencies of one phase in the order they were due: seconds on CLOCK_MONOTONIC, ms, +inf where lost.

    Of shape (n,).
    """

    name: str
    role: str
    due_s: NDArray[np.float64] = field(repr=False)
    latency_ms: NDArray[np.float64] = field(repr=False)


def curve_of(rows: Samples) -> Curve | None:
    """The curve of samples of round trips or requests; None without a single row.

    It counts from what the metric of that phase counts from: the queue in front of the card under load, the
    due time for HTTP and TCP connections, the card else. An answer without a kernel stamp is no point of it.
    """
    rows = that_left(rows) if rows.kind == "rtt" else rows
    if not len(rows):
        return None
    columns = rows.columns
    received = columns["received_ns"]
    if rows.phase in FROM_DUE:
        latency = received - columns["due_ns"]
    else:
        latency = network_ns(rows, "t1_sched_ns" if rows.phase in LOADED else "t1_ns")
    lost = np.ma.getmaskarray(received)
    kept = lost | ~np.ma.getmaskarray(latency)
    values = np.where(lost, np.inf, np.ma.getdata(latency) / NS_PER_MS)[kept]
    due = (np.ma.getdata(columns["due_ns"]) / NS_PER_S)[kept]
    return Curve(_name(rows), _role(rows), due, values) if values.size else None


def tail_points(curve: Curve) -> Points:
    """Percentiles on a log-tail axis: `t` is -log10(1 - share). It ends where the lost begin.

    Those of the record are among them: a line between two others would miss their dots where the tail is steep.
    """
    ordered = np.sort(curve.latency_ms)
    n = ordered.size
    own = [tail for tail in TAILS.values() if tail < math.log10(2 * n)]
    tails = np.unique([*np.linspace(0.0, math.log10(n), TAIL_POINTS), *own, math.log10(2 * n)])
    shares = 1 - 10.0**-tails
    ranks = np.clip(np.ceil(shares * n - 1e-9).astype(int), 1, n)
    return [
        {"s": curve.name, "t": round(float(t), 4), "y": _ms(y), "p": _percentile(float(share))}
        for t, y, share in zip(tails, ordered[ranks - 1], shares, strict=True)
        if math.isfinite(y)
    ]


def band_points(curve: Curve) -> Points:
    """The 95 % interval along the log-tail axis, as far as it has both ends."""
    n = curve.latency_ms.size
    tails = np.linspace(math.log10(2), math.log10(max(n, 3)) - 0.2, BAND_POINTS)
    names = {f"p{100 * (1 - 10.0**-tail):.6f}": float(tail) for tail in tails}
    found = percentile_intervals(curve.latency_ms, tuple(names))
    return [
        {"s": curve.name, "t": round(names[name], 4), "low": _ms(each.low), "high": _ms(each.high)}
        for name, each in found.items()
        if math.isfinite(each.low) and math.isfinite(each.high)
    ]


def ecdf_points(curve: Curve) -> Points:
    """The empirical distribution function: `y` is the share that took `x` ms or less. It stops below 1 by what was lost."""
    ordered = np.sort(curve.latency_ms)
    n = ordered.size
    arrived = int(np.isfinite(ordered).sum())
    if not arrived:
        return []
    ranks = np.unique(np.linspace(1, arrived, min(arrived, ECDF_POINTS)).astype(int))
    return [
        {"s": curve.name, "x": _ms(ordered[rank - 1]), "y": round(float(rank) / n, 5)}
        for rank in ranks
    ]


def time_points(curve: Curve, start_s: float) -> Points:
    """Least, middle and most of each stretch of time, and how many were lost in it: every spike stays."""
    n = curve.latency_ms.size
    width = -(-n // MOST_BUCKETS)
    return [
        _bucket(curve, slice(first, min(first + width, n)), start_s) for first in range(0, n, width)
    ]


def _bucket(curve: Curve, rows: slice, start_s: float) -> dict[str, Any]:
    values = curve.latency_ms[rows]
    arrived = values[np.isfinite(values)]
    point: dict[str, Any] = {
        "s": curve.name,
        "x": round(float(curve.due_s[rows].mean()) - start_s, 4),
        "n": int(values.size),
        "lost": int(values.size - arrived.size),
    }
    if arrived.size:
        least, middle, most = np.quantile(arrived, (0, 0.5, 1), method="inverted_cdf")
        point |= {"low": _ms(least), "y": _ms(middle), "high": _ms(most)}
    else:
        point |= {"low": None, "y": None, "high": None}
    return point


def curves_of(samples: Sequence[Samples], path: str, phases: Sequence[str]) -> list[Curve]:
    """The latency curves of a path, in the order of `phases`."""
    found = [
        (phases.index(rows.phase), curve)
        for rows in samples
        if rows.path == path and rows.phase in phases and _is_drawn(rows)
        for curve in [curve_of(rows)]
        if curve is not None
    ]
    return [curve for _, curve in sorted(found, key=lambda pair: pair[0])]


def _is_drawn(rows: Samples) -> bool:
    """Round trips; requests in a phase of their own, for those beside a load are few and have another shape."""
    return rows.kind == "rtt" or (rows.kind == "http" and rows.phase in SINGLE)


def _name(rows: Samples) -> str:
    own = rows.phase in SINGLE
    metric = rows.phase if own else rows.kind
    return series_name(Metric(metric, "idle" if own else rows.phase, "ms", n=len(rows)))


def _role(rows: Samples) -> str:
    return rows.phase if rows.phase in (*SINGLE, *LOADED) else "idle"


def _percentile(share: float) -> str:
    return f"p{100 * share:.5g}"


def _ms(value: float) -> float:
    return round(float(value), 5)
