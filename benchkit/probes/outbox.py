"""From data threads to the loop: what they counted, or what went wrong."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, Protocol

from benchkit.model.samples import Samples

Item = Samples | BaseException | None


class Outbox:
    """Batches from data threads to the loop that makes it."""

    def __init__(self) -> None:
        """Belong to the running loop."""
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Item] = asyncio.Queue()

    def put(self, item: Item) -> None:
        """Hand over, from any thread."""
        with suppress(RuntimeError):  # the loop is closed: the campaign has gone
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)

    async def get(self) -> Item:
        """Wait for the next."""
        return await self._queue.get()


def start(function: Callable[..., None], *arguments: Any) -> threading.Thread:  # noqa: ANN401  whatever it takes
    """Run it in a thread that does not hold up the end of the process."""
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


class Test(Protocol):
    """What measures on a thread: it puts samples as they come, and raises at last what went wrong."""

    def run(self) -> None:
        """Measure."""

    def stop(self) -> None:
        """Break it off, if it still runs; from another thread."""


async def tested(make: Callable[[Callable[[Item], None]], Test]) -> AsyncIterator[Samples]:
    """Run a test on a thread; yield what it puts, then raise what it raises. It is stopped when nobody listens."""
    outbox = Outbox()
    test = make(outbox.put)

    def work() -> None:
        outcome: Item = None
        try:
            test.run()
        except Exception as error:  # noqa: BLE001  whoever waits must hear of it
            outcome = error
        outbox.put(outcome)

    start(work)
    try:
        while (item := await outbox.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        test.stop()
