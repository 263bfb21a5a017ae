"""`benchkit baseline`."""

from __future__ import annotations

from pathlib import Path

import click

from benchkit import units
from benchkit.cli.options import results_option
from benchkit.cli.words import Whole
from benchkit.errors import AskedWronglyError


@click.group()
def baseline() -> None:
    """Give names to runs, so that a gate can be held against them."""


@baseline.command(short_help="Let a name stand for runs.")
@click.argument("name")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--add", is_flag=True, help="Keep the runs it has, and put these behind them.")
@click.option("--keep", type=Whole(min=1), help="Keep only so many, those saved last.")
@results_option
def save(name: str, runs: tuple[str, ...], add: bool, keep: int | None, results: Path) -> None:
    """Let NAME stand for these runs; what it stood for before is replaced, unless --add.

    Refused are runs that nothing can be held against: unfit ones, interrupted ones, and those in which nothing was
    measured.

    A sliding window of ten: benchkit baseline save main latest --add --keep 10
    """
    from benchkit.store.baselines import save_baseline
    from benchkit.store.mirror import push_baseline

    saved = save_baseline(results, name, runs, add=add, keep=keep)
    push_baseline(results, name)
    gone = f", and no more {', '.join(saved.replaced)}" if saved.replaced else ""
    click.echo(f"{name}: {units.show_count(len(saved.runs), 'run')}{gone}", err=True)


@baseline.command("list")
@results_option
def list_names(results: Path) -> None:
    """List the names that stand for runs."""
    from benchkit.store.baselines import list_baselines
    from benchkit.store.search import why_none

    if not results.exists():
        raise AskedWronglyError(f"no baselines: {why_none(results)}")
    for each in list_baselines(results):
        click.echo(f"{each.name:<16} {units.show_count(len(each.runs), 'run'):>8}  {each.runs[-1]}")


@baseline.command(short_help="Show the runs of a name.")
@click.argument("name")
@results_option
def show(name: str, results: Path) -> None:
    """Show the runs that NAME stands for, a line each, in the order in which they were saved."""
    from benchkit.store.baselines import load_baseline

    for run in load_baseline(results, name).runs:
        click.echo(run)
