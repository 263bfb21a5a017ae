"""How many independent samples a percentile of correlated ones is worth."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from benchkit.stats.autocorrelation import Autocorrelation, Correlogram
from benchkit.stats.student import student_quantile

# Relative variance of the autocorrelation time per independent excursion beyond a rare percentile: 1 where
# excursions have geometric lengths; 2 is what those of AR(1) need, by tests/benchmarks/coverage_of_intervals.py.
_EXCURSION_VARIANCE = 2.0
_NOTICEABLE = 2.0
# A sum over more lags than this part of the series says nothing: the mean that is taken off has taken it too.
_LEAST_MEMORIES = 8


def effective_size(exceeds: NDArray[np.bool_], confidence: float = 0.95) -> float:
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
    return Exceedances(exceeds).size(confidence)


class Exceedances:
    """Which of n samples, in time order, lie beyond a percentile, and how they hang together."""

    def __init__(self, exceeds: NDArray[np.bool_]) -> None:
        """Take whether each sample lies beyond, of shape (n,)."""
        self._n, self._share = exceeds.size, float(np.count_nonzero(exceeds)) / exceeds.size
        self._correlogram = Correlogram(exceeds)
        self._own = self._correlogram.autocorrelation()

    @property
    def memory(self) -> int:
        """Over how many samples they are seen to hang together; 0 where that may be chance."""
        return self._correlogram.memory if _is_noticeable(self._own) else 0

    def size(self, confidence: float, memory: int = 0) -> float:
        """As `effective_size`, or what a look at so many lags finds, where that is less.

        What is weak and lasts long is lost in the noise of single lags, and their sum ends too early. Who knows from
        elsewhere over how many samples this series hangs together asks for the sum over all of them: at most an eighth of it.
        """
        size = self._worth(self._own, confidence)
        memory = min(memory, self._n // _LEAST_MEMORIES)
        if memory <= self._correlogram.memory:
            return size
        return min(size, self._worth(self._correlogram.over(memory), confidence))

    def _worth(self, found: Autocorrelation, confidence: float) -> float:
        if not _is_noticeable(found):
            return float(self._n)
        size = self._n / found.time
        excursions = size * min(self._share, 1 - self._share)
        doubt = 2 / found.freedom
        doubt += _EXCURSION_VARIANCE * (1 - 1 / found.time) ** 2 / excursions
        probability = (1 + confidence) / 2
        normal = student_quantile(probability, math.inf)
        size *= (normal / student_quantile(probability, 2 / doubt)) ** 2
        return min(max(size, 1.0), float(self._n))


def _is_noticeable(found: Autocorrelation) -> bool:
    return found.time - 1.0 > _NOTICEABLE * math.sqrt(2 / found.freedom)
