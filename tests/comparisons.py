"""Two sides to be compared: latencies drawn from a seed, and replicates of any level."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from benchkit.stats.comparison import CellQuestion
from benchkit.stats.replicates import Replicate, percentile_replicates

WANTED = ("p50", "p95", "p99")


def normal(seed: int, n: int = 2000) -> NDArray[np.float64]:
    """A path of 8.5 ms with a jitter of 0.05 ms."""
    return 8.5 + 0.05 * np.random.default_rng(seed).standard_normal(n)


def correlated(seed: int, n: int = 2000, phi: float = 0.9) -> NDArray[np.float64]:
    """The same jitter, each packet's much like the one before."""
    noise = np.random.default_rng(seed).standard_normal(n) * 0.05 * math.sqrt(1 - phi**2)
    for index in range(1, n):
        noise[index] += phi * noise[index - 1]
    return 8.5 + noise


def question(
    base: list[Replicate], candidate: list[Replicate], statistic: str = "p95", *, gated: bool = True
) -> CellQuestion:
    return CellQuestion("a-b", "rtt", "idle", statistic, "ms", "rtt", gated, True, base, candidate)


def questions(
    base: list[NDArray[np.float64]], candidate: list[NDArray[np.float64]]
) -> list[CellQuestion]:
    ours, theirs = (
        [percentile_replicates(run, WANTED, seed) for seed, run in enumerate(side, first)]
        for side, first in ((base, 0), (candidate, 100))
    )
    return [question([run[w] for run in ours], [run[w] for run in theirs], w) for w in WANTED]


def level(value: float, error: float = 0.01) -> Replicate:
    return Replicate(value, error, error)


def goodput(value: float) -> Replicate:
    return Replicate(value, 1.0, 1.0)
