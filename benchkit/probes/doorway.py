"""The door of a server whose every connection has a thread of its own: who comes in, how many, and who is refused."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from benchkit.clock import monotonic_ns
from benchkit.linux.refusals import Refusals
from benchkit.probes.admission import Admission
from benchkit.probes.crowd import Crowd
from benchkit.probes.outbox import start
from benchkit.probes.stream_terms import STREAMS_LIMIT

# Who is greeted or tested at once. All streams of a test, both ways, may come from one source together.
MOST, MOST_OF_ONE = 512, 2 * STREAMS_LIMIT + 32
NAP_S = 0.02
# Nothing is wrong with the listener: the next may fare better.
PASSING = frozenset({errno.ECONNABORTED, errno.EMFILE, errno.ENFILE})
Greet = Callable[[socket.socket, str, int], None]


class Doorway:
    """Takes connections on a listening socket."""

    def __init__(self, listener: socket.socket, admission: Admission, called: str) -> None:
        """Own the listener, and let in whom `admission` admits; `called` is what is served, in words."""
        self._listener = listener
        self._admission = admission
        self._called = called
        self._crowd = Crowd(MOST, MOST_OF_ONE)
        self._refusals = Refusals()
        self.port = int(listener.getsockname()[1])

    def accept(self, greet: Greet) -> None:
        """Have each who may come in greeted on a thread: socket, address, and as which one it came. Ends when closed."""
        order = 0
        while True:
            try:
                connection, peer = self._listener.accept()
            except OSError as error:
                if error.errno in PASSING:
                    time.sleep(NAP_S)
                    continue
                return
            order += 1
            if not self._admission.admits(peer[0], monotonic_ns()):
                self.refuse(connection, peer[0], f"{self._called} from a network not allowed")
            elif self._crowd.enter(peer[0]):
                start(self._meet, greet, connection, peer[0], order)
            else:
                self.refuse(connection, peer[0], f"{self._called}, too many connections")

    def _meet(self, greet: Greet, connection: socket.socket, peer: str, order: int) -> None:
        try:
            greet(connection, peer, order)
        finally:
            self._crowd.leave(peer)

    def refuse(self, connection: socket.socket, peer: str, why: str) -> None:
        """Hang up on somebody, and count it."""
        self.tell(peer, why)
        connection.close()

    def tell(self, peer: str, why: str) -> None:
        """Count somebody who is not served."""
        self._refusals.add(peer, f"{why}, at TCP port {self.port}")

    def close(self) -> None:
        """Listen no more, and tell of those who were refused and not yet told of."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._listener.close()
        self._refusals.tell_rest()
