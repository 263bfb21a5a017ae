"""Who hears what is said: whoever stopped reading stdout wants no more of it, and stderr is said to nobody then."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast


class UnreadError(Exception):
    """Nobody reads stdout any more, as after `head`: no verdict, and no defect."""


@contextmanager
def told_apart() -> Iterator[None]:
    """Raise UnreadError for a broken pipe: click itself would end with 1, which says that a budget failed."""
    try:
        yield
    except BrokenPipeError as error:
        raise UnreadError from error


def to_nobody(descriptor: int) -> None:
    """Let whatever is still written there vanish, so that Python does not complain when it flushes."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


class Aside:
    """stderr that ends nothing where its reader has gone: what is measured goes on, and is kept."""

    def __init__(self, stream: TextIO) -> None:
        """Speak there."""
        self._stream = stream

    def write(self, text: str) -> int:
        """Say it, if anybody hears."""
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            to_nobody(self._stream.fileno())
            return len(text)

    def flush(self) -> None:
        """As `write`."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            to_nobody(self._stream.fileno())

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever a stream has
        """Be the stream in everything else."""
        return getattr(self._stream, name)


def speak_aside() -> None:
    """Have this process's stderr be such a one, where it has any."""
    if sys.stderr is not None:
        sys.stderr = cast(TextIO, Aside(sys.stderr))
