"""`benchkit run --every`: the same question again and again, and what became of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from benchkit import units
from benchkit.campaign.question import Question
from benchkit.campaign.series import Round, Series, Timing, planned_rounds, run_series
from benchkit.cli import measuring
from benchkit.cli.exit_status import (
    ASKED_WRONGLY,
    FAILED,
    INCONCLUSIVE,
    INTERRUPTED,
    UNFIT,
    UNMEASURED,
    gravest,
)
from benchkit.cli.live_server import dashboard
from benchkit.clock import NS_PER_S, realtime_ns
from benchkit.errors import BenchkitError, printable
from benchkit.linux.interrupts import one_interrupt
from benchkit.reports.sentences import headline
from benchkit.store.mirror import drop_samples
from benchkit.store.rotation import Policy, rotate

WORDS = {
    0: "kept their promises",
    FAILED: "broke one",
    INCONCLUSIVE: "left open",
    UNMEASURED: "could not measure",
    UNFIT: "unfit",
    INTERRUPTED: "interrupted",
    ASKED_WRONGLY: "could not be kept",
}


def again_and_again(
    question: Question,
    times: tuple[int, int | None],
    results: Path,
    keep_raw: Policy | None,
    *,
    gate: bool,
    live: bool,
) -> int:
    """Measure it in rounds until their end or an interrupt, with the dashboard beside where `live`."""
    with dashboard(results, wanted=live), one_interrupt():
        return measured_every(question, times, results, gate=gate, keep_raw=keep_raw)


def measured_every(
    question: Question,
    times: tuple[int, int | None],
    results: Path,
    *,
    gate: bool,
    keep_raw: Policy | None = None,
) -> int:
    """Measure at aligned times, `times` ns apart and for so long; the exit status says the worst of all rounds."""
    every_ns, lasts_ns = times
    planned = planned_rounds(every_ns, lasts_ns)
    said = f"every {units.show_duration(every_ns)}, " + (
        units.show_count(planned, "round") if planned else "until interrupted"
    )
    click.echo(said, err=True)
    series, came_to = Series(), Counter[int]()

    def measure(one: Round) -> int:
        status, became = _measured(_noted(question, one, planned), one, results, gate=gate)
        came_to[became] += 1
        if keep_raw is not None:
            _rotate(results, question.target.name, keep_raw)
        return status

    try:
        run_series(every_ns, planned, measure, series, Timing(realtime_ns, time.sleep, _await_told))
    except KeyboardInterrupt:
        series.statuses.append(INTERRUPTED)
        came_to[INTERRUPTED] += 1
    click.echo(summary(came_to, series.skipped, planned))
    return gravest(series.statuses)


def _noted(question: Question, one: Round, planned: int | None) -> Question:
    """The question with a note of which round it is, for its record."""
    of = f" of {planned}" if planned else ""
    note = f"round {one.number}{of} of a series, due {_clock(one.due_ns)}"
    if one.skipped:
        note += f"; {one.skipped} before it {'was' if one.skipped == 1 else 'were'} skipped"
    warnings = (*question.target.warnings, note)
    return replace(question, target=replace(question.target, warnings=warnings))


def _measured(question: Question, one: Round, results: Path, *, gate: bool) -> tuple[int, int]:
    """The exit status of a round, and the one that says what became of it: an open one ends with 0 where nobody gates.

    An error is told, and the next round may do better.
    """
    try:
        kept = measuring.measure(question, results, gate=gate)
    except BenchkitError as error:
        click.echo(f"{_clock(one.due_ns)}  FAILED  {printable(error)}")
        return error.exit_code, error.exit_code
    word, words = headline(kept.record)
    click.echo(f"{_clock(one.due_ns)}  {word}  {words}  {kept.record.run}")
    is_open = kept.status == 0 and kept.record.verdict != "pass"
    return kept.status, INCONCLUSIVE if is_open else kept.status


def rotated(results: Path, target: str, policy: Policy) -> None:
    """Remove old samples, and tell of it."""
    gone = rotate(results, target, policy, realtime_ns())
    for run in gone:
        drop_samples(run)
    if gone:
        runs = units.show_count(len(gone), "run")
        click.echo(f"removed the raw samples of {runs}, up to {gone[-1].name}", err=True)


def _rotate(results: Path, target: str, policy: Policy) -> None:
    try:
        rotated(results, target, policy)
    except BenchkitError as error:
        click.echo(f"old samples stay: {error}", err=True)


def _await_told(one: Round) -> None:
    left = (one.due_ns - realtime_ns()) / NS_PER_S
    if left >= 1:
        click.echo(f"round {one.number} at {_clock(one.due_ns)}, in {left:.0f} s", err=True)


def summary(came_to: Mapping[int, int], skipped: int, planned: int | None) -> str:
    """What became of a series: how many rounds came to what, each by the exit status that says so.

    >>> summary({0: 2, 3: 1}, 1, 4)
    '3 of 4 rounds ran, 1 skipped because the one before was still running: 2 kept their promises, 1 left open'
    """
    parts = [
        f"{count} {WORDS.get(status, str(status))}" for status, count in sorted(came_to.items())
    ]
    ran = sum(count for status, count in came_to.items() if status != INTERRUPTED)
    said = (f"{ran} of " if planned else "") + f"{units.show_count(planned or ran, 'round')} ran"
    if skipped:
        said += f", {skipped} skipped because the one before was still running"
    return f"{said}: {', '.join(parts)}" if parts else said


def _clock(due_ns: int) -> str:
    """The time of the day here, as a person compares it with a clock."""
    moment = datetime.fromtimestamp(due_ns / NS_PER_S, UTC).astimezone()
    return moment.strftime("%Y-%m-%d %H:%M:%S")
