"""Percentiles, floor, model and budget on one scale, in characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchkit.model.record import Estimate

MARKS = {"floor": "┊", "model": "┊", "budget": "┃"}
VALUE, LOW_END, HIGH_END, BETWEEN, BEYOND = "●", "├", "┤", "─", "▶"
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
    """A scale that shows every mark and the first estimate, the median, and of the others as much as leaves the marks apart."""
    ends = [
        end for each in estimates for end in (each.low, each.value, each.high) if end is not None
    ]
    seen = [*marks.values(), *ends]
    if not seen or min(seen) == max(seen):
        return None
    low, high = min(seen), max(seen)
    if marks and max(marks.values()) > low:
        top = max(marks.values())
        middle = estimates[0].high or estimates[0].value or top if estimates else top
        high = min(high, max(top + _OVERSHOOT * (top - low), middle))
    margin = _MARGIN * (high - low)
    return Scale(low - margin, high + margin, width)


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
    first, last = scale.cell(low), scale.cell(high if high is not None else low)
    if last > first:
        signs[first : last + 1] = [LOW_END, *BETWEEN * (last - first - 1), HIGH_END]
    if open_end or (high is not None and not scale.holds(high)):
        signs[last] = BEYOND
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
