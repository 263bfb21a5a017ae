"""Percentiles as order statistics, with intervals that know about autocorrelation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from benchkit.model.target import PERCENTILES
from benchkit.stats.binomial import binomial_ranks
from benchkit.stats.effective import Exceedances
from benchkit.stats.interval import Interval

CONFIDENCE = 0.95
# Beyond these are enough samples to tell how long they hang together.
_TELLING = ("p50", "p90", "p95")


def percentile_share(name: str) -> Fraction:
    """The share of "p99.9" as an exact fraction, 999/1000; ValueError for anything not between p0 and p100.

    >>> percentile_share("p99.9")
    Fraction(999, 1000)
    """
    try:
        share = Fraction(name.removeprefix("p")) / 100 if name.startswith("p") else Fraction(0)
    except (ValueError, ZeroDivisionError):
        share = Fraction(0)
    if not 0 < share < 1:
        raise ValueError(f"percentile {name!r}: write p50, p99.9 or max")
    return share


def smallest_n(name: str, confidence: float = CONFIDENCE) -> int:
    """The fewest independent samples with which the two-sided interval of a percentile has an upper end.

    6 for p50, 368 for p99, 3688 for p99.9 at 95 %: share^n must not exceed (1 - confidence) / 2.

    >>> smallest_n("p95"), smallest_n("p99.9")
    (72, 3688)
    """
    return math.ceil(math.log((1 - confidence) / 2) / math.log(percentile_share(name)))


SMALLEST_N: Mapping[str, int] = MappingProxyType(
    {name: smallest_n(name) for name in PERCENTILES if name != "max"}
)


def percentile_intervals(
    values: NDArray[np.float64], wanted: Sequence[str], confidence: float = CONFIDENCE
) -> dict[str, Interval]:
    """The wanted percentiles ("p50", "p99.9", "max") of `values`, each with its interval, in their unit.

    `values` has shape (n,), in time order, +inf for a lost packet (RFC 2681 section 2.6); NaN is a ValueError.
    The percentile is that of the empirical distribution function (RFC 2330 section 11.3): the ceil(share n)-th
    smallest. Its interval runs between two order statistics by the binomial distribution, at the effective
    sample size; an end that too few samples leave open is that of a higher or lower percentile, where one has it. The maximum of a population has no interval: for "max" `low` is the value, `high` infinite.
    No values, no percentiles: the answer is empty.

    >>> rtt_ms = np.random.default_rng(1).permutation(np.append(np.linspace(8, 9, 999), np.inf))
    >>> found = percentile_intervals(rtt_ms, ["p95", "max"])
    >>> round(found["p95"].low, 3), round(found["p95"].value, 3), round(found["p95"].high, 3)
    (8.937, 8.951, 8.965)
    >>> found["max"].value
    inf
    """
    return intervals_and_sizes(values, wanted, confidence)[0]


def intervals_and_sizes(
    values: NDArray[np.float64], wanted: Sequence[str], confidence: float = CONFIDENCE
) -> tuple[dict[str, Interval], dict[str, float]]:
    """As `percentile_intervals`, and the effective sample size of each percentile ("max" has none).

    How long the samples beyond p50, p90 or p95 are seen to hang together is asked of the others too: a slow drift is plain
    at the median, and beyond p95 and p99, where few samples are, it is lost in noise. Without that p95's interval held
    the truth in 72 of 100 series that drift a little (tests/benchmarks/coverage_of_intervals.py).

    `values` of shape (n,), in any unit, which the intervals are in too. Raises ValueError for NaN.
    """
    intervals: dict[str, Interval] = {}
    sizes: dict[str, float] = {}
    if not values.size:
        return intervals, sizes
    ordered = np.sort(values)
    if math.isnan(ordered[-1]):
        raise ValueError("percentiles: a value is NaN; leave out what was not measured")
    names = [*_TELLING, *(name for name in wanted if name not in {"max", *_TELLING})]
    ranks = {name: math.ceil(percentile_share(name) * values.size) for name in names}
    beyond = {name: _beyond(values, ordered, rank) for name, rank in ranks.items()}
    memory = max(each.memory for name in _TELLING for each in beyond[name])
    for name in wanted:
        if name == "max":
            intervals[name] = Interval(float(ordered[-1]), float(ordered[-1]), math.inf)
            continue
        sizes[name] = min(each.size(confidence, memory) for each in beyond[name])
        share, rank = float(percentile_share(name)), ranks[name]
        intervals[name] = _interval(ordered, rank, share, sizes[name], confidence)
    return _closed(intervals), sizes


def _closed(intervals: Mapping[str, Interval]) -> dict[str, Interval]:
    """The same; an end that a percentile's own samples cannot give is that of the nearest one which has it.

    No percentile is greater than a higher one, nor less than a lower one.
    """
    found = dict(intervals)
    names = sorted((name for name in found if name != "max"), key=percentile_share)
    low, high = -math.inf, math.inf
    for name in names:
        if found[name].low == -math.inf:
            found[name] = replace(found[name], low=min(low, found[name].value))
        low = max(low, found[name].low)
    for name in reversed(names):
        if found[name].high == math.inf:
            found[name] = replace(found[name], high=high)
        high = min(high, found[name].high)
    return found


def _beyond(
    values: NDArray[np.float64], ordered: NDArray[np.float64], rank: int
) -> list[Exceedances]:
    """What lies beyond the value of that rank; among ties also what is as large, of which the more cautious counts."""
    value = ordered[rank - 1]
    found = [Exceedances(values > value)]
    if value in (ordered[max(rank - 2, 0)], ordered[min(rank, ordered.size - 1)]):
        found.append(Exceedances(values >= value))
    return found


def _interval(
    ordered: NDArray[np.float64], rank: int, share: float, size: float, confidence: float
) -> Interval:
    """The order statistics around `rank`, as far apart as `size` independent samples would have them.

    A rank r of m samples lies at the share r / (m + 1), on average; that share is looked up among the n.
    """
    n, m = ordered.size, int(size)
    lower, upper = binomial_ranks(m, share, confidence)
    value, low, high = float(ordered[rank - 1]), -math.inf, math.inf
    if lower >= 1:
        low = float(ordered[min(max(lower * (n + 1) // (m + 1), 1), rank) - 1])
    if upper <= m:
        high = float(ordered[max(min(-(-upper * (n + 1) // (m + 1)), n), rank) - 1])
    return Interval(value, low, high, size)
