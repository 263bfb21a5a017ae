"""`benchkit run TARGET --compare BASE --interleave`: two targets, measured in turns of A B B A, and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from benchkit.campaign.comparing import StoredRun, compare_runs
from benchkit.campaign.question import Question
from benchkit.cli.comparing import FORMATS
from benchkit.cli.exit_status import (
    FAILED,
    INCONCLUSIVE,
    INTERRUPTED,
    UNFIT,
    UNMEASURED,
    gravest,
)
from benchkit.cli.measuring import Kept, measure
from benchkit.cli.options import terminal
from benchkit.errors import AskedWronglyError
from benchkit.model.comparison import REGRESSION
from benchkit.model.target import Target
from benchkit.reports.comparison import render_comparison
from benchkit.stats.gate import doubts_of

BASE, CANDIDATE = "base", "candidate"
# A steady drift of the machine or the network is in the mean of neither side.
TURN = (BASE, CANDIDATE, CANDIDATE, BASE)
# Two targets are what is compared; the rest of the fingerprint must agree.
_ALLOWED = ("target",)
# What a base run may end with, and still stop everything.
_GRAVE = (INTERRUPTED, UNFIT, UNMEASURED)


def check(base: Target, candidate: Target, form: str) -> None:
    """Whether there is anything to compare. Raises AskedWronglyError before an hour is spent on it."""
    if form not in FORMATS:
        raise AskedWronglyError(
            f"--format {form}: a comparison is written as {', '.join(FORMATS)}; `benchkit report` shows its "
            "runs in every format"
        )
    ours, theirs = ({path.name for path in each.paths} for each in (candidate, base))
    if not ours & theirs:
        raise AskedWronglyError(
            f"--compare {base.name}: it has paths {', '.join(sorted(theirs))}, and {candidate.name} has "
            f"{', '.join(sorted(ours))}: name a target with a path in both"
        )


def interleaved(
    base: Question, candidate: Question, turns: int, results: Path, form: str, *, gate: bool
) -> int:
    """Measure both in so many turns, keep every run, show the comparison, and return the exit status."""
    kept: dict[str, list[Kept]] = {BASE: [], CANDIDATE: []}
    questions = {BASE: base, CANDIDATE: candidate}
    order = TURN * turns
    for number, side in enumerate(order, 1):
        click.echo(f"{side}, run {number} of {len(order)}: {questions[side].target.name}", err=True)
        name = questions[side].name or f"{side} of a comparison, run {number} of {len(order)}"
        kept[side].append(measure(replace(questions[side], name=name), results, gate=gate))
        if kept[side][-1].status == INTERRUPTED:
            return INTERRUPTED
    comparison = compare_runs(
        _stored(kept[BASE]), _stored(kept[CANDIDATE]), allowed=_ALLOWED, turns=turns
    )
    width, color = terminal()
    click.echo(render_comparison(comparison, form, width=width, color=color), nl=False)
    statuses = [run.status for run in kept[CANDIDATE]]
    statuses += [run.status for run in kept[BASE] if run.status in _GRAVE]
    if gate and comparison.word == REGRESSION:
        statuses.append(FAILED)
    doubts = doubts_of(comparison) if gate else []
    for each in doubts:
        click.echo(f"left open: {each}", err=True)
    if doubts:
        statuses.append(INCONCLUSIVE)
    return gravest(statuses)


def _stored(runs: Sequence[Kept]) -> tuple[StoredRun, ...]:
    return tuple(StoredRun(run.record, run.folder) for run in runs)
