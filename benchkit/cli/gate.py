"""`benchkit gate`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchkit.cli.comparing import (
    despite_option,
    floor_option,
    floor_share_option,
    gate_format_option,
    rule_from,
)
from benchkit.cli.exit_status import FAILED, INCONCLUSIVE, UNFIT
from benchkit.cli.options import results_option, terminal
from benchkit.cli.output import write_whole
from benchkit.errors import AskedWronglyError, BenchkitError

if TYPE_CHECKING:  # numpy, which `--help` need not pay for
    from benchkit.campaign.comparing import StoredRun
    from benchkit.model.comparison import Comparison, Gate
    from benchkit.stats.gate import Key

    Against = Callable[[StoredRun, Collection[Key]], Comparison | None]

STATUS = {"pass": 0, "fail": FAILED, "inconclusive": INCONCLUSIVE, "unfit": UNFIT}


@click.command()
@click.argument("run", default="latest")
@click.option(
    "--baseline",
    "baseline",
    multiple=True,
    metavar="RUN",
    help="A run, or a saved baseline, to hold it against; may be repeated.",
)
@click.option(
    "--confirm/--no-confirm",
    default=True,
    show_default=True,
    help="Measure what fails again, only that, and fail if it fails twice.",
)
@despite_option
@floor_share_option
@floor_option
@results_option
@gate_format_option
@click.pass_context
def gate(
    context: click.Context,
    run: str,
    baseline: tuple[str, ...],
    confirm: bool,
    despite: tuple[str, ...],
    min_percent: float | None,
    min_latency: int | None,
    results: Path,
    forms: tuple[tuple[str, Path | None], ...],
) -> None:
    """Say whether RUN may pass: against its budgets, and against a baseline of one or more runs.

    What fails is measured again, by the command that made RUN, narrowed to the paths and probes that failed, if that can be
    done here; only what fails twice is a failure. The second run is kept in the folder `again` below --results.

    Exit status: 0 pass; 1 a budget failed, a regression, or a figure that the baseline has is missing;
    3 inconclusive; 5 the run's machine was unfit. --format may be repeated: --format text --format junit=gate.xml. Five
    runs or more make a baseline that knows how runs differ.
    """
    from benchkit.campaign.comparing import compare_runs, load_measured, load_runs  # costs numpy
    from benchkit.stats.gate import gate as judged
    from benchkit.store.baselines import expanded

    (candidate,) = load_runs(results, (run,))
    base = load_measured(results, expanded(results, baseline))
    _check_apart(candidate, base, baseline)
    rule = rule_from(min_percent, min_latency)

    def against_base(other: StoredRun, only: Collection[Key] | None = None) -> Comparison | None:
        if not base or (only is not None and not only):
            return None
        return compare_runs(base, (other,), rule=rule, allowed=despite, only=only)

    answer = judged(candidate.record, against_base(candidate))
    if confirm:
        answer = _confirmed(candidate, answer, against_base, results)
    _write(answer, forms)
    context.exit(STATUS[answer.verdict])


def _check_apart(candidate: StoredRun, base: Sequence[StoredRun], baseline: Sequence[str]) -> None:
    """Whether the run to be judged is none of those that it is judged by. Raises AskedWronglyError."""
    if candidate.folder.resolve() in {each.folder.resolve() for each in base}:
        raise AskedWronglyError(
            f"gate: run {candidate.record.run} is itself in --baseline {', '.join(baseline)}: gate a run that was measured "
            "after it, or name another baseline"
        )


def _write(answer: Gate, forms: Sequence[tuple[str, Path | None]]) -> None:
    """Every format that is asked for, files first: they are there before the exit status is."""
    from benchkit.reports.comparison import render_gate  # costs numpy

    for form, file in sorted(forms, key=lambda each: each[1] is None):
        if file is None:
            width, color = terminal()
            click.echo(render_gate(answer, form, width=width, color=color), nl=False)
            continue
        write_whole(file, render_gate(answer, form), "the gate's answer", "name another file")


def _confirmed(candidate: StoredRun, first: Gate, against_base: Against, results: Path) -> Gate:
    """The answer once what failed has been measured a second time, where that is possible."""
    from benchkit.campaign.comparing import load_runs  # costs numpy
    from benchkit.cli.again import measure_again
    from benchkit.stats.gate import confirmed, suspects

    found = suspects(first)
    if found is None:
        return first
    try:
        folder = measure_again(candidate.record, found.paths, found.probes, results)
    except BenchkitError as error:
        return replace(first, not_again=str(error))
    (again,) = load_runs(results, (str(folder),))
    return confirmed(candidate.record, first, again.record, against_base(again, found.keys))
