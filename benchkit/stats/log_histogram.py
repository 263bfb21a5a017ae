"""Percentiles of a stream in little memory: counts in buckets that each span 0.2 % (as HdrHistogram's do by digits).

For what is shown while it is measured. Reports sort the samples themselves.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

STEP = math.log(1.002)
LEAST_NS = 100.0
MOST_NS = 1e12
BUCKETS = math.ceil(math.log(MOST_NS / LEAST_NS) / STEP) + 1


class LogHistogram:
    """Latencies in ns counted by bucket; what is infinite is counted as lost, and is in every percentile."""

    def __init__(self) -> None:
        """Count nothing yet."""
        self._counts = np.zeros(BUCKETS, dtype=np.int64)
        self.n = 0
        self.lost = 0

    def add(self, values_ns: NDArray[np.float64]) -> None:
        """Count them; shape (n,), +inf for lost."""
        finite = np.clip(values_ns[np.isfinite(values_ns)], LEAST_NS, MOST_NS)
        places = np.rint(np.log(finite / LEAST_NS) / STEP).astype(np.int64)
        np.add.at(self._counts, places, 1)
        self.n += values_ns.size
        self.lost += values_ns.size - finite.size

    def percentile_ns(self, share: float) -> float:
        """The nearest-rank percentile to 0.1 %; +inf where it is a lost one, NaN of nothing."""
        if not self.n:
            return math.nan
        rank = max(1, math.ceil(share * self.n - 1e-9))
        if rank > self.n - self.lost:
            return math.inf
        place = int(np.searchsorted(np.cumsum(self._counts), rank))
        return float(LEAST_NS * math.exp(place * STEP))
