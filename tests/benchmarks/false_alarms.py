"""Print how often a comparison cries wolf, and how often it finds a real change, beside what other tools would say.

    python tests/benchmarks/false_alarms.py [REPETITIONS] [PACKETS] [RUNS_A_SIDE…]

Each repetition is a whole comparison at the default settings: three paths, of each p50, p95, p99 and loss of the
round trip, twelve cells judged at once. A/A: both sides are drawn alike; the goal is at most 2 % with a regression.
"No floor" leaves out the least change that counts, so that only the statistics stand between noise and alarm. A/B: on one of
the paths 2 % of the candidate's packets are 2 ms later; the goal, with five runs a side, is at least 95 % found. Two questions
are ours and not the goal's: "restless" runs differ among themselves by 0.5 ms, as those of a shared machine do, and in the
second A/B 10 % of the packets are 0.6 ms later: below a tenth of the figure, and above what a path across a country
varies. Seeds are fixed. With RUNS_A_SIDE, as in 5v5 or 5v1, only those designs.

The peers judge the same packets by their documented rules, alarm on any cell being an alarm:

    pytest-benchmark    `--benchmark-compare-fail=mean:5%`, one run against one, round trips as the timings
    action-benchmark    github-action-benchmark: a percentile beyond 200 % (its default), or 110 %, of the last run
    Mann-Whitney        two-sided at 5 % over all packets of a side, as if each were independent
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from coverage_of_intervals import SERIES
from numpy.typing import NDArray

from benchkit.campaign.comparing import record_replicates, sample_replicates
from benchkit.stats.comparison import (
    DEFAULT_RULE,
    FLOORS,
    CellQuestion,
    Floor,
    Rule,
    gravest,
    judge_cells,
)
from benchkit.stats.difference import FEWEST_RUNS
from benchkit.stats.latency import latency_metric
from benchkit.stats.replicates import Replicate

Runs = Sequence[NDArray[np.float64]]
PERCENTILES = ("p50", "p95", "p99")
MIDDLE_MS = 8.5
PATHS = 3
DESIGNS = ("5v5", "5v1", "1v1")
RESTLESS, WANDER_MS = "restless", 0.5
ROWS = (*SERIES, RESTLESS)
# So that p95 lies about 0.3 ms above p50, whatever the shape: a quiet path across a country.
SCALES = {"bimodal": 0.03, "heavy-tailed": 0.05}
USUAL_SCALE = 0.18


@dataclass(frozen=True)
class Change:
    """What befalls the candidate of one path: so large a share of its packets is so much later."""

    words: str
    later_ms: float
    share: float


CHANGES = (
    Change("A/A, wanted: none", 0.0, 0.0),
    Change("A/B, 2 % of packets 2 ms later, wanted: all", 2.0, 0.02),
    Change("A/B, 10 % of packets 0.6 ms later, wanted: all", 0.6, 0.1),
)
NO_CHANGE = CHANGES[0]
NO_FLOOR = Rule({kind: Floor(0.0, 0.0) for kind in FLOORS})


@dataclass(frozen=True)
class Trial:
    """The runs of one path on both sides."""

    base: Runs
    candidate: Runs


def trial(
    name: str, rng: np.random.Generator, n: int, design: tuple[int, int], change: Change
) -> Trial:
    draw = SERIES["iid normal" if name == RESTLESS else name][0]
    scale = SCALES.get(name, USUAL_SCALE)

    def run() -> NDArray[np.float64]:
        wander = WANDER_MS * rng.standard_normal() if name == RESTLESS else 0.0
        return MIDDLE_MS + wander + scale * draw(rng, n)

    base, candidate = ([run() for _ in range(count)] for count in design)
    if change.share:
        candidate = [each + change.later_ms * (rng.random(n) < change.share) for each in candidate]
    return Trial(base, candidate)


def replicates(runs: Runs, first_seed: int, *, sampled: bool) -> list[dict[str, Replicate]]:
    """What the comparison itself has of each run: its packets where runs are few, else its record."""
    if sampled:
        return [
            sample_replicates(run, np.isinf(run), seed) for seed, run in enumerate(runs, first_seed)
        ]
    return [record_replicates(latency_metric("rtt", "idle", run * 1e6)[0]) for run in runs]


def questions(trials: Sequence[Trial]) -> Iterator[CellQuestion]:
    for number, each in enumerate(trials):
        sampled = max(len(each.base), len(each.candidate)) < FEWEST_RUNS
        ours = replicates(each.base, 1, sampled=sampled)
        theirs = replicates(each.candidate, 1001, sampled=sampled)
        for statistic in (*PERCENTILES, "loss"):
            kind, unit = ("loss", "%") if statistic == "loss" else ("rtt", "ms")
            sides = [run[statistic] for run in ours], [run[statistic] for run in theirs]
            yield CellQuestion(
                f"path {number}", "rtt", "idle", statistic, unit, kind, True, True, *sides
            )


def pytest_benchmark_alarm(trials: Sequence[Trial]) -> bool:
    return any(each.candidate[0].mean() > 1.05 * each.base[-1].mean() for each in trials)


def action_alarm(trials: Sequence[Trial], threshold: float) -> bool:
    return any(
        np.quantile(each.candidate[0], share) > threshold * np.quantile(each.base[-1], share)
        for each in trials
        for share in (0.5, 0.95, 0.99)
    )


def mann_whitney_alarm(trials: Sequence[Trial]) -> bool:
    return any(
        mann_whitney(np.concatenate(each.base), np.concatenate(each.candidate)) < 0.05
        for each in trials
    )


def mann_whitney(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The two-sided p-value by the normal approximation; exact enough for a hundred values, and without ties."""
    ranks = np.empty(one.size + other.size)
    ranks[np.argsort(np.concatenate((one, other)))] = np.arange(1, ranks.size + 1)
    u = ranks[: one.size].sum() - one.size * (one.size + 1) / 2
    spread = math.sqrt(one.size * other.size * (ranks.size + 1) / 12)
    return 2 * NormalDist().cdf(-abs(u - one.size * other.size / 2) / spread)


def alarms(trials: Sequence[Trial]) -> dict[str, bool]:
    asked = list(questions(trials))
    return {
        "benchkit": gravest(judge_cells(asked, DEFAULT_RULE)) == "regression",
        "no floor": gravest(judge_cells(asked, NO_FLOOR)) == "regression",
        "pytest-b.": pytest_benchmark_alarm(trials),
        "action 200%": action_alarm(trials, 2.0),
        "action 110%": action_alarm(trials, 1.1),
        "Mann-Whitney": mann_whitney_alarm(trials),
    }


def shares(
    name: str, design: tuple[int, int], repetitions: int, n: int, change: Change
) -> Mapping[str, float]:
    rng = np.random.default_rng(1)
    counts: dict[str, int] = {}
    for _ in range(repetitions):
        trials = [
            trial(name, rng, n, design, NO_CHANGE if path else change) for path in range(PATHS)
        ]
        for who, alarm in alarms(trials).items():
            counts[who] = counts.get(who, 0) + alarm
    return {who: count / repetitions for who, count in counts.items()}


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    print(f"% of {repetitions} comparisons of {PATHS} paths with an alarm; {n} packets a run")  # noqa: T201
    for change, runs in itertools.product(CHANGES, sys.argv[3:] or DESIGNS):
        base, candidate = map(int, runs.split("v"))
        print(f"\n{change.words}: {base} base runs, {candidate} of the candidate")  # noqa: T201
        for number, name in enumerate(ROWS):
            found = shares(name, (base, candidate), repetitions, n, change)
            if number == 0:
                print(f"{'':<14}", *(f"{who:>13}" for who in found))  # noqa: T201
            print(f"{name:<14}", *(f"{100 * share:13.1f}" for share in found.values()), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
