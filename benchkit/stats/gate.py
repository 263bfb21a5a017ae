"""What a gate says: budgets and comparison in, one word with its reasons out; and confirming before it fails."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from benchkit.model.comparison import (
    NO_DIFFERENCE,
    NOT_COMPARABLE,
    REGRESSION,
    Cell,
    Comparison,
    Gate,
    PathVerdict,
)
from benchkit.model.probe import PROBE_OF
from benchkit.model.record import RunRecord
from benchkit.stats.comparable import permissible
from benchkit.stats.comparison import gravest

Key = tuple[str, str, str, str]  # path, metric, phase, statistic


@dataclass(frozen=True)
class Suspects:
    """What failed and can be measured again: budgets, and cells of the comparison."""

    budgets: tuple[PathVerdict, ...]
    cells: tuple[Cell, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """Their paths, each once."""
        paths = [each.path for each in self.budgets] + [cell.path for cell in self.cells]
        return tuple(dict.fromkeys(paths))

    @property
    def probes(self) -> tuple[str, ...]:
        """The probes that measure them, each once."""
        metrics = [each.verdict.metric for each in self.budgets]
        metrics += [cell.metric for cell in self.cells]
        # A meter is no probe of a path: nothing measures its ratio again.
        return tuple(dict.fromkeys(PROBE_OF[each] for each in metrics if each in PROBE_OF))

    @property
    def keys(self) -> frozenset[Key]:
        """The cells, by what names them in any comparison."""
        return frozenset(cell.key for cell in self.cells)


def gate(record: RunRecord, comparison: Comparison | None = None) -> Gate:
    """Hold a run against its budgets and, where there is one, its comparison with a baseline.

    Unfit where its machine was. Fails for a failed budget, a regression, or a missing cell; is inconclusive where a budget
    is, where nothing could be compared, or where a gated cell has no interval; else it passes. No budget and no
    baseline is inconclusive too: nothing was held against anything.
    """
    budgets = tuple(
        PathVerdict(path.path, verdict) for path in record.paths for verdict in path.verdicts
    )
    return _answer(record, budgets, comparison)


def suspects(answer: Gate) -> Suspects | None:
    """What a second measurement could clear of a gate that fails; None where nothing can be."""
    if answer.verdict != "fail":
        return None
    budgets = tuple(each for each in answer.budgets if each.verdict.verdict == "fail")
    gated = answer.comparison.gated if answer.comparison is not None else ()
    found = Suspects(budgets, tuple(cell for cell in gated if cell.word == REGRESSION))
    return found if found.paths else None


def confirmed(
    record: RunRecord, first: Gate, again: RunRecord, comparison: Comparison | None
) -> Gate:
    """What the gate says now that its suspects were measured `again`, with fresh connections.

    `comparison` holds the second run against the same base. What failed twice stays a failure, and so does what has
    disappeared. A regression that is not found again was none; a budget that failed once and not twice is open. Where the
    second measurement deserves no trust, nothing is decided.
    """
    budgets = tuple(_confirmed_budget(each, again) for each in first.budgets)
    cells = first.comparison
    if cells is not None and comparison is not None:
        found = {cell.key: cell for cell in comparison.cells}
        judged = tuple(
            _confirmed_cell(cell, found.get(cell.key), comparison.differs) for cell in cells.cells
        )
        cells = replace(cells, cells=judged, word=gravest(judged))
    answer = _answer(record, budgets, cells)
    return replace(answer, again=again.run)


def _answer(
    record: RunRecord, budgets: tuple[PathVerdict, ...], comparison: Comparison | None
) -> Gate:
    failures = [*_budgets_that(budgets, "fail"), *_failed_cells(comparison)]
    doubts = [*_budgets_that(budgets, "inconclusive"), *_with_remedies(comparison)]
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
    # Of an unfit run nothing is judged, and each doubt would only say so again.
    reasons = record.unfit or (*failures, *doubts)
    return Gate(record.run, word, reasons, budgets=budgets, comparison=comparison)


def _confirmed_budget(first: PathVerdict, again: RunRecord) -> PathVerdict:
    verdict = first.verdict
    if verdict.verdict != "fail":
        return first
    same = [
        each
        for path in again.paths
        if path.path == first.path
        for each in path.verdicts
        if (each.metric, each.percentile, each.limit)
        == (verdict.metric, verdict.percentile, verdict.limit)
    ]
    if not same or same[0].measured is None:
        word, said = "fail", "it was not measured the second time"
    elif same[0].verdict == "fail":
        word, said = "fail", f"confirmed when it was measured again: {same[0].reason}"
    else:
        word, said = "inconclusive", f"not confirmed when it was measured again: {same[0].reason}"
    return replace(
        first, verdict=replace(verdict, verdict=word, reason=f"{verdict.reason}; {said}")
    )


def _confirmed_cell(cell: Cell, again: Cell | None, differs: Sequence[str]) -> Cell:
    if cell.word != REGRESSION or not cell.gated:
        return cell
    if differs:
        reason = f"{cell.reason}; measured again, but not comparable: {differs[0]}"
        return replace(cell, word=NOT_COMPARABLE, reason=reason, smallest_visible=None)
    if again is None or again.missing == "candidate":
        return replace(cell, reason=f"{cell.reason}; missing when it was measured again")
    if again.word == REGRESSION:
        return replace(
            cell, reason=f"{cell.reason}; confirmed when it was measured again: {again.reason}"
        )
    reason = f"a regression at first, not confirmed when it was measured again: {again.reason}"
    return replace(cell, word=NO_DIFFERENCE, reason=reason)


def _budgets_that(budgets: Collection[PathVerdict], word: str) -> list[str]:
    return [
        f"{each.path}, {f'{each.verdict.metric} {each.verdict.percentile}'.rstrip()}, budget: {each.verdict.reason}"
        for each in budgets
        if each.verdict.verdict == word
    ]


def _failed_cells(comparison: Comparison | None) -> list[str]:
    # What is missing beside another target is no failure of this one.
    if comparison is None or comparison.differs:
        return []
    return [
        f"{_named(cell)}: {'missing' if cell.missing else cell.word}: {cell.reason}"
        for cell in comparison.gated
        if cell.word == REGRESSION or cell.missing == "candidate"
    ]


def doubts_of(comparison: Comparison | None) -> list[str]:
    """Why a comparison decides nothing where it sees no difference: not comparable, or a gated figure without an interval."""
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


def _with_remedies(comparison: Comparison | None) -> list[str]:
    """The doubts, each with what a person may do about sides that differ."""
    doubts = doubts_of(comparison)
    if comparison is None or not comparison.differs:
        return doubts
    return [
        f"{doubt}{_remedy(line, comparison)}"
        for doubt, line in zip(doubts, comparison.differs, strict=True)
    ]


def _remedy(line: str, comparison: Comparison) -> str:
    if aspects := permissible([line]):
        return f"; --despite {aspects[0]} compares them all the same"
    if any(line.startswith(f"run {run} ") for run in comparison.base):
        return "; leave it out: `benchkit baseline save NAME RUN…` with the others replaces what NAME stands for"
    return ""


def _named(cell: Cell) -> str:
    phase = "" if cell.phase in {"idle", cell.metric} else f" {cell.phase}"
    return f"{cell.path}, {cell.metric}{phase} {cell.statistic}"
