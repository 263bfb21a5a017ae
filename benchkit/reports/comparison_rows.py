"""A Comparison's cells as rows of words and figures, and its sentences: what all its formats show."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from benchkit.model.comparison import (
    IMPROVEMENT,
    NO_DIFFERENCE,
    NOT_COMPARABLE,
    REGRESSION,
    Cell,
    Comparison,
    Gate,
)
from benchkit.model.history import History
from benchkit.model.record import Estimate
from benchkit.reports.figures import ABSENT, LOST, clean, decimals_for, fixed, signed
from benchkit.reports.sentences import metric_name, series_words
from benchkit.stats.comparable import permissible
from benchkit.units import show_figure

HEADER = ("", "base", "candidate", "difference", "95 % interval", "visible", "")
LEGEND = "visible: the least change that would be found four times in five; what stands in brackets is shown, not judged"
MISSING = "missing"
# What stands in a unit of its own beside the figures of its metric.
_ASIDE = ("loss", "jitter")


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of one metric in one phase of one path, under HEADER; each row beside its cell."""

    title: str
    rows: tuple[tuple[Cell, tuple[str, ...]], ...]


def blocks_of(comparison: Comparison) -> dict[str, list[Block]]:
    """By path, in the order of the cells."""
    found: dict[str, list[Block]] = {}
    for (path, metric, phase), cells in groupby(
        comparison.cells, lambda cell: (cell.path, cell.metric, cell.phase)
    ):
        found.setdefault(clean(path), []).append(_block(metric, phase, tuple(cells)))
    return found


def headline(comparison: Comparison) -> tuple[str, str]:
    """The word in capitals, and how many cells say so."""
    gated = comparison.gated
    if comparison.differs:
        return comparison.word.upper(), "; ".join(map(clean, comparison.differs))
    counts = [
        f"{count} {word}{'s' if count > 1 and word in (REGRESSION, IMPROVEMENT) else ''}"
        for word in (REGRESSION, MISSING, NOT_COMPARABLE, IMPROVEMENT)
        if (count := sum(_says(cell, word) for cell in gated))
    ]
    if not counts:
        seen = (f"in {len(gated)} judged cells", smallest_visible(gated))
        return comparison.word.upper(), "; ".join(filter(None, seen))
    return comparison.word.upper(), f"{', '.join(counts)} in {len(gated)} judged cells"


def smallest_visible(cells: Iterable[Cell]) -> str:
    """The least change that each statistic could have shown, in the cell that shows least; in how many; and which could show none."""
    alike: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell.missing is None and cell.word != NOT_COMPARABLE:
            alike.setdefault(f"{metric_name(cell.metric)} {_statistic(cell)}", []).append(cell)
    seen, blind = [], []
    for name, found in alike.items():
        visible = [each.smallest_visible for each in found if each.smallest_visible is not None]
        some = f" in {len(visible)} of {len(found)} cells" if len(visible) < len(found) else ""
        if visible:
            seen.append(f"{name} {show_figure(max(visible), 2)} {clean(found[0].unit)}{some}")
        else:
            blind.append(name)
    said = [f"smallest visible: {', '.join(seen)}"] if seen else []
    said += [f"not enough samples to see any of {', '.join(blind)}"] if blind else []
    return "; ".join(said)


def remedy(comparison: Comparison) -> str:
    """How sides that differ are compared all the same; empty where they do not, or where nothing lets them be."""
    options = " ".join(f"--despite {aspect}" for aspect in permissible(comparison.differs))
    return f"{options} compares them all the same" if options else ""


def sides(comparison: Comparison) -> tuple[str, str]:
    """The runs of each side in a line each."""
    return _side("base", comparison.base), _side("candidate", comparison.candidate)


def told(cells: Iterable[Cell], differs: Sequence[str] = ()) -> tuple[tuple[str, str, str], ...]:
    """(which cell, word, reason) of each change, judged or not, and of each judged cell that is missing, as counted.

    Nothing where the sides differ: no change is seen then, and what is missing stands in the table.
    """
    if differs:
        return ()
    return tuple(
        (
            f"{series_words(cell.metric, cell.phase)} {_statistic(cell)}",
            (MISSING if cell.missing else cell.word) + ("" if cell.gated else ", not judged"),
            clean(cell.reason),
        )
        for cell in cells
        if cell.word in {REGRESSION, IMPROVEMENT} or (cell.gated and cell.missing is not None)
    )


def gate_headline(gate: Gate) -> tuple[str, str]:
    """The gate's verdict in capitals, and against what it was held."""
    held = [_counted(len(gate.budgets), "budget")] if gate.budgets else []
    if gate.comparison is not None:
        held.append(f"a baseline of {_counted(len(gate.comparison.base), 'run')}")
    return gate.verdict.upper(), f"run {clean(gate.run)} against {' and '.join(held) or 'nothing'}"


def second(gate: Gate) -> str:
    """What became of measuring again what failed; empty where nothing had to be."""
    if gate.again is not None:
        return f"what failed was measured again: run {clean(gate.again)}"
    if gate.not_again is not None:
        return f"what failed was not measured again: {clean(gate.not_again)}"
    return ""


def figure_name(one: Cell | History) -> str:
    """Which figure it is, and in what: RTT, idle p95, ms."""
    return f"{series_words(one.metric, one.phase)} {clean(one.statistic)}, {clean(one.unit)}"


def _block(metric: str, phase: str, cells: Sequence[Cell]) -> Block:
    ordinary = [cell for cell in cells if cell.statistic not in _ASIDE]
    title = ", ".join(
        (series_words(metric, phase), *dict.fromkeys(clean(each.unit) for each in ordinary))
    )
    decimals = decimals_for(
        each.value for cell in ordinary for each in (cell.base, cell.candidate) if each is not None
    )
    return Block(title, tuple((cell, _row(cell, decimals)) for cell in cells))


def _row(cell: Cell, decimals: int) -> tuple[str, ...]:
    aside = cell.statistic in _ASIDE
    places = 3 if aside else decimals
    difference = cell.difference or Estimate()
    return (
        f"{_statistic(cell)}{f', {clean(cell.unit)}' if aside else ''}",
        _figure(cell.base, places),
        _figure(cell.candidate, places),
        _signed(difference.value, places),
        _ends(difference, places),
        fixed(cell.smallest_visible, places),
        answer(cell) if cell.gated else f"({answer(cell)})",
    )


def _statistic(cell: Cell) -> str:
    return clean(cell.statistic)


def _word(cell: Cell) -> str:
    return f"missing in the {cell.missing}" if cell.missing else cell.word


def answer(cell: Cell) -> str:
    """The word; else why none could be seen, or what an interval without zero must reach to count, alone or among many."""
    seen, floor = cell.difference or Estimate(), cell.floor
    if cell.word == NO_DIFFERENCE and seen.value is not None and None in {seen.low, seen.high}:
        return "too few samples"
    apart = (seen.low or 0.0) > 0 or (seen.high or 0.0) < 0
    if cell.word != NO_DIFFERENCE or not apart or floor is None:
        return _word(cell)
    if (seen.low or 0.0) > floor or (seen.high or 0.0) < -floor:
        return "not seen among so many"
    least = f"{show_figure(floor, 2)} {clean(cell.unit)}"
    within = -floor <= _end(seen.low, -math.inf) and _end(seen.high, math.inf) <= floor
    return f"below the {least} that count" if within else f"not wholly beyond {least}"


def _end(known: float | None, else_: float) -> float:
    return else_ if known is None else known


def _says(cell: Cell, word: str) -> bool:
    return word == MISSING if cell.missing is not None else cell.word == word


def _figure(estimate: Estimate | None, places: int) -> str:
    return ABSENT if estimate is None else fixed(estimate.value, places, LOST)


def _signed(value: float | None, places: int) -> str:
    return ABSENT if value is None else signed(value, places)


def _ends(estimate: Estimate, places: int) -> str:
    if estimate.low is None and estimate.high is None:
        return ABSENT
    return f"{_signed(estimate.low, places)}..{_signed(estimate.high, places)}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _side(name: str, runs: Sequence[str]) -> str:
    return f"{name}: {', '.join(map(clean, runs))}"
