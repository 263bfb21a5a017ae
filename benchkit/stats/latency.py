"""A column of latencies made into a Metric."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from benchkit.model.record import Metric
from benchkit.model.target import METRICS, PERCENTILES
from benchkit.stats.effective import effective_size
from benchkit.stats.interval import Interval
from benchkit.stats.percentiles import CONFIDENCE, intervals_and_sizes
from benchkit.stats.rates import loss_interval

_MS_PER_NS = 1e-6


def latency_metric(  # noqa: PLR0913  what a Metric holds beside its figures
    name: str,
    phase: str,
    values_ns: NDArray[np.float64],
    *,
    unstamped: int = 0,
    floor_ns: float | None = None,
    model_ns: float | None = None,
    confidence: float = CONFIDENCE,
) -> tuple[Metric, dict[str, Interval]]:
    """The Metric of one phase in ms, and its intervals in ms for judging; no values give no percentiles.

    `values_ns` has shape (n,), in time order, +inf for lost, without the `unstamped` answers: `n` counts both.
    `effective_n` is the smallest over the percentiles, so that it never promises a percentile more than it has. The
    interval of "loss" is in percent, of all that was due. Details are mean, least, quartiles and standard deviation of
    the answered, in ms.

    >>> metric, _ = latency_metric("rtt", "idle", np.array([8.1e6, 8.2e6, 8.4e6, np.inf]))
    >>> metric.n, metric.lost, metric.percentiles["p50"].value
    (4, 1, 8.2)
    """
    intervals_ns, sizes = intervals_and_sizes(values_ns, PERCENTILES, confidence)
    intervals = {key: interval.scaled(_MS_PER_NS) for key, interval in intervals_ns.items()}
    lost = np.isinf(values_ns)
    answered = values_ns[~lost] * _MS_PER_NS
    details: dict[str, float] = {}
    if answered.size:
        details["mean"] = float(answered.mean())
        quarter, three = (math.ceil(share * answered.size) - 1 for share in (0.25, 0.75))
        answered.partition((0, quarter, three))
        details["min"] = float(answered[0])
        details["q1"], details["q3"] = float(answered[quarter]), float(answered[three])
    if answered.size > 1:
        details["stddev"] = float(answered.std(ddof=1))
    due = values_ns.size + unstamped
    if due:
        # Losses in one burst are not independent, and count for fewer; an answer without a stamp is none.
        share = effective_size(lost, confidence) / values_ns.size if values_ns.size else 1.0
        intervals["loss"] = loss_interval(
            due - unstamped - answered.size, due, effective_n=share * due, confidence=confidence
        )
    metric = Metric(
        metric=name,
        phase=phase,
        unit=METRICS[name][0],
        n=due,
        lost=values_ns.size - answered.size,
        unstamped=unstamped,
        effective_n=int(min(sizes.values())) if sizes else None,
        floor=None if floor_ns is None else floor_ns * _MS_PER_NS,
        model=None if model_ns is None else model_ns * _MS_PER_NS,
        percentiles={key: intervals[key].estimate() for key in intervals_ns},
        details=details,
        loss=intervals["loss"].estimate() if due else None,
    )
    return metric, intervals
