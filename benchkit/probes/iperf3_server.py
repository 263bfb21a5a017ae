"""Be the server of stock iperf3 clients, one test at a time. Nobody who hangs holds up the next."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Callable

from benchkit.linux import tcp
from benchkit.linux.lease import Lease
from benchkit.model.responder_spec import Iperf3ServerSpec
from benchkit.model.samples import Samples
from benchkit.probes.admission import Admission
from benchkit.probes.doorway import MOST, Doorway
from benchkit.probes.iperf3_auth import Logins
from benchkit.probes.iperf3_served import Iperf3Served
from benchkit.probes.iperf3_wire import (
    COOKIE_OCTETS,
    Control,
    State,
)
from benchkit.probes.outbox import Item, Outbox, start
from benchkit.probes.reachable import listening_at
from benchkit.probes.talk import TalkError

COOKIE_S = 5.0
# A test that is over lets go of its streams within this: who comes meanwhile is not told that we are busy.
ENDING_S = 2.0


async def iperf3_server(spec: Iperf3ServerSpec) -> AsyncIterator[Samples | None]:
    """Serve until cancelled. Yields None once it listens, then of each test goodput, TCP_INFO and totals.

    Their path is the client's address, their phase "up" (to here) or "down". Raises UnfitError where it cannot listen there.
    """
    outbox = Outbox()
    with listening_at("TCP", spec.address, spec.port):
        listener = tcp.listener_at(spec.address, spec.port, MOST)
    admission = Admission(spec.allowed)
    server = _Server(listener, outbox.put, Lease(spec.lease), _logins(spec), admission)
    accepting = start(server.accept)
    try:
        yield None
        while True:
            item = await outbox.get()
            if isinstance(item, Samples):
                yield item
    finally:
        server.close()
        accepting.join(1.0)


def _logins(spec: Iperf3ServerSpec) -> Logins | None:
    return Logins(spec.private_key, dict(spec.users)) if spec.private_key else None


class _Server:
    """Takes connections and knows the one test that runs."""

    def __init__(
        self,
        listener: socket.socket,
        put: Callable[[Item], None],
        lease: Lease,
        logins: Logins | None,
        admission: Admission,
    ) -> None:
        self._logins = logins
        self._door = Doorway(listener, admission, "iperf3")
        self._lease = lease
        self._put = put
        self._turn = threading.Condition()
        self._test: Iperf3Served | None = None

    def accept(self) -> None:
        """Greet each who comes, on a thread of its own."""
        self._door.accept(self._greet)

    def close(self) -> None:
        """Listen no more, and break off the test."""
        self._door.close()
        with self._turn:
            test = self._test
        if test is not None:
            test.stop()

    def _greet(self, connection: socket.socket, _: str, order: int) -> None:
        control = Control(connection)
        try:
            cookie = control.read(COOKIE_OCTETS, COOKIE_S)
            own = Iperf3Served(control, connection, cookie, self._put, self._lease, self._logins)
            with self._turn:
                self._turn.wait_for(self._is_served, ENDING_S)
                running = self._test
                alone = running is None and own.is_granted()
                if alone:
                    self._test = own
            if alone:
                self._run(own)
            elif running is None or not running.take(cookie, connection, order):
                control.send(bytes([State.ACCESS_DENIED & 0xFF]))
                control.close()
        except (TalkError, OSError):
            control.close()

    def _is_served(self) -> bool:
        """Whether no test is just ending."""
        return self._test is None or not self._test.is_over

    def _run(self, test: Iperf3Served) -> None:
        try:
            test.run()
        finally:
            with self._turn:
                self._lease.release()
                self._test = None
                self._turn.notify_all()
