"""Percentiles, floor, model and budget on one scale, in characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchkit.model.record import Estimate

MARKS = {"floor": "┊", "model": "┊", "budget": "┃"}
VALUE, LOW_END, HIGH_END, BETWEEN, BEYOND = "●", "├", "┤", "─", "▶"
BELOW = "◀"
_MARGIN = 0.04
_OVERSHOOT = 0.5  # one spike of a second must not press all that matters into one column


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear scale over so many columns; what lies beyond it is drawn at its end."""

    low: float
    high: float
    width: int

    def cell(self, value: float) -> int:
        """The column of a value, 0 to width - 1."""
        share = (value - self.low) / (self.high - self.low)
        return int(min(self.width - 1.0, max(0.0, share * self.width)))  # a share may be infinite

    def holds(self, value: float) -> bool:
        """Whether the value is on the scale."""
        return self.low <= value <= self.high


def scale_for(
    marks: Mapping[str, float], estimates: Sequence[Estimate], width: int
) -> Scale | None:
    """A scale that shows every mark, and as much of the estimates as leaves the marks apart.

    Where there is no budget to be held against, the first estimate is shown in any case: the median.
    """
    seen = [*marks.values(), *_ends(estimates)]
    if not seen or min(seen) == max(seen):
        return None
    low, high = min(seen), max(seen)
    if marks and max(marks.values()) > low:
        top = max(marks.values())
        apart = top + _OVERSHOOT * (top - low)
        high = min(high, apart if "budget" in marks else max((apart, *_ends(estimates[:1]))))
    margin = _MARGIN * (high - low)
    return Scale(low - margin, high + margin, width)


def _ends(estimates: Sequence[Estimate]) -> list[float]:
    return [
        end for each in estimates for end in (each.low, each.value, each.high) if end is not None
    ]


def legend(scale: Scale, marks: Mapping[str, float]) -> list[str]:
    """The names of the marks above their columns: on as many lines as keep them apart."""
    lines: list[str] = []
    for name, value in sorted(marks.items(), key=lambda mark: mark[1]):
        start = max(0, min(scale.cell(value) - len(name) // 2, scale.width - len(name)))
        for index, line in enumerate(lines):
            if len(line) < start:
                lines[index] = line.ljust(start) + name
                break
        else:
            lines.append(" " * start + name)
    return lines[::-1]


def lane(scale: Scale, marks: Mapping[str, float], estimate: Estimate) -> str:
    """One estimate and its interval among the marks. An arrow: it goes on beyond the scale, or was lost."""
    signs = [" "] * scale.width
    for name, value in marks.items():
        signs[scale.cell(value)] = MARKS[name]
    low = estimate.low if estimate.low is not None else estimate.value
    if low is None:
        signs[-1] = BEYOND
        return "".join(signs)
    open_end = estimate.high is None and (estimate.low is not None or estimate.value is None)
    high = scale.high if open_end else estimate.high
    open_start = estimate.low is None and estimate.high is not None
    first = 0 if open_start else scale.cell(low)
    last = scale.cell(high if high is not None else low)
    if last > first:
        signs[first : last + 1] = [LOW_END, *BETWEEN * (last - first - 1), HIGH_END]
    end = estimate.value if high is None else high
    if open_end or (end is not None and not scale.holds(end)):
        signs[last] = BEYOND
    if open_start:
        signs[first] = BELOW
    if estimate.value is not None and scale.holds(estimate.value):
        signs[scale.cell(estimate.value)] = VALUE
    return "".join(signs).rstrip()


def bar(marks: Mapping[str, float], estimate: Estimate, width: int) -> str:
    """Floor F, model M, budget B and the measured ● on one line; empty where there is nothing to compare."""
    scale = scale_for(marks, [estimate], width)
    if scale is None or not marks:
        return ""
    signs = list(lane(scale, {}, estimate).ljust(width).replace(" ", "·"))
    for name, value in marks.items():
        if signs[scale.cell(value)] != VALUE:
            signs[scale.cell(value)] = name[0].upper()
    return "".join(signs)
