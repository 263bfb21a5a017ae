"""What `compare` and `gate` have in common: their options, and how a comparison's rule is said."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchkit.cli.options import BY_NAME, DURATION, Format, lone_format_option
from benchkit.cli.words import Number, Words
from benchkit.clock import NS_PER_MS

if TYPE_CHECKING:  # numpy, which `--help` need not pay for
    from benchkit.stats.comparison import Rule

FORMATS = ("text", "markdown", "json")
GATE_FORMATS = (*FORMATS, "junit", "github-summary", "github-annotations")
# Written out, as importing them costs numpy; a test holds them to `stats.comparable.ASPECTS`.
ASPECTS = ("emulator", "kernel", "target", "stamps", "environment")

SIDE_BY_SIDE_FORMATS = (*FORMATS, "csv", "paper", "html")

side_by_side_format_option = lone_format_option(
    Format(SIDE_BY_SIDE_FORMATS),
    None,
    f"What the answer is written as; paper is one table in Markdown, html one file with charts.  {BY_NAME}",
)


class FormatAndFile(Words[tuple[str, Path | None]]):
    """`junit`, or `junit=report.xml` for a file instead of stdout."""

    name = "format"

    def read(self, text: str) -> tuple[str, Path | None]:
        """The two apart."""
        form, _, file = text.partition("=")
        if form not in GATE_FORMATS:
            raise ValueError(f"{form!r} is none of {', '.join(GATE_FORMATS)}")
        return form, Path(file) if file else None


gate_format_option = click.option(
    "--format",
    "forms",
    type=FormatAndFile(),
    multiple=True,
    metavar="FORMAT[=FILE]",
    default=("text",),
    show_default=True,
    help=f"What the answer is written as, of {', '.join(GATE_FORMATS)}, and where, if not stdout; may be repeated.",
)
despite_option = click.option(
    "--despite",
    multiple=True,
    type=click.Choice(ASPECTS),
    help="Compare although this differs; may be repeated.",
)
floor_share_option = click.option(
    "--min-percent",
    type=Number(min=0),
    help="The least change that counts, in percent of the base.  [default: 2; of loss 10]",
)
floor_option = click.option(
    "--min-latency",
    type=DURATION,
    help='The least change of a latency that counts, as "200us".  [default: 0.1 ms]',
)


def rule_from(min_percent: float | None, min_latency: int | None) -> Rule:
    """The rule with the floors that were asked for."""
    from benchkit.model.target import COMPARED
    from benchkit.stats.comparison import FLOORS, Floor, Rule

    floors = {
        kind: Floor(
            floor.relative if min_percent is None else min_percent / 100,
            floor.absolute
            if min_latency is None or COMPARED[kind][0] != "ms"
            else min_latency / NS_PER_MS,
        )
        for kind, floor in FLOORS.items()
    }
    return Rule(floors)
