"""The options of `benchkit run` that make it a series of runs, and how long raw samples are kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from benchkit import units
from benchkit.cli.options import LONG_DURATION
from benchkit.cli.words import Words
from benchkit.clock import NS_PER_S
from benchkit.errors import AskedWronglyError
from benchkit.store.rotation import Policy

DAY_NS = 24 * 3600 * NS_PER_S
Command = TypeVar("Command", bound=Callable[..., Any])


class KeepRaw(Words[Policy]):
    """So many runs, or an age."""

    name = "n|age"

    def read(self, text: str) -> Policy:
        """Which of the two it is."""
        if re.fullmatch(r"[0-9]{1,6}", text.strip()):
            return Policy(runs=int(text))
        days = re.fullmatch(r"([0-9]{1,5})\s*d(ays?)?", text.strip())
        if days:
            return Policy(age_ns=int(days[1]) * DAY_NS)
        try:
            return Policy(age_ns=units.duration_ns(text))
        except units.UnitError as error:
            raise ValueError(
                f"{text!r}: write how many runs, as 20, or how old, as 7d or 12h"
            ) from error


def check_series(
    every: int | None, lasts: int | None, form: str, others: Mapping[str, bool]
) -> None:
    """Raise AskedWronglyError for what does not go together with a series."""
    if every is None:
        if lasts is not None:
            raise AskedWronglyError("--for says how long --every goes on: give both")
        return
    if form != "text":
        raise AskedWronglyError(
            f"--every with --format {form}: a series prints a line for each round; `benchkit report` shows each run"
        )
    if lasts is not None and lasts < every:
        raise AskedWronglyError(
            f"--for {units.show_duration(lasts)} ends before --every {units.show_duration(every)} comes round: give a longer "
            "--for, or neither for a single run"
        )
    clashing = [name for name, given in others.items() if given]
    if clashing:
        raise AskedWronglyError(f"--every and {clashing[0]} do not go together: drop one of them")


def series_options(command: Command) -> Command:
    """Add --every, --for (as `lasts`) and --keep-raw."""
    every = click.option(
        "--every",
        type=LONG_DURATION,
        help='Measure again and again, so far apart: "10m" is at :00, :10, :20 of the clock.',
    )
    lasts = click.option(
        "--for",
        "lasts",
        type=LONG_DURATION,
        help='How long --every goes on, as "24h"; until interrupted without it.',
    )
    keep_raw = click.option(
        "--keep-raw",
        type=KeepRaw(),
        help='Keep raw samples of only so many runs of the target, as "20", or of those as young, as "7d"; records all stay.',
    )
    return every(lasts(keep_raw(command)))
