"""Print how often the 95 % interval of a plateau's goodput covers the truth, beside intervals from batch means.

    python tests/benchmarks/coverage_of_plateaus.py [REPETITIONS]

Rates of 100 ms are series whose mean is known: independent, autocorrelated, and the sawtooth of a loss-based sender with
its phase drawn. Batch means are Student's interval over so many equal batches. "wide" is half the interval in standard
deviations of the rates; "without" is how often it has no ends, for too few rates are independent, which no truth
is outside of. Seeds are fixed.
"""

# ruff: noqa: T201  it prints a table
from __future__ import annotations

import math
import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchkit.stats.rates import plateau
from benchkit.stats.student import student_quantile

Rates = NDArray[np.float64]
INTERVAL_NS, MIDDLE, DEVIATION = 100_000_000, 900.0, 10.0
LENGTHS = (15, 20, 30, 50, 100, 300)
BATCHES = (5, 8, 10)


def ours(rates: Rates) -> tuple[float, float]:
    """The ends of the interval that a report shows; a ramp that it sees is left out."""
    start = np.arange(rates.size, dtype=np.int64) * INTERVAL_NS
    octets = np.round(rates * 1e6 / 8 * INTERVAL_NS / 1e9).astype(np.int64)
    found = plateau(octets, start, start + INTERVAL_NS).goodput
    return found.low, found.high


def batch_means(batches: int) -> Callable[[Rates], tuple[float, float]]:
    quantile = student_quantile(0.975, batches - 1)

    def interval(rates: Rates) -> tuple[float, float]:
        means = np.array([part.mean() for part in np.array_split(rates, batches)])
        half = quantile * float(means.std(ddof=1)) / math.sqrt(batches)
        return float(rates.mean()) - half, float(rates.mean()) + half

    return interval


def autoregressive(phi: float) -> Callable[[np.random.Generator, int], Rates]:
    def draw(rng: np.random.Generator, n: int) -> Rates:
        found = rng.standard_normal(n)
        for at in range(1, n):
            found[at] = phi * found[at - 1] + math.sqrt(1 - phi * phi) * found[at]
        return found

    return draw


def sawtooth(period: float) -> Callable[[np.random.Generator, int], Rates]:
    """Each interval counts the whole of its time, or the mean would depend on the phase."""

    def area(at: Rates) -> Rates:
        """From the last fall of the tooth on; over a whole tooth it is none."""
        since = at % period / period
        found: Rates = period * (since**2 - since) / 2
        return found

    def draw(rng: np.random.Generator, n: int) -> Rates:
        edges = np.arange(n + 1) + rng.random() * period
        ramp = np.diff(area(edges))
        found: Rates = ramp * math.sqrt(12) + 0.1 * rng.standard_normal(n)
        return found

    return draw


def noisy(phi: float) -> Callable[[np.random.Generator, int], Rates]:
    """A slow drift below as much noise."""
    drift = autoregressive(phi)

    def draw(rng: np.random.Generator, n: int) -> Rates:
        found: Rates = (drift(rng, n) + rng.standard_normal(n)) / math.sqrt(2)
        return found

    return draw


SERIES = {
    "independent": autoregressive(0.0),
    "AR(1) 0.5": autoregressive(0.5),
    "AR(1) 0.8": autoregressive(0.8),
    "AR(1) 0.9": autoregressive(0.9),
    "AR(1) 0.9 and noise": noisy(0.9),
    "sawtooth of 0.7 s": sawtooth(7),
    "sawtooth of 3.7 s": sawtooth(37),
}


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    ways = {"ours": ours, **{f"{count} batches": batch_means(count) for count in BATCHES}}
    print(f"covered, of {repetitions} each; wanted: 95 %")
    for name, draw in SERIES.items():
        for n in LENGTHS:
            rng = np.random.default_rng(1)
            series = [MIDDLE + DEVIATION * draw(rng, n) for _ in range(repetitions)]
            said = []
            for way, interval in ways.items():
                ends = np.array([interval(rates) for rates in series])
                endless = 100 * np.mean(np.isinf(ends[:, 0]))
                covered = np.mean((ends[:, 0] <= MIDDLE) & (ends[:, 1] >= MIDDLE))
                wide = float(np.median(ends[:, 1] - ends[:, 0])) / 2 / DEVIATION
                without = f", {endless:.0f} % without" if endless else ""
                said.append(f"{way} {100 * covered:5.1f} % wide {wide:4.2f}{without}")
            print(f"{name:18} n {n:3}   {'   '.join(said)}", flush=True)


if __name__ == "__main__":
    main()
