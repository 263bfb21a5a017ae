"""Measuring a question and keeping the run: what every way of `benchkit run` does, once or several times."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from benchkit.campaign.question import Question
from benchkit.campaign.runner import Outcome, run_campaign
from benchkit.campaign.telling import both, told
from benchkit.campaign.tidying import remedy
from benchkit.cli.exit_status import UNFIT, UNMEASURED, gravest, status_of
from benchkit.cli.options import terminal, words_of
from benchkit.cli.progress import progress
from benchkit.errors import BenchkitError
from benchkit.model.record import RunRecord
from benchkit.model.record_json import as_kept
from benchkit.reports import render
from benchkit.store import write_run


@dataclass(frozen=True)
class Kept:
    """A run, the folder that it is in, and the exit status that it asks for."""

    record: RunRecord
    folder: Path
    status: int


def show(record: RunRecord, form: str, results: Path) -> None:
    """Print the report of a run that is kept there."""
    width, color = terminal()
    found_by = words_of(results / record.run, results)
    click.echo(render(record, form, width=width, color=color, found_by=found_by), nl=False)


def measure(question: Question, results: Path, *, gate: bool, form: str | None = None) -> Kept:
    """Run the campaign and keep its record and samples, whatever came of it.

    A run that cannot be kept is shown before the error: in that form, where it would have been the answer.
    """
    with told(results) as tell:
        with progress() as observe:
            outcome = run_campaign(question, both(observe, tell), results)
        folder = _kept(results, outcome, form)
        tell.ended(outcome.record)
    click.echo(f"kept in {folder}{_without_figures(results, outcome.record)}", err=True)
    status = status_of(outcome.record, unmeasured=bool(outcome.unmeasured), gate=gate)
    if status == UNMEASURED and outcome.record.has_figures:
        # Each reason was told when it was met; here it is why a report may begin with PASS.
        click.echo(
            f"benchkit: exit status {UNMEASURED}, whatever the rest came to: not all that was asked could be measured",
            err=True,
        )
    if not _uploaded(results, folder):
        status = gravest([status, UNFIT])
    # A figure on the edge of two roundings is the same now and in every later report.
    return Kept(as_kept(outcome.record), folder, status)


def _without_figures(results: Path, record: RunRecord) -> str:
    """What a person should know who is going to look at `latest`."""
    from benchkit.store.figures import newest_with_figures

    if record.has_figures:
        return ""
    before = newest_with_figures(results)
    older = f"; the newest with figures is {before}" if before else ""
    return f", though nothing was measured: it tells why, and is `latest` in {results}{older}"


def see_runs_can_be_kept(results: Path) -> None:
    """Say before anything is measured that runs cannot be put where they belong now, and where they stay.

    Raises AskedWronglyError where only whoever asks can mend that, UnfitError where the disk here has no room.
    """
    from benchkit.store import mirror, mirror_folder, trial

    trial.try_writing(results)
    why = mirror.why_cut_off(results)
    mirror_folder.make(results)
    if why is not None:
        remote = mirror.remote_of(results)
        place = remote.url if remote else results
        click.echo(
            f"warning: {why}; runs are kept in {results} until they can be uploaded, by `benchkit upload --results {place}`",
            err=True,
        )


def _uploaded(results: Path, folder: Path) -> bool:
    """Put the run where it belongs, if that is elsewhere; whether nothing went wrong."""
    from benchkit.store import mirror

    try:
        url = mirror.push(results, folder)
    except BenchkitError as error:
        remote = mirror.remote_of(results)
        place = remote.url if remote else results
        click.echo(
            f"not uploaded: {error}; the run is whole here, and `benchkit upload --results {place}` tries again",
            err=True,
        )
        return False
    if url is not None:
        click.echo(f"uploaded to {url}", err=True)
    return True


def _kept(results: Path, outcome: Outcome, form: str | None) -> Path:
    """Write the run; where that fails, what was measured is told before the error."""
    try:
        folder = write_run(results, outcome.record, outcome.samples)
    except BenchkitError:
        if form is None:
            click.echo(render(outcome.record, "text", width=80, color=False), nl=False, err=True)
        else:
            show(outcome.record, form, results)
        if outcome.journal is not None and outcome.samples:
            outcome.journal.leave()
            click.echo(
                f"what had arrived is in {outcome.journal.file}: free space, and `{remedy(results)}` makes a run of it",
                err=True,
            )
        raise
    if outcome.journal is not None:
        outcome.journal.remove()
    return folder
