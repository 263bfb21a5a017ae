"""Budgets held against Intervals: pass, fail or inconclusive, each with its reason in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from benchkit.model.place import Budget
from benchkit.model.record import WORST_FIRST, Verdict
from benchkit.model.target import METRICS
from benchkit.stats.interval import Interval
from benchkit.stats.percentiles import CONFIDENCE, percentile_share, smallest_n

# More than this many times the samples is no advice; a rerun would not stay at this spread for so long.
_MOST_TIMES = 50


@dataclass(frozen=True, slots=True)
class Doubt:
    """What makes a verdict less sure than one interval at 95 %.

    The interval is looked at up to `looks` times, each time at `confidence`. The figure may be `less_by` or `more_by`, in the
    budget's unit, without the emulator's own error. `longer` is what to do for more samples, and `by` how if --duration is not how, in words.
    `due` is how many packets there were, effective or not; 0 is not known.
    """

    looks: int = 1
    less_by: float = 0.0
    more_by: float = 0.0
    longer: str = "measure longer"
    by: str = ""
    due: int = 0

    @property
    def confidence(self) -> float:
        """What each look may claim."""
        return confidence_of_a_look(self.looks)

    @property
    def surely(self) -> str:
        """How sure the ends of the interval are, in words."""
        over = f" over {self.looks} looks" if self.looks > 1 else ""
        return f"with 95 % confidence{over}"

    def widened(self, interval: Interval) -> Interval:
        """The interval that decides: wider by the emulator's error."""
        return Interval(interval.value, interval.low - self.less_by, interval.high + self.more_by)


NO_DOUBT = Doubt()


def confidence_of_a_look(looks: int) -> float:
    """The confidence at which all planned looks together err no more often than one interval at 95 %.

    Each spends an equal share of the 5 % (an alpha-spending rule, Lan and DeMets 1983), and whatever they have in common,
    their errors add up to no more than that (Bonferroni's inequality).

    >>> confidence_of_a_look(5)
    0.99
    """
    return 1 - (1 - CONFIDENCE) / looks


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
        verdict = _verdict(budget.limit, judged, less=_less_is_better(budget))
        reason = _reason(verdict, budget, interval, n, doubt)
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
    figure = verdict.measured
    if verdict.verdict != "fail" or figure is None or figure.value is not None:
        return verdict
    bounded = [name for name, each in intervals.items() if _is_bounded_percentile(name, each)]
    if not bounded:
        return verdict
    name = max(bounded, key=percentile_share)
    found = intervals[name]
    said = f"{name} is {_number(found.value, _digits(verdict.limit, found))} {verdict.unit}"
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


def _reason(verdict: str, budget: Budget, interval: Interval, n: int, doubt: Doubt) -> str:
    judged = doubt.widened(interval)
    if verdict != "inconclusive":
        return _decided(verdict, budget, judged, doubt.surely)
    alone = _verdict(budget.limit, interval, less=_less_is_better(budget))
    if alone != "inconclusive":
        return f"{_decided(alone, budget, interval, doubt.surely)}; {_moved(alone, budget, judged, doubt)}"
    if math.isfinite(judged.low) and math.isfinite(judged.high):
        return _undecided(budget, judged, doubt)
    return _without_end(budget, judged, n, doubt)


def _decided(verdict: str, budget: Budget, interval: Interval, surely: str) -> str:
    """How far the end that decides lies from the budget."""
    name, unit = _name(budget), budget.unit
    at_most = (verdict == "pass") == _less_is_better(budget)
    end = interval.high if at_most else interval.low
    margin = abs(budget.limit - end)
    limit = f"the {budget.limit:g} {unit} budget"
    if math.isinf(end):
        return f"too many packets were lost: {name} is a lost packet {surely}, beyond {limit}"
    digits = _digits(budget.limit, interval)
    side = "at most" if at_most else "at least"
    place = {"pass": "inside", "fail": "beyond"}[verdict]
    if not _less_is_better(budget):
        place = {"pass": "above", "fail": "below"}[verdict]
    sure = f"{side} {_number(end, digits)} {unit} {surely}: "
    sure += f"{_number(margin, digits)} {unit} {place} {limit}" if margin else f"just {limit}"
    if math.isinf(interval.value):
        return f"too many packets were lost: {name} is a lost packet, {sure}"
    return f"{name} is {_number(interval.value, digits)} {unit}, {sure}"


def _moved(alone: str, budget: Budget, judged: Interval, doubt: Doubt) -> str:
    """Why the emulator's own error takes the word away that the samples alone would give."""
    at_most = (alone == "pass") == _less_is_better(budget)
    by, end = (doubt.more_by, judged.high) if at_most else (doubt.less_by, judged.low)
    digits = _digits(budget.limit, judged)
    return (
        f"but the emulator's own error is {_number(by, digits)} {budget.unit}, and without it the figure may be "
        f"{_number(end, digits)} {budget.unit}: free a core and run again"
    )


def _undecided(budget: Budget, interval: Interval, doubt: Doubt) -> str:
    """Both ends, on either side of the budget; and how much longer would do, where that can be said."""
    distance = abs(budget.limit - interval.value)
    end = interval.high if interval.value <= budget.limit else interval.low
    digits = _digits(budget.limit, interval)
    text = (
        f"{_name(budget)} lies between {_number(interval.low, digits)} and "
        f"{_number(interval.high, digits)} {budget.unit} {doubt.surely}, so {budget.limit:g} {budget.unit} "
        "is neither kept nor broken for sure"
    )
    # Standard errors shrink with the square root of n; what bounds a loss of nothing shrinks with n.
    power = 1 if budget.metric == "loss" and interval.value == 0 else 2
    ratio = abs(end - interval.value) / distance if distance else math.inf
    times = min(ratio, _MOST_TIMES + 1) ** power
    if times > _MOST_TIMES:
        return f"{text}; the measured {_number(interval.value, digits)} {budget.unit} is too near to it"
    several = f"about {max(math.ceil(times), 2)} times as many samples"
    return f"{text}; {doubt.longer}{doubt.by}: {several} would decide at this spread"


def _without_end(budget: Budget, interval: Interval, n: int, doubt: Doubt) -> str:
    """Why an interval that has no upper or no lower end decides nothing."""
    name, unit, digits = _name(budget), budget.unit, _digits(budget.limit, interval)
    if name == "max":
        return (
            f"max is {_number(interval.value, digits)} {unit} so far, which bounds no packet yet to come: "
            "judge a percentile"
        )
    if name.startswith("p") and n < (needed := smallest_n(name, doubt.confidence)):
        times = math.ceil(needed / max(n, 1))
        longer = f"about {times} times as long" if times <= _MOST_TIMES else "much longer"
        text = f"{name} needs at least {needed} effective samples, there were {n}"
        if doubt.due >= needed:  # it is not for want of packets
            text += f" in {doubt.due} packets, which a busy machine or path delays or loses together: free a core, or"
        else:
            text += ":"
        return f"{text} measure {longer}{doubt.by}"
    if math.isfinite(interval.low):
        return (
            f"{name} is at least {_number(interval.low, digits)} {unit} {doubt.surely}, but no upper end can be given: "
            f"too many packets were lost, or too few samples are independent: measure longer{doubt.by}"
        )
    return f"{name} was measured over too few independent samples for an interval: {doubt.longer}{doubt.by}"


def _name(budget: Budget) -> str:
    """What the sentence is about: the percentile where there is one, else the metric."""
    if budget.percentile == "max" or budget.percentile[1:2].isdigit():
        return budget.percentile
    return budget.metric


def _digits(limit: float, interval: Interval) -> int:
    """Decimals that show the narrowest margin and the figure with two digits, and three digits of the limit."""
    margins = [abs(limit - end) for end in (interval.value, interval.low, interval.high)]
    margins += [abs(limit) / 100, 1.0, abs(interval.value)]
    smallest = min(margin for margin in margins if margin > 0)
    # Subtraction leaves 0.0999... of a tenth; six decimals are a nanosecond in ms.
    return min(max(1 - math.floor(math.log10(smallest) + 1e-9), 0), 6)


def _number(figure: float, digits: int) -> str:
    text = f"{figure:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
