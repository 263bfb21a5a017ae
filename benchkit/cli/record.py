"""`benchkit record`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchkit.cli.options import DURATION, FREQUENCY
from benchkit.cli.output import put, see_it_can_be_put
from benchkit.cli.words import Whole
from benchkit.errors import BenchkitError, UnfitError

if TYPE_CHECKING:
    from benchkit.campaign.recording import MeasurementTask, Recorded

TOLERANCE_NS = 150_000
MODEL = "the model"
UNDIVIDED = (
    "round trips do not tell the two directions apart: half of the fastest is the model's delay forward, and what varies "
    "and what was lost is put into backward; only the sum was measured"
)


@click.command()
@click.argument("address")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the model to this file instead of stdout.",
)
@click.option(
    "--probe",
    type=click.Choice(("stamp", "twamp", "icmp", "connect")),
    help="How to measure; without it whatever answers first, in this order, but TWAMP.",
)
@click.option(
    "--port",
    type=Whole(1, 65_535),
    help="The UDP port of STAMP, the TCP port of TWAMP, or one to connect to.",
)
@click.option(
    "--stamp-key",
    type=click.Path(path_type=Path, dir_okay=False, readable=False),
    help="Measure by authenticated STAMP, with the key in this file.",
)
@click.option(
    "--duration", type=DURATION, default="20s", show_default=True, help="How long it is measured."
)
@click.option(
    "--rate", type=FREQUENCY, default="100/s", show_default=True, help="How many packets are sent."
)
@click.option(
    "--trace", is_flag=True, help="Follow the delay over time, not only its distribution."
)
@click.option("--no-check", is_flag=True, help="Do not run the model to see that it is the same.")
@click.pass_context
def record(
    context: click.Context,
    address: str,
    output: Path | None,
    probe: str | None,
    port: int | None,
    stamp_key: Path | None,
    duration: int,
    rate: float,
    trace: bool,
    no_check: bool,
) -> None:
    """Measure the path to ADDRESS and write it as a target, whose model then behaves the same.

    The model is run and measured as the path was: p50, p95, p99 and p99.9 must come back within 0.15 ms,
    or within what both intervals allow. Exit status 5 if not; the model is written all the same.
    """
    from benchkit.campaign.recording import MeasurementTask, record_path  # costs numpy
    from benchkit.cli.progress import progress
    from benchkit.linux.interrupts import one_interrupt
    from benchkit.linux.privilege import obtain_namespaces
    from benchkit.model.stamp_options import StampOptions
    from benchkit.targets.writing import target_text

    see_it_can_be_put(output, MODEL)
    options = StampOptions(str(stamp_key)) if stamp_key else None
    way = "stamp" if stamp_key and probe is None else probe
    # An ordinary user's process begins anew here: once it has measured would be too late.
    unfit = None if no_check else _why_no_check(lambda: obtain_namespaces(sys.argv[1:]))
    checked = not no_check and unfit is None
    task = MeasurementTask(address, duration, rate, way, port, trace, options, checked=checked)
    with one_interrupt():
        with progress() as observe:
            found = record_path(task, observe)
        text = target_text(f"{address}, as recorded by {found.probe}", found.model, rate)
        _keep(text, output)
        _say(UNDIVIDED)
        if unfit is not None:
            raise unfit
        if checked:
            _check(found, task)
    context.exit(0)


def _keep(text: str, output: Path | None) -> None:
    """Put the model where it was asked for; it took long, so that it is printed where it cannot be put there."""
    try:
        put(text, output, MODEL)
    except BenchkitError:
        click.echo(text, nl=False)
        raise
    if output is not None:
        _say(f"{MODEL} is in {output}")


def _why_no_check(obtain: Callable[[], None]) -> UnfitError | None:
    try:
        obtain()
    except UnfitError as error:
        return error
    return None


def _say(text: str) -> None:
    click.echo(f"benchkit: {text}", err=True)


def _check(found: Recorded, task: MeasurementTask) -> None:
    from benchkit.campaign.agreement import compare, out_of_reach  # costs numpy
    from benchkit.cli.progress import progress

    with progress() as observe:
        rows = compare(found, task, TOLERANCE_NS, observe)
    _say(f"{'':6} {'path':>9} {'model':>9} {'allowed':>9}")
    for row in rows:
        path, model = row.shown
        _say(
            f"{row.name:6} {path:>9} {model:>9} {row.tolerance:9.3f} {row.unit:2}  {'ok' if row.within else 'OUT'}"
        )
    wrong = out_of_reach(rows)
    if wrong:
        raise UnfitError(f"the model is not the path: {wrong[0]}")
