"""A socket on a thread of its own, that only moves and counts; others read its counts meanwhile."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

from benchkit.clock import monotonic_ns
from benchkit.errors import told_by_system
from benchkit.linux import tcp
from benchkit.probes.outbox import start

# Every call comes back as often as this, so that a thread that is told to end does.
BACK_S = 0.25
# The kernel's number of the processor clock of a thread, from its id: CPUCLOCK_PERTHREAD and CPUCLOCK_SCHED.
THREAD_CLOCK = 6


def wanted_cpu_ns(thread: int) -> int:
    """How long a thread of this process has run and has waited to run, by its id. Raises OSError where it has ended."""
    try:
        told = Path(f"/proc/self/task/{thread}/schedstat").read_text(encoding="ascii")
        running, waiting, _ = told.split()
    except (FileNotFoundError, ValueError):  # a kernel that does not tell
        return time.clock_gettime_ns((~thread << 3) | THREAD_CLOCK)
    return int(running) + int(waiting)


def give_up(connection: socket.socket, thread: Thread | None, seconds: float) -> None:
    """Close a socket, once the thread that moves its data has let go of it; so long is waited for that at most."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    if thread is not None:
        thread.join(seconds)
    connection.close()


class DataThread:
    """`octets` is what it has moved so far. It ends soon after `running` is false, or by itself.

    `ended_ns` is when its data ended, which may be before it knew.
    """

    def __init__(self, number: int, connection: socket.socket, *, sends: bool) -> None:
        """Own a connected socket."""
        self.number = number
        self.connection = connection
        self.sends = sends
        self.octets = 0
        self.running = True
        self.ended = False
        self.ended_ns = 0
        self.trouble = ""
        self._cpu_ns = 0
        self._thread: Thread | None = None

    def move(self) -> None:
        """Move data until told to end, or until there is no more."""
        raise AssertionError("each kind of thread moves in its own way")

    def finish(self, theirs: Mapping[str, Any]) -> None:
        """Hear what the other end counted, once it has ended."""

    def info(self) -> tuple[int, ...]:
        """What the kernel knows of what was sent; nothing, where it knows nothing."""
        return ()

    def total(self) -> dict[str, Any]:
        """What there is to tell the other end, once ended."""
        return {"octets": self.octets}

    def start(self) -> None:
        """Begin."""
        tcp.set_timeouts(self.connection, BACK_S)
        self._thread = start(self._run)

    def _run(self) -> None:
        try:
            self.move()
        except (OSError, ValueError) as error:  # ValueError: closed under a call
            self.trouble = told_by_system(error)
        with suppress(OSError):
            self._cpu_ns = wanted_cpu_ns(threading.get_native_id())
        self.ended_ns = self.ended_ns or monotonic_ns()
        self.ended = True

    def cpu_ns(self) -> int:
        """How long it has been on a processor, or has waited for one: a thread that always does can do no more."""
        if not self.ended and self._thread is not None and self._thread.native_id is not None:
            with suppress(OSError):  # it ends just now
                return wanted_cpu_ns(self._thread.native_id)
        return self._cpu_ns

    def close(self) -> None:
        """Give up the socket, once the thread has let go of it."""
        self.running = False
        give_up(self.connection, self._thread, 2 * BACK_S)
