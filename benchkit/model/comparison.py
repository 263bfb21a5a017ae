"""Two groups of runs held against each other, cell by cell, and what a gate makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchkit.model.record import Estimate, Verdict

SCHEMA = 1
REGRESSION = "regression"
IMPROVEMENT = "improvement"
NO_DIFFERENCE = "no difference seen"
NOT_COMPARABLE = "not comparable"
# The gravest first.
WORDS = (REGRESSION, NOT_COMPARABLE, IMPROVEMENT, NO_DIFFERENCE)
GATE_VERDICTS = ("pass", "fail", "inconclusive", "unfit")


@dataclass(frozen=True)
class Cell:
    """One statistic of one metric, in one phase of one path, on both sides; figures in `unit`.

    `statistic` is "p95", or the metric's own name for loss ("rtt", "loss") and goodput ("goodput", "mean").
    `difference` is candidate less base, with its 95 % interval; an end that cannot be given is absent.
    `floor` is the least change that counts, `smallest_visible` the least that would have been found four times
    in five, beside all other gated cells; absent where no change could have been. `method` says where the interval
    comes from: "runs" (each run one replicate), "interleaved" (so, within turns of both sides), "blocks" (a block
    bootstrap within runs) or "intervals" (of the records, where samples are missing). `missing` names the side that
    lacks the cell: "base" or "candidate".
    """

    path: str
    metric: str
    phase: str
    statistic: str
    unit: str
    word: str
    reason: str
    gated: bool
    less_is_better: bool
    base: Estimate | None = None
    candidate: Estimate | None = None
    difference: Estimate | None = None
    floor: float | None = None
    smallest_visible: float | None = None
    method: str | None = None
    missing: str | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What names the same cell in another comparison."""
        return self.path, self.metric, self.phase, self.statistic


@dataclass(frozen=True)
class Comparison:
    """A candidate held against a base; each side is the ids of its runs.

    `word` is the gravest of the gated cells. `differs` says, a line each, what makes the sides not
    comparable; `notes` what else a reader should know. `settings` are the numbers of the rule.
    """

    base: tuple[str, ...]
    candidate: tuple[str, ...]
    word: str
    cells: tuple[Cell, ...]
    schema: int = SCHEMA
    differs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    settings: Mapping[str, float] = field(default_factory=dict)

    @property
    def gated(self) -> tuple[Cell, ...]:
        """The cells that a gate acts on."""
        return tuple(cell for cell in self.cells if cell.gated)


@dataclass(frozen=True)
class PathVerdict:
    """A budget's verdict, and the path it is about."""

    path: str
    verdict: Verdict


@dataclass(frozen=True)
class Gate:
    """What a gate says of a run: against its budgets, and against a baseline where there is one.

    `verdict` is one of GATE_VERDICTS; `reasons` are what it rests on, the gravest first. `again` is the run in which
    what failed was measured a second time, `not_again` why it was not.
    """

    run: str
    verdict: str
    reasons: tuple[str, ...]
    schema: int = SCHEMA
    budgets: tuple[PathVerdict, ...] = ()
    comparison: Comparison | None = None
    again: str | None = None
    not_again: str | None = None
