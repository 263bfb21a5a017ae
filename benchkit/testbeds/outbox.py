"""What a site has to tell, held until it has been fetched: numbered, in order, and never more than so much."""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections import deque
from contextlib import suppress

MOST_HELD_OCTETS = 256 << 20
MOST_AT_ONCE_OCTETS = 4 << 20


class Outbox:
    """Frames of octets. `put` is for any thread, `after` for a loop; one at a time fetches."""

    def __init__(self, most_octets: int = MOST_HELD_OCTETS) -> None:
        """Hold none yet, and never more than `most_octets`."""
        self._frames: deque[bytes] = deque()
        self._first = 1
        self._octets = 0
        self._most = most_octets
        self._lock = threading.Lock()
        self._awaited: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def put(self, message: object) -> bool:
        """Add a message; whether there was room."""
        frame = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        with self._lock:
            if self._octets + len(frame) > self._most:
                return False
            self._frames.append(frame)
            self._octets += len(frame)
            awaited, self._awaited = self._awaited, None
        if awaited is not None:
            loop, event = awaited
            with suppress(RuntimeError):  # whoever waited is gone with its loop
                loop.call_soon_threadsafe(event.set)
        return True

    async def after(self, number: int, seconds: float) -> tuple[int, list[bytes]]:
        """What follows frame `number`, as (number of the first, frames), as soon as there is any.

        What came up to `number` has arrived and is dropped. After so many seconds without any: none.
        """
        event = asyncio.Event()
        with self._lock:
            self._drop(number)
            if not self._frames:
                self._awaited = asyncio.get_running_loop(), event
        if not self._frames:
            with suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), seconds)
        with self._lock:
            return self._first, self._some()

    def _drop(self, number: int) -> None:
        while self._frames and self._first <= number:
            self._octets -= len(self._frames.popleft())
            self._first += 1

    def _some(self) -> list[bytes]:
        some: list[bytes] = []
        octets = 0
        for frame in self._frames:
            if some and octets + len(frame) > MOST_AT_ONCE_OCTETS:
                break
            some.append(frame)
            octets += len(frame)
        return some
