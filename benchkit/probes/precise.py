"""Call a function for each due time of a schedule to within about a microsecond, from a thread of its own.

It sleeps until shortly before the time and spins for the rest. While it sleeps it takes in what arrives, so
that one thread does everything that touches the socket.
"""

from __future__ import annotations

import select
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchkit.clock import NS_PER_S, NS_PER_US, monotonic_ns
from benchkit.linux import quiet
from benchkit.probes.punctual_thread import PunctualThread

# A sleeper wakes 40 to 70 us late. With 60 us of spinning half of the sends were more than 1 us late, with 100 few are,
# and all of it takes a fifth of a core at 1000/s.
SPIN_NS = 100 * NS_PER_US
LOOK_S = 0.05
# Real-time priority is for a thread that sleeps most of the time: the kernel stops one that does not.
LEAST_GAP_NS = 8 * SPIN_NS


class PrecisePacer(PunctualThread):
    """Calls `send(index)` as each time comes, and `collect()` when `descriptor` can be read."""

    def __init__(
        self,
        due_ns: NDArray[np.int64],
        send: Callable[[int], None],
        descriptor: int,
        collect: Callable[[], None],
    ) -> None:
        """Take the schedule, times on CLOCK_MONOTONIC."""
        super().__init__(self._pace)
        # Looked at one by one it is several times faster so than as an array, and no copy.
        self._due: memoryview[int] = memoryview(due_ns)  # type: ignore[arg-type]  # NumPy's arrays are buffers
        self._send = send
        self._watched = [descriptor]
        self._collect = collect

    def _pace(self) -> None:
        if self._due[-1] - self._due[0] >= LEAST_GAP_NS * (len(self._due) - 1):
            quiet.take_priority()  # of this thread alone
        # Names looked up once: after a spin nothing is in the processor's caches.
        now, send = monotonic_ns, self._send
        for index, due in enumerate(self._due):
            self._sleep_until(due - SPIN_NS)
            if self.stopped:
                return
            while now() < due:
                pass
            send(index)
        while not self.stopped:
            self._look(LOOK_S)

    def _sleep_until(self, end_ns: int) -> None:
        while (left := end_ns - monotonic_ns()) > 0 and not self.stopped:
            self._look(min(left / NS_PER_S, LOOK_S))

    def _look(self, seconds: float) -> None:
        if select.select(self._watched, (), (), seconds)[0]:
            self._collect()
