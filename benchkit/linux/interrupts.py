"""Ctrl-C and SIGTERM as one KeyboardInterrupt: the first stops the work, further ones cannot break the tidying."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def one_interrupt() -> Iterator[None]:
    """Raise KeyboardInterrupt in the main thread at the first signal, and pass over those that follow."""
    # What nohup has had ignored stays so.
    before = {
        number: handler
        for number in SIGNALS
        if (handler := signal.getsignal(number)) is not signal.SIG_IGN
    }

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  the signature of a handler
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in before:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
