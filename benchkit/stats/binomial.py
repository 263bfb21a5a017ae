"""The ranks between which a percentile lies, exactly."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

# Outside of it the binomial holds less than 1e-30, whatever n and p.
_WINDOW_DEVIATIONS = 12.0
_WINDOW_LEAST = 60


@lru_cache(maxsize=1024)
def binomial_ranks(n: int, share: float, confidence: float) -> tuple[int, int]:
    """Ranks (lower, upper), from 1, whose order statistics of n samples enclose the `share` quantile.

    Equal-tailed and exact: the count of samples below the quantile is Binomial(n, share), so each end errs
    with at most (1 - confidence) / 2. A lower rank of 0 and an upper rank of n + 1 mean that there is no such end.

    >>> binomial_ranks(1000, 0.95, 0.95)
    (936, 964)
    >>> binomial_ranks(50, 0.99, 0.95)  # too few for an upper end
    (48, 51)
    """
    tail = (1 - confidence) / 2
    middle = min(int((n + 1) * share), n)
    reach = int(_WINDOW_DEVIATIONS * math.sqrt(n * share * (1 - share))) + _WINDOW_LEAST
    first, last = max(0, middle - reach), min(n, middle + reach)
    # Log of pmf(k) / pmf(k - 1), summed: no factorials, so nothing cancels at ten million.
    counts = np.arange(first + 1, last + 1, dtype=np.float64)
    steps = np.log(n - counts + 1) - np.log(counts) + math.log(share) - math.log1p(-share)
    logs = np.concatenate(([0.0], np.cumsum(steps)))
    masses = np.exp(logs - logs.max())
    cumulative = np.cumsum(masses) / masses.sum()
    lower = first + int(np.searchsorted(cumulative, tail))
    upper = first + int(np.searchsorted(cumulative, 1 - tail)) + 1
    return lower, upper
