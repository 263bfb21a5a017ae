"""How small a change runs of a thing can show, and how long or how many they must be to show a given one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from benchkit.stats.difference import POWER
from benchkit.stats.replicates import Replicate
from benchkit.stats.student import student_quantile

MOST_RUNS = 100


@dataclass(frozen=True, slots=True)
class Variances:
    """Why a figure differs from run to run, as variances: by what happens within a run of so many seconds, and beyond that.

    Longer runs shrink the first and leave the second, which only more runs can answer.
    """

    within: float
    between: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Design:
    """A comparison: runs of either side, and the one-sided level at which a cell of it is judged."""

    base: int
    candidate: int
    level: float

    @property
    def reach(self) -> float:
        """The change that is seen four times in five, in standard errors of a difference."""
        freedom = float(max(self.base + self.candidate - 2, 1))
        return student_quantile(1 - self.level, freedom) + student_quantile(POWER, freedom)

    @property
    def share(self) -> float:
        """The variance of the difference, in variances of one run."""
        return 1 / self.base + 1 / self.candidate


def spread_of(runs: Sequence[Replicate], seconds: float) -> Variances:
    """Part the variance of a figure over two runs or more of so many seconds. Lost percentiles are left out.

    Infinite where fewer than two runs have the figure, or none knows its own error.

    >>> spread_of([Replicate(8.5, 0.01, 0.01), Replicate(8.7, 0.01, 0.01)], 10.0).between > 0
    True
    """
    known = [one for one in runs if math.isfinite(one.value)]
    errors = [
        max(one.error_down, one.error_up) ** 2
        for one in known
        if math.isfinite(one.error_down) and math.isfinite(one.error_up)
    ]
    if len(known) < 2 or not errors:  # noqa: PLR2004  one value has no variance
        return Variances(math.inf, math.inf, seconds)
    within = fmean(errors)
    total = variance([one.value for one in known])
    return Variances(within, max(total - within, 0.0), seconds)


def smallest_visible(spread: Variances, design: Design, seconds: float, floor: float) -> float:
    """The least change beyond the floor that the design sees four times in five with runs of so many seconds."""
    run = spread.within * spread.seconds / seconds + spread.between
    return floor + design.reach * math.sqrt(run * design.share)


def seconds_to_see(spread: Variances, design: Design, change: float, floor: float) -> float | None:
    """How long each run must be for the design to see a change; None where no length does."""
    if change <= floor or not math.isfinite(spread.within):
        return None
    allowed = ((change - floor) / design.reach) ** 2 / design.share - spread.between
    return spread.within * spread.seconds / allowed if allowed > 0 else None


def runs_to_see(spread: Variances, level: float, change: float, floor: float) -> int | None:
    """How many runs a side, as long as those that were measured, see a change; None for more than a hundred."""
    if change <= floor or not math.isfinite(spread.within):
        return None
    wanted = (
        runs
        for runs in range(2, MOST_RUNS + 1)
        if smallest_visible(spread, Design(runs, runs, level), spread.seconds, floor) <= change
    )
    return next(wanted, None)
