"""Ctrl-C and SIGTERM as one KeyboardInterrupt: the first stops the work, further ones cannot break the tidying.

What must not be left half done waits for its end with them.
"""

from __future__ import annotations

import asyncio
import signal
import threading
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


async def interrupted() -> None:
    """Wait for the first signal; those that follow change nothing. For a loop whose callbacks are not all ours.

    An exception that a handler raises comes up in whatever callback runs at that moment, and leaves its work half done.
    """
    loop, came = asyncio.get_running_loop(), asyncio.Event()
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, came.set)
    await came.wait()


@contextmanager
def postponed() -> Iterator[None]:
    """Have a signal that a handler of ours answers reach it at the end of this, and not before; for a short while only.

    Handlers run in the main thread: in others there is nothing to postpone. Blocking signals would not do: whatever is
    started meanwhile would have them blocked for good.
    """
    came: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  the signature of a handler
        came.append(number)

    ours = threading.current_thread() is threading.main_thread()
    kept = {
        number: handler
        for number in SIGNALS
        if ours and callable(handler := signal.getsignal(number))
    }
    try:
        for number in kept:
            signal.signal(number, remember)
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])
