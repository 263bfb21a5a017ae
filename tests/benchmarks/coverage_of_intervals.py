"""Print how often the 95 % intervals of percentiles cover the truth, on series whose truth is known.

    python tests/benchmarks/coverage_of_intervals.py [REPETITIONS]

The goal is 93 to 98 % in every cell. "0.98, 20 %" is a drift, AR(1) with 0.98, that makes 20 % of the variance under
noise of each packet's own. An interval without an upper end covers everything above its low; "open" says
how many were so. Seeds are fixed: the same number of repetitions prints the same table.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from benchkit.stats.percentiles import percentile_intervals, percentile_share

Series = Callable[[np.random.Generator, int], NDArray[np.float64]]
PERCENTILES = ("p50", "p95", "p99")
PARETO = 1.5
NORMAL = NormalDist()


def autoregressive(phi: float) -> Series:
    """AR(1) with standard normal margins: x[i] = phi x[i - 1] + noise."""

    def draw(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        noise = rng.standard_normal(n) * math.sqrt(1 - phi**2)
        noise[0] = rng.standard_normal()
        # Doubling the reach each time sums the powers of phi with numpy alone.
        reach, power = 1, phi
        while reach < n and power > 1e-17:
            noise[reach:] += power * noise[:-reach].copy()
            reach, power = 2 * reach, power**2
        return noise

    return draw


def drifting(phi: float, weight: float) -> Series:
    """A drift, AR(1), whose variance is that part of the whole, under noise of its own for each packet."""
    drift = autoregressive(phi)
    return lambda rng, n: (
        math.sqrt(weight) * drift(rng, n) + math.sqrt(1 - weight) * rng.standard_normal(n)
    )


def bimodal(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Two routes: 70 % of packets at 0, 30 % at 10, each with a deviation of 1."""
    return rng.standard_normal(n) + 10 * (rng.random(n) < 0.3)


def bimodal_quantile(share: float) -> float:
    low, high = -10.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        below = 0.7 * NORMAL.cdf(middle) + 0.3 * NORMAL.cdf(middle - 10)
        low, high = (middle, high) if below < share else (low, middle)
    return low


def heavy_tailed(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Pareto (Lomax) with a shape of 1.5: a mean, but no variance."""
    return rng.pareto(PARETO, n)


def heavy_tailed_quantile(share: float) -> float:
    return float((1 - share) ** (-1 / PARETO) - 1)


SERIES: dict[str, tuple[Series, Callable[[float], float]]] = {
    "iid normal": (autoregressive(0.0), NORMAL.inv_cdf),
    "AR(1) 0.5": (autoregressive(0.5), NORMAL.inv_cdf),
    "AR(1) 0.9": (autoregressive(0.9), NORMAL.inv_cdf),
    "AR(1) 0.98": (autoregressive(0.98), NORMAL.inv_cdf),
    "0.9, 20 %": (drifting(0.9, 0.2), NORMAL.inv_cdf),
    "0.98, 20 %": (drifting(0.98, 0.2), NORMAL.inv_cdf),
    "0.98, 50 %": (drifting(0.98, 0.5), NORMAL.inv_cdf),
    "0.995, 50 %": (drifting(0.995, 0.5), NORMAL.inv_cdf),
    "0.995, 90 %": (drifting(0.995, 0.9), NORMAL.inv_cdf),
    "0.999, 90 %": (drifting(0.999, 0.9), NORMAL.inv_cdf),
    "bimodal": (bimodal, bimodal_quantile),
    "heavy-tailed": (heavy_tailed, heavy_tailed_quantile),
}


def coverage(name: str, n: int, repetitions: int, seed: int = 1) -> dict[str, tuple[float, float]]:
    """For each percentile, the shares of intervals that cover the truth, and that have no upper end."""
    draw, quantile = SERIES[name]
    truths = {wanted: quantile(float(percentile_share(wanted))) for wanted in PERCENTILES}
    rng = np.random.default_rng(seed)
    covered, unbounded = dict.fromkeys(PERCENTILES, 0), dict.fromkeys(PERCENTILES, 0)
    for _ in range(repetitions):
        for wanted, found in percentile_intervals(draw(rng, n), PERCENTILES).items():
            covered[wanted] += found.low <= truths[wanted] <= found.high
            unbounded[wanted] += math.isinf(found.high)
    return {
        wanted: (covered[wanted] / repetitions, unbounded[wanted] / repetitions)
        for wanted in PERCENTILES
    }


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    print(f"covered % (open %) of {repetitions} intervals at 95 %; * is outside of 93 to 98")  # noqa: T201
    print(f"{'n':>6}  {'series':<14}", *(f"{wanted:>16}" for wanted in PERCENTILES))  # noqa: T201
    for n in (1_000, 10_000):
        for name in SERIES:
            cells = [
                f"{100 * hit:6.1f}{' ' if 0.93 <= hit <= 0.98 else '*'} ({100 * no_end:5.1f})"
                for hit, no_end in coverage(name, n, repetitions).values()
            ]
            print(f"{n:>6}  {name:<14}", *(f"{cell:>16}" for cell in cells))  # noqa: T201


if __name__ == "__main__":
    main()
