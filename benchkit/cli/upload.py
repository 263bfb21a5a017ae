"""`benchkit upload`."""

from __future__ import annotations

from pathlib import Path

import click

from benchkit import units
from benchkit.cli.options import own_results_option
from benchkit.errors import AskedWronglyError


@click.command()
@own_results_option
def upload(results: Path) -> None:
    """Upload to the URL of --results those runs that could not be uploaded when they were measured."""
    from benchkit.store.mirror import pending, push, remote_of

    if remote_of(results) is None:
        what = "is a folder, where runs are already" if results.is_dir() else "is no URL"
        raise AskedWronglyError(f"--results {results} {what}: give the URL that they belong to")
    waiting = pending(results)
    for run in waiting:
        click.echo(f"uploaded to {push(results, run)}", err=True)
    click.echo(f"{units.show_count(len(waiting), 'run')} uploaded", err=True)
