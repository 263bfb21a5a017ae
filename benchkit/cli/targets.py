"""`benchkit targets`."""

from __future__ import annotations

import sys

import click

from benchkit import units
from benchkit.errors import AskedWronglyError, TargetError
from benchkit.model.target import Target


@click.group(invoke_without_command=True)
@click.pass_context
def targets(context: click.Context) -> None:
    """List, show or check targets: what may be asked."""
    if context.invoked_subcommand is None:
        context.invoke(list_targets)


@targets.command("list")
def list_targets() -> None:
    """List the targets that come with benchkit."""
    from benchkit.targets import load_target, shipped_targets

    found = sorted((load_target(str(path)) for path in shipped_targets()), key=lambda one: one.name)
    names = max(len(target.name) for target in found)
    for target in found:
        asked = units.show_count(len(target.paths), "path") if target.paths else "a ratio"
        click.echo(f"{target.name:<{names}}  {asked:>10}  {target.title}")


@targets.command(short_help="Show what a target asks.")
@click.argument("target", default="guizhou")
@click.option(
    "--toml",
    "as_file",
    is_flag=True,
    help="Print the file itself, with what it explains: a pattern for your own.",
)
def show(target: str, as_file: bool) -> None:
    """Show what TARGET asks: sites, paths, models, budgets, workloads, meters, plan, and what it cites."""
    from benchkit.cli.options import terminal
    from benchkit.cli.target_text import render_target  # costs numpy
    from benchkit.targets import find_target, load_target

    found = load_target(target)
    if as_file:
        click.echo(find_target(target).read_bytes(), nl=False)
        return
    width, color = terminal()
    click.echo(render_target(found, width, color=color), nl=False)


@targets.command(short_help="List the probes, and what each needs.")
def probes() -> None:
    """List the probes that a plan or --probe may name, with what each needs at the far end."""
    from benchkit.model.probe import PLAN_PROBES

    click.echo(f"{'probe':<11} {'needs there':<12} measures")
    for name, probe in PLAN_PROBES.items():
        click.echo(f"{name:<11} {probe.needs:<12} {probe.measures}")


@targets.command(short_help="Check target files; 2 if one is wrong.")
@click.argument("target", nargs=-1, required=True)
@click.pass_context
def check(context: click.Context, target: tuple[str, ...]) -> None:
    """Check target files: every problem on a line of its own; exit status 2 if there is one."""
    from benchkit.campaign import shortfalls  # costs numpy
    from benchkit.targets import load_target

    status = 0
    for name in target:
        try:
            found = load_target(name)
            shortfalls.check(found)
        except AskedWronglyError as error:
            status = error.exit_code
            problems = error.problems if isinstance(error, TargetError) else (str(error),)
            click.echo("\n".join(problems), err=True)
            continue
        for warning in (*found.warnings, *shortfalls.without_cluster(found)):
            click.echo(f"warning: {warning}", err=True)
        click.echo(f"{name}: {_size(found)}, in order")
    sys.stdout.flush()
    context.exit(status)


def _size(target: Target) -> str:
    counts = {"site": target.sites, "path": target.paths, "meter": target.meters}
    *first, last = [units.show_count(len(each), noun) for noun, each in counts.items() if each]
    return f"{', '.join(first)} and {last}" if first else last
