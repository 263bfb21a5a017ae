"""How much a series repeats itself: how many of its samples one independent sample is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Longer series are summed in blocks first: their autocorrelation then costs milliseconds.
MOST_BLOCKS = 65_536
# The bias correction divides by 1 - window/n; a window as long as the series must not blow it up.
_LEAST_SHARE = 0.05
# A lag of one that is estimated from n samples is too low by (1 + 3 lag)/n on average (Kendall 1954, Marriott and Pope 1954),
# and much lower now and then. Raised by 2.5 times as much an interval holds the truth as often as it says, from twenty samples
# on and up to a lag of 0.9; 1.5 times gives 89 % (tests/benchmarks/coverage_of_plateaus.py).
_RAISED, _HIGHEST = 2.5, 0.98


@dataclass(frozen=True, slots=True)
class Autocorrelation:
    """The integrated autocorrelation time, in samples, and how well it is known.

    The mean of n samples varies like that of n / time independent ones. `time` is at least 1: samples that
    alternate could claim less, but no series here is worth more than its length.
    `freedom` is the degrees of freedom of that estimate (of a chi-square with the same relative variance);
    infinite where the series does not vary at all.
    """

    time: float
    freedom: float


class Correlogram:
    """How one series hangs together, from which its autocorrelation is summed over few lags or many."""

    def __init__(self, series: NDArray[np.float64] | NDArray[np.bool_]) -> None:
        """Take a series of shape (n,), in time order and finite.

        One of more than 65,536 samples is summed in blocks; the last, incomplete block is left out.
        """
        blocks, self._width = _block_sums(series)
        self._blocks, self._variance = blocks.size, _variance(series) * self._width
        deviations = blocks - blocks.mean()
        self._varies = self._variance > 0.0 and bool(deviations.any())
        covariances = _autocovariances(deviations) if self._varies else np.zeros(2)
        self._first = float(covariances[0])
        self._pairs = covariances[0::2] + covariances[1::2]
        negative = np.flatnonzero(self._pairs <= 0)
        self._own = int(negative[0]) if negative.size else self._pairs.size

    @property
    def memory(self) -> int:
        """Over how many samples it resembles itself: up to the first pair of lags that is not positive."""
        return 2 * self._own * self._width

    def autocorrelation(self) -> Autocorrelation:
        """Summed over its own memory.

        Geyer (1992): lags are summed in pairs, made monotone, up to the first pair that is not positive.
        Removing the sample mean takes time/n off each lag; dividing by 1 - window/n gives it back. The
        degrees of freedom are n / window, from the variance 2 window/n of such a sum (Sokal 1997).
        """
        return self._summed(np.minimum.accumulate(self._pairs[: self._own]))

    def over(self, memory: int) -> Autocorrelation:
        """Summed over so many samples, whatever the sign: what is weak and long is lost in the noise of its single lags."""
        pairs = memory // (2 * self._width)
        return self._summed(self._pairs[: max(pairs, 1)])

    def _summed(self, pairs: NDArray[np.float64]) -> Autocorrelation:
        if not self._varies:
            return Autocorrelation(1.0, math.inf)
        window = max(4 * pairs.size - 1, 1)
        total = 2 * float(pairs.sum()) - self._first
        total /= max(1 - window / self._blocks, _LEAST_SHARE)
        return Autocorrelation(max(total / self._variance, 1.0), self._blocks / window)


def autocorrelation(series: NDArray[np.float64] | NDArray[np.bool_]) -> Autocorrelation:
    """Integrated autocorrelation time of a series of shape (n,), in time order and finite, over its own memory."""
    return Correlogram(series).autocorrelation()


def autocorrelation_of_few(series: NDArray[np.float64]) -> Autocorrelation:
    """As `autocorrelation`, for the mean of a short series of shape (n,), n at least 3.

    A sum over lags finds a memory about as long as the series hardly ever, so that a mean would look better known than
    it is. This is the larger of that sum and of what a first-order autoregressive series has whose lag of one
    is this series' own, raised by what so few samples take off it.
    """
    deviations = series - series.mean()
    square = float(deviations @ deviations)
    if not square:
        return Autocorrelation(1.0, math.inf)
    lag = float(deviations[1:] @ deviations[:-1]) / square
    lag = min(max(lag + _RAISED * (1 + 3 * lag) / series.size, 0.0), _HIGHEST)
    # The variance of the mean of n in a row, over that of one, times n.
    sums = (1 + lag) / (1 - lag)
    edges = 2 * lag * (1 - lag**series.size) / (series.size * (1 - lag) ** 2)
    found, first_order = autocorrelation(series), sums - edges
    return found if found.time >= first_order else Autocorrelation(first_order, math.inf)


def _block_sums(
    series: NDArray[np.float64] | NDArray[np.bool_],
) -> tuple[NDArray[np.float64], int]:
    """Sums over blocks of one width, as few samples wide as keeps the blocks within MOST_BLOCKS."""
    width = max(1, -(-series.size // MOST_BLOCKS))
    whole = series[: series.size // width * width].reshape(-1, width)
    return whole.sum(axis=1, dtype=np.float64), width


def _variance(series: NDArray[np.float64] | NDArray[np.bool_]) -> float:
    if series.dtype == np.bool_:  # numpy would make a float copy eight times its size
        share = float(np.count_nonzero(series)) / series.size
        return share * (1 - share)
    return float(series.var())


def _autocovariances(deviations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Autocovariance at lags 0, 1, 2, ... by FFT: an even number of lags, about half the series.

    Divided by n - lag: the usual n would pull long lags to zero once more than the mean does already.
    """
    size = deviations.size
    lags = max(2, size // 2 // 2 * 2)
    padded = 1 << (size + lags - 1).bit_length()  # room for no lag to wrap round
    spectrum = np.fft.rfft(deviations, padded)
    sums = np.fft.irfft(spectrum * spectrum.conj(), padded)[:lags]
    covariances: NDArray[np.float64] = sums / np.maximum(size - np.arange(lags), 1)
    return covariances
