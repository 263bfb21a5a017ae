"""Why a verdict is what it is, in a sentence for whoever must act on it."""

from __future__ import annotations

import math

from benchkit.model.place import Budget
from benchkit.model.target import METRICS
from benchkit.stats.doubt import Doubt
from benchkit.stats.interval import Interval
from benchkit.stats.percentiles import smallest_n

# More than this many times the samples is no advice; a rerun would not stay at this spread for so long.
_MOST_TIMES = 50


def reason_of(
    verdict: str, alone: str, budget: Budget, interval: Interval, n: int, doubt: Doubt
) -> str:
    """Why it is that verdict, with what would decide an open one.

    `alone` is what the interval by itself would say, without the doubt; `n` the effective number of samples.
    """
    judged = doubt.widened(interval)
    if verdict != "inconclusive":
        return _decided(verdict, budget, judged, interval, doubt)
    if alone != "inconclusive":
        return f"{_decided(alone, budget, interval, interval, doubt)}; {_moved(alone, budget, judged, doubt)}"
    if math.isfinite(judged.low) and math.isfinite(judged.high):
        return _undecided(budget, interval, doubt)
    return _without_end(budget, judged, n, doubt)


def _surely(doubt: Doubt, digits: int, *ends: tuple[float, float]) -> str:
    """How sure the ends are: each as it decides and as measured, and where a reader sees these differ, why they do."""
    alike = all(figure(judged, digits) == figure(alone, digits) for judged, alone in ends)
    return doubt.surely if alike else f"{doubt.surely} and the emulator's own error"


def _decided(
    verdict: str, budget: Budget, interval: Interval, alone: Interval, doubt: Doubt
) -> str:
    """How far the end that decides lies from the budget; `alone` is the interval as measured."""
    name, unit = _name(budget), budget.unit
    at_most = (verdict == "pass") == less_is_better(budget)
    end, measured = (interval.high, alone.high) if at_most else (interval.low, alone.low)
    margin = abs(budget.limit - end)
    limit = f"the {budget.limit:g} {unit} budget"
    if math.isinf(end):
        return f"too many packets were lost: {name} is a lost packet {doubt.surely}, beyond {limit}"
    digits = decimals_of(budget.limit, interval)
    side = "at most" if at_most else "at least"
    place = {"pass": "inside", "fail": "beyond"}[verdict]
    if not less_is_better(budget):
        place = {"pass": "above", "fail": "below"}[verdict]
    surely = _surely(doubt, digits, (end, measured))
    sure = f"{side} {figure(end, digits)} {unit} {surely}: "
    sure += f"{figure(margin, digits)} {unit} {place} {limit}" if margin else f"just {limit}"
    if math.isinf(interval.value):
        return f"too many packets were lost: {name} is a lost packet, {sure}"
    return f"{name} is {figure(interval.value, digits)} {unit}, {sure}"


def _moved(alone: str, budget: Budget, judged: Interval, doubt: Doubt) -> str:
    """Why the emulator's own error takes the word away that the samples alone would give."""
    at_most = (alone == "pass") == less_is_better(budget)
    by, end = (doubt.more_by, judged.high) if at_most else (doubt.less_by, judged.low)
    digits = decimals_of(budget.limit, judged)
    return (
        f"but the emulator's own error is {figure(by, digits)} {budget.unit}, and without it the figure may be "
        f"{figure(end, digits)} {budget.unit}: free a core and run again"
    )


def _undecided(budget: Budget, alone: Interval, doubt: Doubt) -> str:
    """Both ends, on either side of the budget; and how much longer would do, where that can be said."""
    interval = doubt.widened(alone)
    distance = abs(budget.limit - interval.value)
    end = interval.high if interval.value <= budget.limit else interval.low
    digits = decimals_of(budget.limit, interval)
    surely = _surely(doubt, digits, (interval.low, alone.low), (interval.high, alone.high))
    text = (
        f"{_name(budget)} lies between {figure(interval.low, digits)} and "
        f"{figure(interval.high, digits)} {budget.unit} {surely}, so {budget.limit:g} {budget.unit} "
        "is neither kept nor broken for sure"
    )
    # Standard errors shrink with the square root of n; what bounds a loss of nothing shrinks with n.
    power = 1 if budget.metric == "loss" and interval.value == 0 else 2
    ratio = abs(end - interval.value) / distance if distance else math.inf
    times = min(ratio, _MOST_TIMES + 1) ** power
    if times > _MOST_TIMES:
        return (
            f"{text}; the measured {figure(interval.value, digits)} {budget.unit} is too near to it"
        )
    several = f"about {max(math.ceil(times), 2)} times as many samples"
    return f"{text}; {doubt.longer}{doubt.by}: {several} would decide at this spread"


def _without_end(budget: Budget, interval: Interval, n: int, doubt: Doubt) -> str:
    """Why an interval that has no upper or no lower end decides nothing."""
    name, unit, digits = _name(budget), budget.unit, decimals_of(budget.limit, interval)
    if name == "max":
        return (
            f"max is {figure(interval.value, digits)} {unit} so far, which bounds no packet yet to come: "
            "judge a percentile"
        )
    if name.startswith("p") and n < (needed := smallest_n(name, doubt.confidence)):
        times = math.ceil(needed / max(n, 1))
        longer = f"about {times} times as long" if times <= _MOST_TIMES else "much longer"
        text = f"{name} needs at least {needed} effective samples, there were {n}"
        if doubt.due >= needed:  # it is not for want of packets
            text += f" in {doubt.due} {doubt.of}, which a busy machine or path delays or loses together: free a core, or"
        else:
            text += ":"
        return f"{text} measure {longer}{doubt.by}"
    if math.isfinite(interval.low):
        return (
            f"{name} is at least {figure(interval.low, digits)} {unit} {doubt.surely}, but no upper end can be given: "
            f"too many packets were lost, or too few samples are independent: measure longer{doubt.by}"
        )
    return f"{name} was measured over too few independent samples for an interval: {doubt.longer}{doubt.by}"


def _name(budget: Budget) -> str:
    """What the sentence is about: the percentile where there is one, else the metric."""
    if budget.percentile == "max" or budget.percentile[1:2].isdigit():
        return budget.percentile
    return budget.metric


def decimals_of(limit: float, interval: Interval) -> int:
    """Decimals that show the narrowest margin and the figure with two digits, and three digits of the limit."""
    margins = [abs(limit - end) for end in (interval.value, interval.low, interval.high)]
    margins += [abs(limit) / 100, 1.0, abs(interval.value)]
    smallest = min(margin for margin in margins if margin > 0)
    # Subtraction leaves 0.0999... of a tenth; six decimals are a nanosecond in ms.
    return min(max(1 - math.floor(math.log10(smallest) + 1e-9), 0), 6)


def figure(value: float, digits: int) -> str:
    """The number with so many decimals, without zeros at its end."""
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def less_is_better(budget: Budget) -> bool:
    """Whether its metric is one that is to be small, as a latency; a goodput is not."""
    return METRICS[budget.metric][1]
