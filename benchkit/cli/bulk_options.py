"""How bulk is moved: options of what measures throughput."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from benchkit.cli.options import BIT_RATE, LONG_DURATION, SIZE
from benchkit.cli.words import Whole, Words

STREAM_MODES = ("zero-copy", "copy", "verify")
_Command = TypeVar("_Command", bound=Callable[..., Any])


class _OfferedRate(Words[float]):
    """A rate, or "max", which is 0."""

    name = "rate"

    def read(self, text: str) -> float:
        """In bit/s."""
        return 0.0 if text == "max" else BIT_RATE.read(text)


_OPTIONS = (
    click.option("--streams", type=Whole(1, 128), help="TCP streams at once."),
    click.option(
        "--stream-mode",
        type=click.Choice(STREAM_MODES),
        help="What the ends touch of TCP's data; verify looks at every octet.",
    ),
    click.option("--congestion", metavar="NAME", help='TCP\'s congestion control, as "bbr".'),
    click.option("--window", type=SIZE, help='TCP\'s buffers at both ends, as "4 MiB".'),
    click.option(
        "--udp-rate",
        type=_OfferedRate(),
        help='What UDP offers, as "100 Mbit/s"; max is the most that both ends can do.',
    ),
    click.option(
        "--wait",
        type=LONG_DURATION,
        help='How long to wait, in all, for far ends taken by another test, as "5m"; not at all without it.',
    ),
)


def bulk_options(command: _Command) -> _Command:
    """Give a command all of them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
