"""Print how often looking again and again ends in a wrong word, with and without a correction for the looks.

    python tests/benchmarks/repeated_looks.py [REPETITIONS]

Each repetition is a `benchkit run --until-decided` in numbers alone: 1,000 packets, then twice as many, up to 32,000: six
looks at p95. "Wrong" is a look whose interval leaves out the true percentile, at which a budget just there would be said
kept or broken by chance; the goal is 5 % at most. "Packets" is how many it takes on average until a
budget is decided that lies beyond the truth by 15 % of the way from p50 to p95. Seeds are fixed.
"""

from __future__ import annotations

import sys

import numpy as np
from coverage_of_intervals import SERIES

from benchkit.stats.doubt import confidence_of_a_look
from benchkit.stats.percentiles import percentile_intervals

FIRST, LOOKS, WANTED, SHARE = 1_000, 6, "p95", 0.95


def wrong_and_packets(name: str, confidence: float, repetitions: int) -> tuple[float, float]:
    draw, quantile = SERIES[name]
    truth = quantile(SHARE)
    limit = truth + 0.15 * (truth - quantile(0.5))
    rng = np.random.default_rng(1)
    wrong, packets = 0, 0
    for _ in range(repetitions):
        series = draw(rng, FIRST << (LOOKS - 1))
        found = [
            percentile_intervals(series[: FIRST << look], [WANTED], confidence)[WANTED]
            for look in range(LOOKS)
        ]
        wrong += any(not each.low <= truth <= each.high for each in found)
        decided = (
            look for look, each in enumerate(found) if each.high <= limit or each.low > limit
        )
        packets += FIRST << next(decided, LOOKS - 1)
    return wrong / repetitions, packets / repetitions


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    print(f"{LOOKS} looks at {WANTED}, {repetitions} runs; wrong in %, wanted: at most 5")  # noqa: T201
    print(f"{'':<14}{'95 % each':>20}{'5 % over all':>20}")  # noqa: T201
    print(f"{'':<14}{'wrong':>8}{'packets':>12}{'wrong':>8}{'packets':>12}")  # noqa: T201
    for name in SERIES:
        cells = ""
        for confidence in (0.95, confidence_of_a_look(LOOKS)):
            wrong, packets = wrong_and_packets(name, confidence, repetitions)
            cells += f"{100 * wrong:8.1f}{packets:12.0f}"
        print(f"{name:<14}{cells}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
