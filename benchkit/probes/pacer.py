"""Call a function for each due time of a schedule, by an absolute timerfd on the running loop.

Loop timers are off by up to a millisecond, early under uvloop and late under asyncio; they pace nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Self

import numpy as np
from numpy.typing import NDArray

from benchkit.clock import monotonic_ns
from benchkit.linux.timerfd import TimerFd

# Who is behind sends so many in a row, then the loop has a turn: answers are waiting to be taken in.
MOST_IN_A_ROW = 32
LEAD_NS = 60_000
LEAST_GAP_NS = 8 * LEAD_NS


class Pacer:
    """Calls `send(index)` as each time comes; what is late goes out at once and the schedule stands."""

    def __init__(
        self, due_ns: NDArray[np.int64], send: Callable[[int], object], *, lead_ns: int = 0
    ) -> None:
        """Take the schedule, times on CLOCK_MONOTONIC.

        With a lead it wakes up so much earlier and spins for what is left, which holds the loop up as long.
        """
        self._lead_ns = lead_ns
        # Looked at one by one it is several times faster so than as an array, and no copy.
        self._due: memoryview[int] = memoryview(due_ns)  # type: ignore[arg-type]  # NumPy's arrays are buffers
        self._send = send
        self._next = 0
        self._timer = TimerFd()
        self.finished = asyncio.Event()

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._timer.fileno(), self._fire)
        self._timer.set(self._due[0] - self._lead_ns)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.remove_reader(self._timer.fileno())
        self._timer.close()

    def _fire(self) -> None:
        self._timer.clear()
        due, count, lead = self._due, len(self._due), self._lead_ns
        # Of several only the first: what is sent may leave only when the loop goes on.
        while lead and monotonic_ns() < due[self._next] <= monotonic_ns() + lead:
            pass
        last = min(count, self._next + MOST_IN_A_ROW)
        while self._next < last and due[self._next] <= monotonic_ns():
            index, self._next = self._next, self._next + 1
            self._send(index)
        if self._next < count:
            self._timer.set(due[self._next] - lead)
        else:
            self.finished.set()


def lead_of(interval_ns: int) -> int:
    """How long before a request is due it is worth waking up, in ns: a sleeper wakes late, and spins for less than that.

    0 where requests are so near to one another that it would spin most of the time.
    """
    return LEAD_NS if interval_ns >= LEAST_GAP_NS else 0


async def open_loop(
    due_ns: NDArray[np.int64], begin: Callable[[int], Coroutine[None, None, None]], *, lead_ns: int
) -> None:
    """Begin each when it is due, whatever became of the ones before, and see all to their ends; all as for a Pacer.

    `due_ns` has shape (n,).
    """
    async with asyncio.TaskGroup() as tasks:
        with Pacer(due_ns, lambda index: tasks.create_task(begin(index)), lead_ns=lead_ns) as pacer:
            await pacer.finished.wait()
