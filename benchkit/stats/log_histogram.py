"""Percentiles of a stream in little memory: counts in buckets that each span 0.2 % (as HdrHistogram's do by digits).

For what is shown while it is measured. Reports sort the samples themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

STEP = math.log(1.002)
LEAST_NS = 100.0
MOST_NS = 1e12


class LogHistogram:
    """Latencies in ns counted by bucket; what is infinite is counted as lost, and is in every percentile."""

    def __init__(self) -> None:
        """Count nothing yet."""
        # Of all buckets those from the first to the last that anything was in: a mesh has thousands of histograms.
        self._first = 0
        self._counts = np.zeros(0, dtype=np.int64)
        self.n = 0
        self.lost = 0

    def add(self, values_ns: NDArray[np.float64]) -> None:
        """Count them; shape (n,), in ns, +inf for lost."""
        finite = np.clip(values_ns[np.isfinite(values_ns)], LEAST_NS, MOST_NS)
        if finite.size:
            self._count(np.rint(np.log(finite / LEAST_NS) / STEP).astype(np.int64))
        self.n += values_ns.size
        self.lost += values_ns.size - finite.size

    def _count(self, places: NDArray[np.int64]) -> None:
        first, last = int(places.min()), int(places.max())
        if not self._counts.size:
            self._first = first
        before = max(0, self._first - first)
        after = max(0, last + 1 - self._first - self._counts.size)
        if before or after:
            self._counts = np.pad(self._counts, (before, after))
            self._first -= before
        found = np.bincount(places - first)
        self._counts[first - self._first :][: found.size] += found

    def percentile_ns(self, share: float) -> float:
        """The nearest-rank percentile to 0.1 %; +inf where it is a lost one, NaN of nothing."""
        return self.percentiles_ns([share])[0]

    def percentiles_ns(self, shares: Sequence[float]) -> list[float]:
        """The same of several, for what one costs."""
        if not self.n:
            return [math.nan] * len(shares)
        ranks = [max(1, math.ceil(share * self.n - 1e-9)) for share in shares]
        places = (self._first + np.searchsorted(np.cumsum(self._counts), ranks)).tolist()
        return [
            math.inf if rank > self.n - self.lost else float(LEAST_NS * math.exp(place * STEP))
            for rank, place in zip(ranks, places, strict=True)
        ]
