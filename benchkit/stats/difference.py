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
# Of either side, in a turn of base, candidate, candidate, base.
RUNS_OF_A_TURN = 2
POWER = 0.8
_Error = Callable[[Replicate], float]


@dataclass(frozen=True, slots=True)
class StandardErrors:
    """Standard errors of a difference downwards and upwards, and the degrees of freedom of each."""

    down: float
    up: float
    freedom_down: float
    freedom_up: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Candidate less base. What is said of it holds by each of its `doubts`: the least sure of them decides.

    `method` is "runs" where runs are the replicates, "interleaved" where they alternated too, else "blocks". `value`
    is infinite where one side's percentile is a lost packet for sure, NaN where no figure can be given.
    """

    value: float
    doubts: tuple[StandardErrors, ...]
    method: str

    def interval(self, confidence: float) -> Interval:
        """The difference with its two-sided interval."""
        if not math.isfinite(self.value):
            return Interval(self.value, -math.inf, math.inf)
        share = (1 + confidence) / 2
        down = max(each.down * student_quantile(share, each.freedom_down) for each in self.doubts)
        up = max(each.up * student_quantile(share, each.freedom_up) for each in self.doubts)
        return Interval(self.value, self.value - down, self.value + up)

    def chance_above(self, floor: float) -> float:
        """The one-sided p-value of "the difference is no more than `floor`", which is in its unit: 0 to 1."""
        return max(
            _chance(self.value - floor, each.down, each.freedom_down) for each in self.doubts
        )

    def chance_below(self, floor: float) -> float:
        """The one-sided p-value of "the difference is no less than -`floor`", which is in its unit: 0 to 1."""
        return max(_chance(-self.value - floor, each.up, each.freedom_up) for each in self.doubts)

    def smallest_visible(self, floor: float, level: float, *, upwards: bool) -> float | None:
        """The least change that is found four times in five, at a one-sided `level`; None where none can be."""
        errors = [
            (each.down, each.freedom_down) if upwards else (each.up, each.freedom_up)
            for each in self.doubts
        ]
        reach = max(
            error * (student_quantile(1 - level, freedom) + student_quantile(POWER, freedom))
            for error, freedom in errors
        )
        known = math.isfinite(reach) and math.isfinite(self.value)
        return floor + reach if known else None


def difference(
    base: Sequence[Replicate], candidate: Sequence[Replicate], *, turns: int = 0
) -> Difference:
    """What the candidate's runs have more than the base's; at least one run on either side.

    They were measured in so many `turns` of base, candidate, candidate, base; 0 for in no such order. With three runs
    on a side the replicate is the run. What happened within the runs is a doubt of its own: runs that agree by luck
    are no surer than their packets. It alone counts where both sides have fewer runs than three: how runs differ among
    themselves is not seen then.

    >>> base, candidate = ([Replicate(ms, 0.01, 0.01) for ms in side] for side in ((8.5, 8.6, 8.5), (9.5, 9.6, 9.5)))
    >>> found = difference(base, candidate)
    >>> round(found.value, 3), found.method
    (1.0, 'runs')
    """
    by_runs = max(len(base), len(candidate)) >= FEWEST_RUNS
    alternated = turns > 1 and len(base) == len(candidate) == RUNS_OF_A_TURN * turns
    method = "interleaved" if alternated else "runs" if by_runs else "blocks"
    if any(math.isinf(one.value) for one in (*base, *candidate)):
        none = _either_way(math.inf, math.inf)
        return Difference(_lost_difference(base, candidate), (none,), method)
    value = fmean(one.value for one in candidate) - fmean(one.value for one in base)
    within = _within(base, candidate, by_runs=by_runs)
    if not by_runs:
        return Difference(value, (within,), method)
    between = _within_turns if alternated else _between
    return Difference(value, (within, between(base, candidate)), method)


def _lost_difference(base: Sequence[Replicate], candidate: Sequence[Replicate]) -> float:
    """Infinite where all runs of one side, and none of the other, lost their percentile for sure; else NaN."""
    lost = [[math.isinf(one.value) for one in side] for side in (base, candidate)]
    if not any(lost[0]) and all(one.surely_lost for one in candidate):
        return math.inf
    if not any(lost[1]) and all(one.surely_lost for one in base):
        return -math.inf
    return math.nan


def _between(base: Sequence[Replicate], candidate: Sequence[Replicate]) -> StandardErrors:
    """By how runs differ among themselves.

    Student's one variance for both sides where they have equally many runs, for then his test keeps its level
    though the variances differ (Box 1954), or where one side has too few for a variance; else Welch's.
    """
    sides = [[one.value for one in side] for side in (base, candidate)]
    counts = [len(side) for side in sides]
    if counts[0] != counts[1] and min(counts) >= FEWEST_RUNS:
        parts = [variance(side) / len(side) for side in sides]
        total = sum(parts)
        doubt = sum(part**2 / (count - 1) for part, count in zip(parts, counts, strict=True))
        return _either_way(math.sqrt(total), total**2 / doubt if doubt else math.inf)
    squares = sum(variance(side) * (len(side) - 1) for side in sides if len(side) > 1)
    freedom = float(sum(counts) - len(counts))
    error = math.sqrt(squares / freedom * sum(1 / count for count in counts))
    return _either_way(error, freedom)


def _within_turns(base: Sequence[Replicate], candidate: Sequence[Replicate]) -> StandardErrors:
    """By how runs differ among themselves within a turn, as in randomised blocks (Fisher 1935).

    What changes from turn to turn, as a machine does over an hour, is on both sides alike and costs nothing, and a steady
    drift within a turn of base, candidate, candidate, base is in neither side's mean.
    """
    squares, turns = 0.0, len(base) // RUNS_OF_A_TURN
    change = fmean(one.value for one in candidate) - fmean(one.value for one in base)
    for turn in range(turns):
        own = slice(turn * RUNS_OF_A_TURN, (turn + 1) * RUNS_OF_A_TURN)
        figures = [one.value + change / 2 for one in base[own]]
        figures += [one.value - change / 2 for one in candidate[own]]
        squares += variance(figures) * (len(figures) - 1)
    freedom = turns * (2 * RUNS_OF_A_TURN - 1) - 1
    error = math.sqrt(squares / freedom * 2 / len(base))
    return _either_way(error, float(freedom))


def _either_way(error: float, freedom: float) -> StandardErrors:
    return StandardErrors(error, error, freedom, freedom)


def _within(
    base: Sequence[Replicate], candidate: Sequence[Replicate], *, by_runs: bool
) -> StandardErrors:
    """By what happened within the runs. Where runs are replicates, those whose error is not known are left out."""
    counted = [min(one.freedom for one in side) * len(side) for side in (base, candidate)]
    down = [_side(base, _upwards, by_runs), _side(candidate, _downwards, by_runs)]
    up = [_side(base, _downwards, by_runs), _side(candidate, _upwards, by_runs)]
    freedom = [_freedom(parts, counted) for parts in (down, up)]
    return StandardErrors(math.sqrt(sum(down)), math.sqrt(sum(up)), *freedom)


def _freedom(parts: Sequence[float], counted: Sequence[float]) -> float:
    """Of a sum of variances, by what each counts (Satterthwaite 1946)."""
    total = sum(parts)
    if not math.isfinite(total) or not total:
        return math.inf
    doubt = sum((part / total) ** 2 / each for part, each in zip(parts, counted, strict=True))
    return 1 / doubt if doubt else math.inf


def _side(side: Sequence[Replicate], error: _Error, by_runs: bool) -> float:  # noqa: FBT001  one place calls it
    """The variance of a side's mean."""
    known = [error(one) ** 2 for one in side if math.isfinite(error(one)) or not by_runs]
    return fmean(known) / len(side) if known else 0.0


def _upwards(one: Replicate) -> float:
    return one.error_up


def _downwards(one: Replicate) -> float:
    return one.error_down


def _chance(beyond: float, error: float, freedom: float) -> float:
    if math.isnan(beyond):
        return 1.0
    if math.isinf(beyond):
        return 0.0 if beyond > 0 else 1.0
    if error == 0:
        return 0.0 if beyond > 0 else 1.0
    return student_tail(beyond / error, freedom) if math.isfinite(error) else 1.0
