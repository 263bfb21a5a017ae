"""`benchkit targets`."""

from __future__ import annotations

import sys

import click

from benchkit import units
from benchkit.errors import AskedWronglyError, TargetError
from benchkit.model.target import Target

# Of a mesh's paths, which differ in their distance alone.
SHOWN_OF_MESH = 3


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
def show(target: str) -> None:
    """Show what TARGET asks: its paths, their models and budgets, and its plan."""
    from benchkit.targets import load_target

    found = load_target(target)
    click.echo("\n".join(_description(found)))


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
        except TargetError as error:
            status = error.exit_code
            for problem in error.problems:
                click.echo(problem, err=True)
            continue
        try:
            shortfalls.check(found)
        except AskedWronglyError as error:
            status = error.exit_code
            click.echo(str(error), err=True)
            continue
        for warning in (*found.warnings, *shortfalls.lines(shortfalls.foreseen(found))):
            click.echo(f"warning: {warning}", err=True)
        sites, paths = (
            units.show_count(len(found.sites), "site"),
            units.show_count(len(found.paths), "path"),
        )
        click.echo(f"{name}: {sites} and {paths}, in order")
    sys.stdout.flush()
    context.exit(status)


def _description(target: Target) -> list[str]:
    lines = [f"{target.name}: {target.title}", target.question, ""]
    shown = [path for path in target.paths if not path.in_mesh]
    mesh = [path for path in target.paths if path.in_mesh]
    if mesh:
        shown += mesh[:SHOWN_OF_MESH]
        ends = {site for path in mesh for site in (path.near, path.far)}
        lines += [f"a mesh of {len(ends)} sites and {len(mesh)} paths, the first of them:", ""]
    for path in shown:
        lines.append(f"{path.name}")
        if path.model is not None:
            lines.append(f"    model   {units.show_duration(path.model.rtt_ns)} round trip")
            lines.append(f"            {path.model.origin}")
        if path.floor_ns is not None:
            floor = f"{path.floor_ns / 1e6:.2f} ms"
            lines.append(f"    floor   {floor}: no fibre on the great circle is faster")
        for budget in path.budgets:
            cited = f" ({budget.fact})" if budget.fact else ""
            limit = f"{budget.limit:g} {budget.unit}"
            lines.append(f"    budget  {budget.metric} {budget.percentile} {limit}{cited}")
    plan = target.plan
    lasts = units.show_duration(plan.duration_ns)
    lines += [
        "",
        f"plan: {', '.join(plan.probes)}; {plan.rate_per_s:g} packets/s for {lasts}, {plan.schedule.words()}; seed {plan.seed}",
    ]
    if target.context:
        lines += ["", "documented, not judged here:"]
        lines += [f"    {figure}: {words} ({cited})" for cited, figure, words in target.context]
    return lines
