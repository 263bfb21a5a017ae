"""Two groups of runs, statistic by statistic: what changed, and whether that is more than chance.

A change counts when it lies beyond a floor, both relative and absolute, and when Holm's step-down procedure
(1979) over all gated cells says so: so that a whole comparison of a thing with itself has one chance in a hundred, at
most, of seeing a regression, however many cells it has. Packets are never replicates: they resemble their neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from types import MappingProxyType

from benchkit.model.comparison import (
    IMPROVEMENT,
    NO_DIFFERENCE,
    NOT_COMPARABLE,
    REGRESSION,
    WORDS,
    Cell,
)
from benchkit.model.record import Estimate
from benchkit.model.target import COMPARED
from benchkit.stats.difference import Difference, difference
from benchkit.stats.interval import Interval
from benchkit.stats.replicates import Replicate

CONFIDENCE = 0.95
# Over all gated cells, two-sided: half of it for regressions.
FAMILY_LEVEL = 0.02


@dataclass(frozen=True, slots=True)
class Floor:
    """The least change that counts: the greater of a share of the base and a figure in the metric's unit."""

    relative: float
    absolute: float

    def of(self, base: float) -> float:
        """The floor beside that base; the absolute one where the base is no number."""
        return (
            max(self.relative * abs(base), self.absolute) if math.isfinite(base) else self.absolute
        )


_LATENCY = Floor(0.02, 0.1)  # ms
FLOORS: Mapping[str, Floor] = MappingProxyType(
    {
        **{name: _LATENCY for name, (unit, _) in COMPARED.items() if unit == "ms"},
        "loss": Floor(0.1, 0.1),  # percentage points
        "goodput": Floor(0.02, 1.0),  # Mbit/s
        "udp": Floor(0.02, 0.1),  # Mbit/s: paced tests may be slow
        "completion": Floor(0.02, 0.01),  # s
        "ratio": Floor(0.01, 0.01),  # times
    }
)


@dataclass(frozen=True, slots=True)
class CellQuestion:
    """One cell to be judged: which statistic, and what each run of either side gave for it.

    `metric` is the metric as the cell names it, `kind` the one of FLOORS. No replicates: that side lacks the cell. `turns` is
    how often base, candidate, candidate, base were measured in this order; 0 for not so.
    """

    path: str
    metric: str
    phase: str
    statistic: str
    unit: str
    kind: str
    gated: bool
    less_is_better: bool
    base: Sequence[Replicate]
    candidate: Sequence[Replicate]
    turns: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """By what is judged. `level` is the chance of any false word over all gated cells."""

    floors: Mapping[str, Floor] = field(default_factory=lambda: FLOORS)
    level: float = FAMILY_LEVEL


DEFAULT_RULE = Rule()


@dataclass(frozen=True, slots=True)
class _Contrast:
    """A question with its difference, its floor, and how likely chance alone makes it more and less."""

    question: CellQuestion
    difference: Difference
    floor: float
    above: float
    below: float

    @property
    def chance(self) -> float:
        return min(2 * min(self.above, self.below), 1.0)


def judge_cells(
    questions: Sequence[CellQuestion],
    rule: Rule = DEFAULT_RULE,
    *,
    not_comparable: str | None = None,
) -> tuple[Cell, ...]:
    """A cell for each question, in their order. `not_comparable` says why no word about a change may be given.

    Cells that are not gated are judged beside the gated ones, each at the level of the strictest step, and
    cost the others nothing.

    >>> base, candidate = ([Replicate(ms, 0.01, 0.01)] for ms in (8.5, 9.5))
    >>> asked = CellQuestion("a-b", "rtt", "idle", "p95", "ms", "rtt", True, True, base, candidate)
    >>> [cell.word for cell in judge_cells([asked])]
    ['regression']
    """
    contrasts = {index: _contrast(one, rule) for index, one in enumerate(questions) if _whole(one)}
    gated = {index: each for index, each in contrasts.items() if questions[index].gated}
    strictest = rule.level / max(len(gated), 1)
    changed = _holm(gated, rule.level)
    changed |= {i for i, each in contrasts.items() if i not in gated and each.chance <= strictest}
    return tuple(
        _cell(contrasts[index], index in changed, strictest, not_comparable)
        if index in contrasts
        else _missing(question)
        for index, question in enumerate(questions)
    )


def gravest(cells: Sequence[Cell]) -> str:
    """The gravest word of the gated cells; "not comparable" where there is none."""
    given = {cell.word for cell in cells if cell.gated}
    return next((word for word in WORDS if word in given), NOT_COMPARABLE)


def _whole(question: CellQuestion) -> bool:
    return bool(question.base) and bool(question.candidate)


def _contrast(question: CellQuestion, rule: Rule) -> _Contrast:
    found = difference(question.base, question.candidate, turns=question.turns)
    base = fmean(one.value for one in question.base)
    floor = rule.floors[question.kind].of(base)
    return _Contrast(question, found, floor, found.chance_above(floor), found.chance_below(floor))


def _holm(contrasts: Mapping[int, _Contrast], level: float) -> set[int]:
    """The cells that Holm's procedure finds changed: the least likely first, up to the first that may be chance."""
    found: set[int] = set()
    for step, index in enumerate(sorted(contrasts, key=lambda each: contrasts[each].chance)):
        if contrasts[index].chance > level / (len(contrasts) - step):
            break
        found.add(index)
    return found


def _cell(contrast: _Contrast, changed: bool, level: float, not_comparable: str | None) -> Cell:  # noqa: FBT001  one place calls it
    question, found = contrast.question, contrast.difference
    interval = found.interval(CONFIDENCE)
    upwards = question.less_is_better
    visible = found.smallest_visible(contrast.floor, level / 2, upwards=upwards)
    word = _word(contrast, changed) if not_comparable is None else NOT_COMPARABLE
    reason = not_comparable or _reason(contrast, word, interval)
    return replace(
        _sides(question, word, reason),
        difference=interval.estimate(),
        floor=contrast.floor,
        smallest_visible=visible,
        method=found.method,
    )


def side_estimate(side: Sequence[Replicate]) -> Estimate:
    """What one side came to: a single run with its own interval, several by their mean."""
    if len(side) == 1:
        return side[0].estimate()
    return Interval(fmean(one.value for one in side), -math.inf, math.inf).estimate()


def _missing(question: CellQuestion) -> Cell:
    side = "candidate" if question.base else "base"
    said = _sides(question, NOT_COMPARABLE, f"the {side} has no such figure")
    return replace(said, gated=question.gated and side == "candidate", missing=side)


def _sides(question: CellQuestion, word: str, reason: str) -> Cell:
    """What was asked, what each side came to, and what is said of it."""
    return Cell(
        path=question.path,
        metric=question.metric,
        phase=question.phase,
        statistic=question.statistic,
        unit=question.unit,
        word=word,
        reason=reason,
        gated=question.gated,
        less_is_better=question.less_is_better,
        base=side_estimate(question.base) if question.base else None,
        candidate=side_estimate(question.candidate) if question.candidate else None,
    )


def _word(contrast: _Contrast, changed: bool) -> str:  # noqa: FBT001  as above
    if not changed:
        return NO_DIFFERENCE
    worse = (contrast.above < contrast.below) == contrast.question.less_is_better
    return REGRESSION if worse else IMPROVEMENT


def _reason(contrast: _Contrast, word: str, interval: Interval) -> str:
    """Why this word: in figures where there are any."""
    unit, floor = contrast.question.unit, contrast.floor
    value = interval.value
    if math.isinf(value):
        side = "candidate" if value > 0 else "base"
        return (
            f"the {side}'s {contrast.question.statistic} is a lost packet, the other side's is not"
        )
    if math.isnan(value):
        return "lost packets reach into this percentile, and not for sure: the loss is judged by itself"
    if word != NO_DIFFERENCE:
        side = "more" if value > 0 else "less"
        end = interval.low if value > 0 else -interval.high
        return (
            f"{_figure(abs(value))} {unit} {side}, at least {_figure(end)} {unit} with 95 % confidence: "
            f"beyond the {_figure(floor)} {unit} that count"
        )
    return _unseen(interval, unit, floor)


def _unseen(interval: Interval, unit: str, floor: float) -> str:
    """Why no difference is claimed: none there, too small to count, or too unsure."""
    if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return "too few independent samples for an interval: measure longer, or give more runs"
    shown = f"{_figure(interval.low, sign=True)}..{_figure(interval.high, sign=True)} {unit}"
    if interval.low > floor or interval.high < -floor:
        return f"{shown} is beyond the {_figure(floor)} {unit} that count by itself, but not among so many cells"
    if -floor <= interval.low and interval.high <= floor:
        return f"{shown} is within the {_figure(floor)} {unit} that count"
    if interval.low <= 0 <= interval.high:
        return f"{shown} holds zero"
    return f"{shown} is not wholly beyond the {_figure(floor)} {unit} that count"


def _figure(value: float, *, sign: bool = False) -> str:
    """Three figures, as few digits as they need."""
    places = max(2 - math.floor(math.log10(abs(value))), 0) if value else 0
    text = f"{value:+.{min(places, 6)}f}" if sign else f"{value:.{min(places, 6)}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text if text.strip("+-0") else "0"
