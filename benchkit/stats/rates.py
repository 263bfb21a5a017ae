"""Shares and rates: what was lost, and what got through once the ramp was over."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from benchkit.stats.autocorrelation import autocorrelation_of_few
from benchkit.stats.interval import Interval
from benchkit.stats.student import student_quantile

CONFIDENCE = 0.95
# A receiver counts every 100 ms: half a second smooths the bursts and still shows the ramp.
RUNNING_INTERVALS = 5
# A loss-based sender breathes within its plateau; less than a tenth below its level is no ramp.
LEVEL_TOLERANCE = 0.1
FEWEST_INTERVALS = 3
LEAST_SPREAD = 0.05
_MBIT_PER_OCTET_PER_NS = 8e3


@dataclass(frozen=True, slots=True)
class Plateau:
    """Goodput in Mbit/s after the ramp, the length of the ramp, and how many intervals the plateau has."""

    goodput: Interval
    ramp_s: float
    intervals: int


def loss_interval(
    lost: int, n: int, *, effective_n: float | None = None, confidence: float = CONFIDENCE
) -> Interval:
    """The loss ratio (RFC 7680) of `lost` out of `n`, in percent, with Wilson's score interval (1927).

    0 lost has 0 as its low, all lost 100 as its high. Where losses come in bursts, give `effective_n`, how
    many independent packets the n are worth. ValueError unless 0 <= lost <= n and n > 0.

    >>> loss = loss_interval(0, 5000)
    >>> loss.value, loss.low, round(loss.high, 3)
    (0.0, 0.0, 0.077)
    """
    if not 0 <= lost <= n or n == 0:
        raise ValueError(f"loss: {lost} lost of {n} due is no ratio")
    size = effective_n or n
    share = lost / n
    z2 = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    middle = (share + z2 / (2 * size)) / (1 + z2 / size)
    half = math.sqrt(z2 * (share * (1 - share) / size + z2 / (4 * size**2))) / (1 + z2 / size)
    low = 0.0 if lost == 0 else min(middle - half, share)
    high = 1.0 if lost == n else max(middle + half, share)
    return Interval(100 * share, 100 * low, 100 * high)


def plateau(
    octets: NDArray[np.int64], start_ns: NDArray[np.int64], end_ns: NDArray[np.int64]
) -> Plateau:
    """Goodput after the ramp, from octets counted at the receiver over successive intervals, all of shape (n,).

    The ramp ends where the running level, over five intervals, has for the last time been below the later half
    of the transfer: below the lowest running level there, and by more than a tenth below its mean. It never reaches
    into the later half, and is not looked for in fewer than nine intervals. Goodput is total octets over total time;
    its interval is Student's, over the intervals' rates, with the effective number of them. Where that is below three
    it has no ends. ValueError where nothing was counted, or an interval has no length.

    >>> edges = np.arange(0, 2_100_000_000, 100_000_000)
    >>> level = plateau(np.full(20, 11_750_000), edges[:-1], edges[1:])
    >>> level.goodput.value, level.ramp_s
    (940.0, 0.0)
    """
    if not octets.size or (end_ns <= start_ns).any():
        raise ValueError(f"goodput: {octets.size} intervals, each must have a length")
    lasted_ns = (end_ns - start_ns).astype(np.float64)
    rates = octets / lasted_ns * _MBIT_PER_OCTET_PER_NS
    first = _ramp_end(rates)
    mean = float(octets[first:].sum() / lasted_ns[first:].sum()) * _MBIT_PER_OCTET_PER_NS
    half = _half_width(rates[first:])
    ramp_s = float(start_ns[first] - start_ns[0]) / 1e9
    # A rate is not below zero, however wide its interval; but no lower end stays no lower end.
    low = max(mean - half, 0.0) if math.isfinite(half) else -math.inf
    return Plateau(Interval(mean, low, mean + half), ramp_s, rates.size - first)


def _ramp_end(rates: NDArray[np.float64]) -> int:
    """Index of the first interval of the plateau."""
    middle = rates.size // 2
    later = rates[middle:]
    if later.size < RUNNING_INTERVALS:
        return 0
    window = np.ones(RUNNING_INTERVALS) / RUNNING_INTERVALS
    level = min(
        float(np.convolve(later, window, "valid").min()),
        float(later.mean()) * (1 - LEVEL_TOLERANCE),
    )
    # Each running level starts at its own interval, so the last ones look into the later half.
    running = np.convolve(rates[: middle + RUNNING_INTERVALS - 1], window, "valid")
    below = np.flatnonzero(running < level)
    end = int(below[-1]) + 1 if below.size else 0
    # A slow start that overshoots into the buffer is above its level on average, and still a ramp.
    while end < middle and rates[end] < level:
        end += 1
    return end


def _half_width(rates: NDArray[np.float64]) -> float:
    """Half the 95 % interval of the mean rate; infinite where the rates are worth too few independent ones."""
    if rates.size < FEWEST_INTERVALS:
        return math.inf
    found = autocorrelation_of_few(rates)
    size = rates.size / found.time
    if size < FEWEST_INTERVALS:
        return math.inf
    # Rates that resemble each other lie closer to their own mean than to the true one.
    share = max(1 - (found.time - 1) / (rates.size - 1), LEAST_SPREAD)
    spread = math.sqrt(float(rates.var(ddof=1)) / share)
    freedom = min(size - 1, found.freedom)
    return student_quantile((1 + CONFIDENCE) / 2, freedom) * spread / math.sqrt(size)
