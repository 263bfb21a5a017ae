"""From data threads to the loop: what they counted, or what went wrong."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

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


def start(function: Callable[..., None], *arguments: Any) -> threading.Thread:  # noqa: ANN401
    """Run it in a thread that does not hold up the end of the process."""
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread
