"""Budgets held against Intervals: pass, fail or inconclusive, each with its reason in words."""

from __future__ import annotations

import math
from collections.abc import Iterable

from benchkit.model.place import Budget
from benchkit.model.record import Verdict
from benchkit.model.target import METRICS
from benchkit.stats.interval import Interval
from benchkit.stats.percentiles import smallest_n

# More than this many times the samples is no advice; a rerun would not stay at this spread for so long.
_MOST_TIMES = 50
_SURELY = "with 95 % confidence"


def judge(
    budget: Budget,
    interval: Interval | None,
    *,
    n: int,
    phase: str | None = None,
    unfit: str | None = None,
) -> Verdict:
    """Hold a budget against what was measured; `interval` is in the budget's unit, None for not measured.

    Where less is better: pass when `high` is within the limit, fail when `low` is beyond it, else
    inconclusive; mirrored for goodput. So an interval without an upper end never passes, and one whose ends are both
    lost packets fails. `n` is the effective number of samples. `unfit` says why nothing here deserves trust, and
    makes it inconclusive. `headroom` is positive where there is room, for goodput too.
    """
    if unfit is not None:
        verdict, reason = "inconclusive", unfit
    elif interval is None:
        verdict, reason = "inconclusive", "not measured"
    else:
        less = _less_is_better(budget)
        verdict = _verdict(budget.limit, interval, less=less)
        reason = _reason(verdict, budget, interval, n)
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
    )


def overall(verdicts: Iterable[str], unfit: bool) -> str:  # noqa: FBT001  the machine is one more voice
    """The worst of them, by unfit, fail, inconclusive, pass; "inconclusive" where nothing was judged."""
    if unfit:
        return "unfit"
    given = set(verdicts)
    order = ("unfit", "fail", "inconclusive", "pass")
    return next((verdict for verdict in order if verdict in given), "inconclusive")


def _less_is_better(budget: Budget) -> bool:
    return METRICS[budget.metric][1]


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
    return room if _less_is_better(budget) else -room


def _reason(verdict: str, budget: Budget, interval: Interval, n: int) -> str:
    if verdict != "inconclusive":
        return _decided(verdict, budget, interval)
    if math.isfinite(interval.low) and math.isfinite(interval.high):
        return _undecided(budget, interval)
    return _without_end(budget, interval, n)


def _decided(verdict: str, budget: Budget, interval: Interval) -> str:
    """How far the end that decides lies from the budget."""
    name, unit = _name(budget), budget.unit
    at_most = (verdict == "pass") == _less_is_better(budget)
    end = interval.high if at_most else interval.low
    margin = abs(budget.limit - end)
    limit = f"the {budget.limit:g} {unit} budget"
    if math.isinf(end):
        return f"too many packets were lost: {name} is a lost packet {_SURELY}, beyond {limit}"
    digits = _digits(budget, interval)
    side = "at most" if at_most else "at least"
    place = {"pass": "inside", "fail": "beyond"}[verdict]
    if not _less_is_better(budget):
        place = {"pass": "above", "fail": "below"}[verdict]
    sure = f"{side} {_number(end, digits)} {unit} {_SURELY}: "
    sure += f"{_number(margin, digits)} {unit} {place} {limit}" if margin else f"just {limit}"
    if math.isinf(interval.value):
        return f"too many packets were lost: {name} is a lost packet, {sure}"
    return f"{name} is {_number(interval.value, digits)} {unit}, {sure}"


def _undecided(budget: Budget, interval: Interval) -> str:
    """Both ends, on either side of the budget; and how much longer would do, where that can be said."""
    distance = abs(budget.limit - interval.value)
    end = interval.high if interval.value <= budget.limit else interval.low
    digits = _digits(budget, interval)
    text = (
        f"{_name(budget)} lies between {_number(interval.low, digits)} and "
        f"{_number(interval.high, digits)} {budget.unit} {_SURELY}, so {budget.limit:g} {budget.unit} "
        "is neither kept nor broken for sure"
    )
    # Standard errors shrink with the square root of n; what bounds a loss of nothing shrinks with n.
    power = 1 if budget.metric == "loss" and interval.value == 0 else 2
    ratio = abs(end - interval.value) / distance if distance else math.inf
    times = min(ratio, _MOST_TIMES + 1) ** power
    if times > _MOST_TIMES:
        return f"{text}; the measured {_number(interval.value, digits)} {budget.unit} is too near to it"
    return f"{text}; measure longer: about {max(math.ceil(times), 2)} times as many samples would decide at this spread"


def _without_end(budget: Budget, interval: Interval, n: int) -> str:
    """Why an interval that has no upper or no lower end decides nothing."""
    name, unit, digits = _name(budget), budget.unit, _digits(budget, interval)
    if name == "max":
        return (
            f"max is {_number(interval.value, digits)} {unit} so far, which bounds no packet yet to come: "
            "judge a percentile"
        )
    if name.startswith("p") and n < (needed := smallest_n(name)):
        return f"{name} needs at least {needed} effective samples, there were {n}"
    if math.isfinite(interval.low):
        return (
            f"{name} is at least {_number(interval.low, digits)} {unit} {_SURELY}, but no upper end can be given: "
            "too many packets were lost, or too few samples are independent"
        )
    return f"{name} was measured over too few independent samples for an interval: measure longer"


def _name(budget: Budget) -> str:
    """What the sentence is about: the percentile where there is one, else the metric."""
    if budget.percentile == "max" or budget.percentile[1:2].isdigit():
        return budget.percentile
    return budget.metric


def _digits(budget: Budget, interval: Interval) -> int:
    """Decimals that show the narrowest margin with two figures, and three figures of the limit."""
    limit = budget.limit
    margins = [abs(limit - end) for end in (interval.value, interval.low, interval.high)]
    margins += [abs(limit) / 100, 1.0]
    smallest = min(margin for margin in margins if margin > 0)
    # Subtraction leaves 0.0999... of a tenth; six decimals are a nanosecond in ms.
    return min(max(1 - math.floor(math.log10(smallest) + 1e-9), 0), 6)


def _number(figure: float, digits: int) -> str:
    text = f"{figure:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
