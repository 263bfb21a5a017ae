"""The difference of one statistic between two groups of runs, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from benchkit.stats.interval import Interval
from benchkit.stats.replicates import Replicate
from benchkit.stats.student import student_quantile, student_tail

# From so many runs on one side on, how runs differ among themselves is known, and counts.
FEWEST_RUNS = 3
POWER = 0.8
_Error = Callable[[Replicate], float]


@dataclass(frozen=True, slots=True)
class Difference:
    """Candidate less base: `value`, standard errors downwards and upwards, degrees of freedom.

    `method` is "runs" where runs are the replicates, else "blocks". `value` is infinite where one side's
    percentile is a lost packet for sure, NaN where no figure can be given.
    """

    value: float
    error_down: float
    error_up: float
    freedom: float
    method: str

    def interval(self, confidence: float) -> Interval:
        """The difference with its two-sided interval."""
        if not math.isfinite(self.value):
            return Interval(self.value, -math.inf, math.inf)
        t = student_quantile((1 + confidence) / 2, self.freedom)
        return Interval(
            self.value, self.value - t * self.error_down, self.value + t * self.error_up
        )

    def chance_above(self, floor: float) -> float:
        """The one-sided p-value of "the difference is no more than `floor`"."""
        return _chance(self.value - floor, self.error_down, self.freedom)

    def chance_below(self, floor: float) -> float:
        """The one-sided p-value of "the difference is no less than -`floor`"."""
        return _chance(-self.value - floor, self.error_up, self.freedom)

    def smallest_visible(self, floor: float, level: float, *, upwards: bool) -> float | None:
        """The least change that is found four times in five, at a one-sided `level`; None where none can be."""
        error = self.error_down if upwards else self.error_up
        if not math.isfinite(error) or not math.isfinite(self.value):
            return None
        t = student_quantile(1 - level, self.freedom) + student_quantile(POWER, self.freedom)
        return floor + t * error


def difference(base: Sequence[Replicate], candidate: Sequence[Replicate]) -> Difference:
    """What the candidate's runs have more than the base's; at least one run on either side.

    With three runs on a side the replicate is the run: Welch's standard error, or, where the other side has fewer,
    one variance for both. A side is never taken for more certain than what happened within its runs leaves it,
    and that alone counts where both sides have fewer than three: then how runs differ among themselves is not seen.
    """
    whole = _lost_side(base, candidate)
    if whole is not None:
        return whole
    value = fmean(one.value for one in candidate) - fmean(one.value for one in base)
    sides = (base, candidate)
    by_runs = max(map(len, sides)) >= FEWEST_RUNS
    between = _between(base, candidate) if by_runs else [(0.0, math.inf)] * 2
    down, freedom = _combined(
        sides, between, (lambda one: one.error_up, lambda one: one.error_down)
    )
    up, _ = _combined(sides, between, (lambda one: one.error_down, lambda one: one.error_up))
    return Difference(value, down, up, freedom, "runs" if by_runs else "blocks")


def _lost_side(base: Sequence[Replicate], candidate: Sequence[Replicate]) -> Difference | None:
    """The difference where a percentile is a lost packet in any run; None where all are finite."""
    lost = [[math.isinf(one.value) for one in side] for side in (base, candidate)]
    if not any(lost[0]) and not any(lost[1]):
        return None
    value = math.nan
    if not any(lost[0]) and all(one.surely_lost for one in candidate):
        value = math.inf
    elif not any(lost[1]) and all(one.surely_lost for one in base):
        value = -math.inf
    method = "runs" if max(len(base), len(candidate)) >= FEWEST_RUNS else "blocks"
    return Difference(value, math.inf, math.inf, math.inf, method)


def _between(
    base: Sequence[Replicate], candidate: Sequence[Replicate]
) -> list[tuple[float, float]]:
    """For each side the variance of its mean by how its runs differ, and the degrees of freedom of that."""
    sides = [[one.value for one in side] for side in (base, candidate)]
    if min(map(len, sides)) >= FEWEST_RUNS:
        return [(variance(side) / len(side), len(side) - 1.0) for side in sides]
    squares = sum(variance(side) * (len(side) - 1) for side in sides if len(side) > 1)
    freedom = float(sum(len(side) - 1 for side in sides))
    return [(squares / freedom / len(side), freedom) for side in sides]


def _combined(
    sides: tuple[Sequence[Replicate], Sequence[Replicate]],
    between: Sequence[tuple[float, float]],
    errors: tuple[_Error, _Error],
) -> tuple[float, float]:
    """The standard error of the difference towards one side, and its degrees of freedom (Welch-Satterthwaite)."""
    parts = [
        _of_side(side, error, *known)
        for side, error, known in zip(sides, errors, between, strict=True)
    ]
    total = sum(part for part, _ in parts)
    if not math.isfinite(total) or total == 0:
        return math.sqrt(total), math.inf
    pooled = min(map(len, sides)) < FEWEST_RUNS <= max(map(len, sides))
    if pooled:
        return math.sqrt(total), min(freedom for _, freedom in parts)
    doubt = sum((part / total) ** 2 / freedom for part, freedom in parts)
    return math.sqrt(total), 1 / doubt if doubt else math.inf


def _of_side(
    side: Sequence[Replicate], error: _Error, between: float, freedom: float
) -> tuple[float, float]:
    """The variance of a side's mean: by its runs, but never less than what happened within them leaves."""
    by_runs = math.isfinite(freedom)
    known = [error(one) ** 2 for one in side if math.isfinite(error(one)) or not by_runs]
    within = fmean(known) / len(side) if known else 0.0
    if by_runs:
        return max(between, within), freedom
    least = min(one.freedom for one in side)
    return within, least * len(side)


def _chance(beyond: float, error: float, freedom: float) -> float:
    if math.isnan(beyond):
        return 1.0
    if math.isinf(beyond):
        return 0.0 if beyond > 0 else 1.0
    if error == 0:
        return 0.0 if beyond > 0 else 1.0
    return student_tail(beyond / error, freedom) if math.isfinite(error) else 1.0
