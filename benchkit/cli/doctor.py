"""`benchkit doctor`."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchkit.cli.exit_status import UNFIT
from benchkit.cli.options import DURATION, results_option, terminal
from benchkit.cli.words import Whole

if TYPE_CHECKING:
    from benchkit.campaign.finding import Finding

SIGNS = {"ok": "ok", "warning": "!!", "no": "no"}
TOPIC_WIDTH = 11


@click.command()
@click.option(
    "--clean",
    is_flag=True,
    help="Only remove what killed runs left; unfinished runs with a whole record are completed.",
)
@click.option(
    "--aa",
    is_flag=True,
    help="Measure the same thing against itself: false alarms, and what a gate can see here.",
)
@click.option(
    "--target", default="guizhou", show_default=True, help="What --aa measures, idle round trips."
)
@click.option(
    "--runs",
    type=Whole(min=4),
    default=8,
    show_default=True,
    help="How often --aa measures it.",
)
@click.option(
    "--duration",
    type=DURATION,
    default="2s",
    show_default=True,
    help="How long each run of --aa is.",
)
@click.option(
    "--see",
    type=DURATION,
    default="0.5ms",
    show_default=True,
    help="The change of latency for which --aa says how long a gate must measure.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="What the findings are written as.",
)
@results_option
@click.pass_context
def doctor(
    context: click.Context,
    clean: bool,
    aa: bool,
    target: str,
    runs: int,
    duration: int,
    see: int,
    form: str,
    results: Path,
) -> None:
    """Say what this machine can emulate and how well it measures, and what to do about what it cannot.

    Each finding is `ok`, `!!` (it works, but worse) or `no`. Exit status 5 when no emulator works.
    """
    if clean:
        from benchkit.campaign.tidying import clean as tidy

        _show(tidy(results), form)
        return
    if aa:
        from benchkit.cli.doctor_aa import compare_with_itself  # numpy

        _show(compare_with_itself(target, runs, duration, see), form)
        return
    from benchkit.campaign.health import examine, is_fit

    found = examine(results)
    _show(found, form)
    context.exit(0 if is_fit(found) else UNFIT)


def _show(found: Sequence[Finding], form: str) -> None:
    if form == "json":
        from benchkit.campaign.finding import to_plain

        plain = {"schema": 1, "findings": [to_plain(finding) for finding in found]}
        click.echo(json.dumps(plain, indent=2, ensure_ascii=False))
        return
    width, _ = terminal()
    for finding in found:
        click.echo("\n".join(_lines(finding, width)))


def _lines(finding: Finding, width: int) -> list[str]:
    """Its sign and topic, what was found, and below it the remedy, in lines of that width."""
    head = f"{SIGNS[finding.state]:<3} {finding.topic:<{TOPIC_WIDTH}}"
    blank = " " * (len(head) + 1)
    texts = [(f"{head} ", finding.said)]
    if finding.remedy:
        texts.append((f"{blank}-> ", finding.remedy))
    return [
        line
        for first, text in texts
        for line in textwrap.wrap(
            text,
            width,
            initial_indent=first,
            subsequent_indent=" " * len(first),
            break_long_words=False,
            break_on_hyphens=False,
        )
    ]
