"""Budgets held against Intervals: pass, fail or inconclusive, each with its reason in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from benchkit.model.place import Budget
from benchkit.model.record import WORST_FIRST, Verdict
from benchkit.model.target import METRICS
from benchkit.stats.doubt import NO_DOUBT, Doubt
from benchkit.stats.interval import Interval
from benchkit.stats.percentiles import percentile_share
from benchkit.stats.verdict_words import decimals_of, figure, less_is_better, reason_of


def judge(
    budget: Budget,
    interval: Interval | None,
    *,
    n: int,
    phase: str | None = None,
    unfit: str | None = None,
    doubt: Doubt = NO_DOUBT,
) -> Verdict:
    """Hold a budget against what was measured; `interval` is in the budget's unit, None for not measured.

    Where less is better: pass when `high` is within the limit, fail when `low` is beyond it, else
    inconclusive; mirrored for goodput. So an interval without an upper end never passes, and one whose ends are both
    lost packets fails. `n` is the effective number of samples. `unfit` says why nothing here deserves trust, and
    makes it inconclusive. `doubt` widens the interval before it decides. `headroom` is positive where there is
    room, for goodput too.

    >>> budget = Budget("rtt", 10.0, "ms", "p95")
    >>> judge(budget, Interval(8.57, 8.56, 8.58), n=1123).verdict
    'pass'
    >>> judge(budget, Interval(9.9, 9.7, 10.1), n=20).verdict
    'inconclusive'
    """
    judged = None if interval is None else doubt.widened(interval)
    if unfit is not None:
        verdict, reason = "inconclusive", unfit
    elif interval is None or judged is None:
        verdict, reason = "inconclusive", "not measured"
    else:
        less = less_is_better(budget)
        verdict = _verdict(budget.limit, judged, less=less)
        alone = _verdict(budget.limit, interval, less=less)
        reason = reason_of(verdict, alone, budget, interval, n, doubt)
    return Verdict(
        metric=budget.metric,
        percentile=budget.percentile,
        limit=budget.limit,
        unit=budget.unit,
        verdict=verdict,
        reason=reason,
        fact=budget.fact,
        measured=None if interval is None else interval.estimate(),
        headroom=_headroom(budget, interval),
        phase=phase,
        reading=budget.reading or None,
        judged=None if judged is None or judged == interval else judged.estimate(),
        looks=doubt.looks if doubt.looks > 1 else None,
        less_by=doubt.less_by or None,
        more_by=doubt.more_by or None,
    )


def with_what_arrived(verdict: Verdict, intervals: Mapping[str, Interval]) -> Verdict:
    """Of what fails by loss, whether it is the loss alone: by the highest percentile that no loss reaches.

    `intervals` are by percentile, in the budget's unit.
    """
    measured = verdict.measured
    if verdict.verdict != "fail" or measured is None or measured.value is not None:
        return verdict
    bounded = [name for name, each in intervals.items() if _is_bounded_percentile(name, each)]
    if not bounded:
        return verdict
    name = max(bounded, key=percentile_share)
    found = intervals[name]
    said = f"{name} is {figure(found.value, decimals_of(verdict.limit, found))} {verdict.unit}"
    if found.low > verdict.limit:
        return replace(verdict, reason=f"{verdict.reason}; {said}, beyond it without any loss")
    if found.high <= verdict.limit:
        return replace(
            verdict, reason=f"{verdict.reason}; {said}, within it: the loss alone breaks it"
        )
    return verdict


def _is_bounded_percentile(name: str, interval: Interval) -> bool:
    return name[:1] == "p" and name[1:2].isdigit() and math.isfinite(interval.high)


def could_be_decided(verdict: Verdict) -> bool:
    """Whether more samples could decide it: it was measured, and is open by itself, not for the emulator's error.

    A maximum is never bounded by more.
    """
    if verdict.verdict != "inconclusive" or verdict.measured is None:
        return False
    measured = verdict.measured
    alone = Interval(
        math.nan if measured.value is None else measured.value,
        -math.inf if measured.low is None else measured.low,
        math.inf if measured.high is None else measured.high,
    )
    is_open = _verdict(verdict.limit, alone, less=METRICS[verdict.metric][1]) == "inconclusive"
    return is_open and verdict.percentile != "max"


def overall(verdicts: Iterable[str], unfit: bool) -> str:  # noqa: FBT001  the machine is one more voice
    """The worst of them, by unfit, fail, inconclusive, pass; "inconclusive" where nothing was judged.

    >>> overall(["pass", "inconclusive"], unfit=False)
    'inconclusive'
    """
    if unfit:
        return "unfit"
    given = set(verdicts)
    return next((verdict for verdict in WORST_FIRST if verdict in given), "inconclusive")


def _verdict(limit: float, interval: Interval, *, less: bool) -> str:
    best, worst = (interval.low, interval.high) if less else (-interval.high, -interval.low)
    limit = limit if less else -limit
    if worst <= limit:
        return "pass"
    return "fail" if best > limit else "inconclusive"


def _headroom(budget: Budget, interval: Interval | None) -> float | None:
    if interval is None or not math.isfinite(interval.value):
        return None
    room = budget.limit - interval.value
    return room if less_is_better(budget) else -room
