"""What a gate says: budgets and comparison in, one word with its reasons out; and confirming before it fails."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from benchkit.model.comparison import (
    NO_DIFFERENCE,
    NOT_COMPARABLE,
    REGRESSION,
    Cell,
    Comparison,
    Gate,
    PathVerdict,
)
from benchkit.model.record import RunRecord
from benchkit.stats.comparison import gravest

# Measure the cells of these paths again, with fresh connections, and compare them with the same base.
Remeasure = Callable[[Collection[str]], Comparison]


def gate(record: RunRecord, comparison: Comparison | None = None) -> Gate:
    """Hold a run against its budgets and, where there is one, its comparison with a baseline.

    Unfit where its machine was. Fails for a failed budget, a regression, or a missing cell; is inconclusive where a budget
    is, where nothing could be compared, or where a gated cell has no interval; else it passes. No budget and no
    baseline is inconclusive too: nothing was held against anything.
    """
    budgets = tuple(
        PathVerdict(path.path, verdict) for path in record.paths for verdict in path.verdicts
    )
    failures = [*_budgets_that(budgets, "fail"), *_failed_cells(comparison)]
    doubts = [*_budgets_that(budgets, "inconclusive"), *_doubts(comparison)]
    if not budgets and comparison is None:
        doubts.append("the target has no budget, and no --baseline is given: nothing to judge by")
    if record.interrupted:
        doubts.append(f"run {record.run} was interrupted")
    if record.unfit:
        word = "unfit"
    elif failures:
        word = "fail"
    else:
        word = "inconclusive" if doubts else "pass"
    reasons = (*record.unfit, *failures, *doubts)
    return Gate(record.run, word, reasons, budgets=budgets, comparison=comparison)


def confirmed(comparison: Comparison, remeasure: Remeasure) -> Comparison:
    """The comparison with only those regressions that a second measurement of their paths finds again.

    Nothing is measured again where nothing failed. A regression whose cell is missing from the second
    measurement stays: what has disappeared is no excuse.
    """
    suspects = [cell for cell in comparison.gated if cell.word == REGRESSION]
    if not suspects:
        return comparison
    paths = dict.fromkeys(cell.path for cell in suspects)
    again = {cell.key: cell for cell in remeasure(tuple(paths)).cells}
    cells = tuple(_confirmed(cell, again.get(cell.key)) for cell in comparison.cells)
    words = f"measured again, because of {len(suspects)} cells: {', '.join(paths)}"
    return replace(comparison, cells=cells, word=gravest(cells), notes=(*comparison.notes, words))


def _confirmed(cell: Cell, again: Cell | None) -> Cell:
    if cell.word != REGRESSION or not cell.gated:
        return cell
    if again is None or again.missing == "candidate":
        return replace(cell, reason=f"{cell.reason}; missing when it was measured again")
    if again.word == REGRESSION:
        return replace(cell, reason=f"{cell.reason}; confirmed when it was measured again")
    reason = f"a regression at first, not confirmed when it was measured again: {again.reason}"
    return replace(cell, word=NO_DIFFERENCE, reason=reason)


def _budgets_that(budgets: Collection[PathVerdict], word: str) -> list[str]:
    return [
        f"{each.path}, {each.verdict.metric} {each.verdict.percentile}, budget: {each.verdict.reason}"
        for each in budgets
        if each.verdict.verdict == word
    ]


def _failed_cells(comparison: Comparison | None) -> list[str]:
    # What is missing beside another target is no failure of this one.
    if comparison is None or comparison.differs:
        return []
    return [
        f"{_named(cell)}: {cell.reason if cell.missing else f'{cell.word}: {cell.reason}'}"
        for cell in comparison.gated
        if cell.word == REGRESSION or cell.missing == "candidate"
    ]


def _doubts(comparison: Comparison | None) -> list[str]:
    if comparison is None:
        return []
    if comparison.differs:
        return [f"not comparable with the baseline: {line}" for line in comparison.differs]
    if not any(cell.missing is None for cell in comparison.gated):
        return ["not comparable with the baseline: no figure is in both"]
    return [
        f"{_named(cell)}: {cell.reason}"
        for cell in comparison.gated
        if cell.word in {NO_DIFFERENCE, NOT_COMPARABLE}
        and cell.missing is None
        and cell.smallest_visible is None
    ]


def _named(cell: Cell) -> str:
    phase = "" if cell.phase in {"idle", cell.metric} else f" {cell.phase}"
    return f"{cell.path}, {cell.metric}{phase} {cell.statistic}"
