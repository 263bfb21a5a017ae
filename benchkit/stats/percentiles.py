"""Percentiles as order statistics, with intervals that know about autocorrelation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from benchkit.model.target import PERCENTILES
from benchkit.stats.autocorrelation import autocorrelation
from benchkit.stats.binomial import binomial_ranks
from benchkit.stats.interval import Interval
from benchkit.stats.student import student_quantile

CONFIDENCE = 0.95
# Relative variance of the autocorrelation time per independent excursion beyond a rare percentile: 1 where
# excursions have geometric lengths; 2 is what those of AR(1) need, by tests/benchmarks/coverage_of_intervals.py.
_EXCURSION_VARIANCE = 2.0
_NOTICEABLE = 2.0


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
    sample size. The maximum of a population has no interval: for "max" `low` is the value, `high` infinite.
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

    `values` of shape (n,), in any unit, which the intervals are in too. Raises ValueError for NaN.
    """
    intervals: dict[str, Interval] = {}
    sizes: dict[str, float] = {}
    if not values.size:
        return intervals, sizes
    ordered = np.sort(values)
    if math.isnan(ordered[-1]):
        raise ValueError("percentiles: a value is NaN; leave out what was not measured")
    for name in wanted:
        if name == "max":
            intervals[name] = Interval(float(ordered[-1]), float(ordered[-1]), math.inf)
            continue
        share = percentile_share(name)
        rank = math.ceil(share * values.size)
        sizes[name] = _size_at(values, ordered, rank, confidence)
        intervals[name] = _interval(ordered, rank, float(share), sizes[name], confidence)
    return intervals, sizes


def effective_size(exceeds: NDArray[np.bool_], confidence: float = CONFIDENCE) -> float:
    """How many independent samples a percentile of n correlated ones is worth: from 1 to n, never more or less.

    `exceeds` has shape (n,), in time order: whether each sample lies beyond the percentile. A percentile's
    variance is that of the mean of this indicator, so its autocorrelation counts, not that of the values.

    n / time would be too many, for the time is itself an estimate: the size shrinks by the squared
    ratio of the normal to the t quantile. The t's degrees of freedom fall with the length of the window and,
    where neighbours resemble each other, with the fewness of independent excursions beyond the percentile.
    A series without variation has n, and so has one whose time is within two standard errors of that of
    independent samples: correcting for mere noise made intervals cover more than they say.

    >>> effective_size(np.array([True, False] * 50))
    100.0
    """
    n = exceeds.size
    found = autocorrelation(exceeds)
    if found.time - 1.0 <= _NOTICEABLE * math.sqrt(2 / found.freedom):
        return float(n)
    size = n / found.time
    share = float(np.count_nonzero(exceeds)) / n
    excursions = size * min(share, 1 - share)
    doubt = 2 / found.freedom
    doubt += _EXCURSION_VARIANCE * (1 - 1 / found.time) ** 2 / excursions
    probability = (1 + confidence) / 2
    normal = student_quantile(probability, math.inf)
    size *= (normal / student_quantile(probability, 2 / doubt)) ** 2
    return min(max(size, 1.0), float(n))


def _size_at(
    values: NDArray[np.float64], ordered: NDArray[np.float64], rank: int, confidence: float
) -> float:
    """The effective size at the value of that rank.

    Among ties the indicator of "beyond" and that of "beyond or equal" differ; the more cautious one counts.
    """
    value = ordered[rank - 1]
    size = effective_size(values > value, confidence)
    if value in (ordered[max(rank - 2, 0)], ordered[min(rank, ordered.size - 1)]):
        size = min(size, effective_size(values >= value, confidence))
    return size


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
