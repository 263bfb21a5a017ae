"""Options that several commands share, and the types that read units."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import click

from benchkit import units
from benchkit.cli.words import Words
from benchkit.model.schedule import Schedule, read_pace, read_schedule

DEFAULT_RESULTS = "results"
NARROWEST = 60  # columns; below that a chart has no room beside its figures
HTML = "html"
FORMATS = (
    *("text", "full", "markdown", "json", "csv", "junit", "github-summary", "github-annotations"),
    *("benchmark-action-smaller", "benchmark-action-bigger", "bencher", "pytest-benchmark"),
    *("hgrm", "matrix", "openmetrics"),
)


class Unit(Words[float]):
    """A number with a unit, read by a function of `benchkit.units`."""

    def __init__(self, name: str, quantity: Callable[[str], float], example: str) -> None:
        """Name it for the help text; the example is for who asks for nothing at all."""
        self.name = name
        self._quantity = quantity
        self._example = example

    def read(self, text: str) -> float:
        """Whatever is above zero."""
        number = self._quantity(text)
        if number <= 0:
            raise ValueError(f"{text!r} is not above zero: it is written like {self._example!r}")
        return number


class _Scale(Words[int]):
    """A factor that rates are divided by, written 1:1000."""

    name = "1:k"

    def read(self, text: str) -> int:
        """The factor."""
        found = re.fullmatch(r"1:(\d{1,7})", text.strip())
        if not found or int(found[1]) <= 1:
            raise ValueError(
                f"{text!r} is no scale: write 1 and a whole number above it, like 1:1000"
            )
        return int(found[1])


SCALE = _Scale()
DURATION = Unit("duration", units.period_ns, "10 s")


def _minutes(text: str) -> str:
    """Where nobody means milliseconds or metres, "5m" is what people type for minutes."""
    return re.sub(r"(?<=[0-9])\s*m$", " min", text.strip())


LONG_DURATION = Unit("duration", lambda text: units.duration_ns(_minutes(text)), "10 min")
LONGEST_DURATION = Unit("duration", lambda text: units.period_ns(_minutes(text)), "10 min")
FREQUENCY = Unit("rate", read_pace, "500/s")
BIT_RATE = Unit("rate", units.bits_per_second, "100 Mbit/s")
SIZE = Unit("size", units.octets, "64 KiB")


class ScheduleWords(Words[Schedule]):
    """When packets are due, in words."""

    name = "schedule"

    def read(self, text: str) -> Schedule:
        """As in a target."""
        return read_schedule(text)


class ResultsPlace(click.ParamType[Path]):
    """A folder of runs, or the folder here that stands for a URL; with `reads` what is new there is fetched."""

    name = "folder|url"

    def __init__(self, *, reads: bool) -> None:
        """Fetch where it is going to be read."""
        self._reads = reads

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401, ARG002  as click has it
        """Give the folder. Raises UnfitError where the URL cannot be read."""
        if not isinstance(value, str):
            return value
        from benchkit.store.mirror_folder import is_url, mirror_of  # only here

        if not is_url(value):
            return Path(value)
        folder = mirror_of(value)
        if self._reads:
            from benchkit.store.mirror import pull  # only to read

            pull(folder)
        return folder


def _results(words: str, *, reads: bool) -> Callable[[Any], Any]:
    return click.option(
        "--results",
        type=ResultsPlace(reads=reads),
        default=DEFAULT_RESULTS,
        envvar="BENCHKIT_RESULTS",
        show_default=True,
        help=words,
    )


results_option = _results(
    "The folder that holds runs, or its URL, as s3://bucket/runs.", reads=True
)
# Of commands that make runs, and may be cut off from where those belong.
own_results_option = _results(
    "The folder for runs, or a URL to upload them to, as s3://bucket/runs.", reads=False
)


def words_of(run: Path, results: Path) -> str:
    """The words after `benchkit report` that find a run again: its id, and where it lies if that is no usual place."""
    if run.parent != results:
        return shlex.quote(str(run))
    from benchkit.store.mirror_folder import url_of  # only here

    place = url_of(results) or str(results)
    usual = os.environ.get("BENCHKIT_RESULTS") or DEFAULT_RESULTS
    known = place == usual or Path(place) == Path(usual)
    return run.name if known else f"{run.name} --results {shlex.quote(place)}"


class Format(click.Choice[str]):
    """What is written. Who names a file with it, as `gate` has it, is told how the file is had here."""

    file = "give --format {form} -o {file}"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401  as click has it
        """Give the format."""
        form, named, file = str(value).partition("=")
        if named and form in self.choices:
            remedy = self.file.format(form=form, file=shlex.quote(file or f"FILE.{form}"))
            self.fail(f"{value!r}: `benchkit gate` alone takes a file there: {remedy}", param, ctx)
        return super().convert(value, param, ctx)


class FormatOnStdout(Format):
    """What is written when a run has ended; who wants its page is told which command makes one."""

    file = "`benchkit report latest --format {form} -o {file}` makes it afterwards"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401  as click has it
        """Give the format."""
        if value == HTML:
            page = self.file.format(form=HTML, file="report.html")
            self.fail(f"{value!r} is a page, and a run itself writes none: {page}", param, ctx)
        return super().convert(value, param, ctx)


def _lone(_ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> str | None:
    """The one format; of several the last would be taken, and the others passed over without a word."""
    if len(given) > 1:
        raise click.BadParameter(
            f"{' and '.join(given)} are {len(given)}, and one is written at a time: give one of them; "
            "`benchkit report` writes a kept run in any"
        )
    return given[0] if given else None


def lone_format_option(form: Format, default: str | None, help: str) -> Callable[[Any], Any]:  # noqa: A002  click's word
    """--format, once, as `form`."""
    return click.option(
        "--format",
        "form",
        type=form,
        multiple=True,
        callback=_lone,
        default=default and (default,),
        help=help,
    )


format_option = lone_format_option(
    FormatOnStdout(FORMATS),
    "text",
    "What the report is written as; for a page see `benchkit report`.  [default: text]",
)


BY_SUFFIX = {".html": HTML, ".htm": HTML, ".md": "markdown", ".json": "json", ".csv": "csv"}
# What a text may end with, and nobody wonders.
PLAIN = frozenset(("", ".txt", ".text", ".log"))
BY_NAME = "[default: text, or as the name of -o ends]"
output_option = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this file instead of stdout.",
)


def form_of(form: str | None, output: Path | None, allowed: Collection[str]) -> str:
    """The format that was asked for; else that of the file's name, where it is one of those, else text, which is told."""
    if form or output is None:
        return form or "text"
    ending = output.suffix.lower()
    named = BY_SUFFIX.get(ending)
    if named is not None and named in allowed:
        return named
    if ending not in PLAIN:
        click.echo(
            f"benchkit: {output}: {ending} names no format here, so it is written as text; another one is had by --format",
            err=True,
        )
    return "text"


def terminal() -> tuple[int, bool]:
    """The width of the report, and whether it may have colour: on a terminal, unless it is dumb, or NO_COLOR is set."""
    on_terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size((80, 24)).columns if on_terminal else 80
    has_colour = os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")
    return max(NARROWEST, min(width, 120)), on_terminal and has_colour
