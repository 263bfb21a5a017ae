"""One test that we serve to a stock iperf3 client."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from benchkit.clock import NS_PER_S, monotonic_ns, realtime_ns
from benchkit.linux import tcp
from benchkit.linux.lease import Lease
from benchkit.probes.iperf3_auth import Logins
from benchkit.probes.iperf3_flow import Flow, prepare
from benchkit.probes.iperf3_meter import FlowMeter
from benchkit.probes.iperf3_results import results_of
from benchkit.probes.iperf3_session import end_senders, stream_number, totals, watch
from benchkit.probes.iperf3_terms import Iperf3Terms, terms_of
from benchkit.probes.iperf3_wire import (
    PARAMETERS_LIMIT,
    RESULTS_LIMIT,
    UDP_WELCOME,
    Control,
    State,
)
from benchkit.probes.outbox import Item
from benchkit.probes.talk import GoneError, TalkError
from benchkit.units import show_count

STREAMS_S, LOOK_S = 10.0, 0.2
RESULTS_S = 10.0
GRACE_S = 10
LONGEST_S = 86_400
SILENCE_NS = 120 * NS_PER_S  # a client may ask for very little
# Datagrams that had arrived when the client ended the test are read; none is waited for longer.
LINGER_S, LINGERS = 0.02, 10

# iperf3's numbers for what a server can say no to.
BAD_TERMS, BAD_CONGESTION, BAD_WINDOW, BAD_LOGIN = 114, 134, 141, 142


class Iperf3Served:
    """One test, in the thread that greeted its client. `is_over` once all that is left is to let go of it."""

    def __init__(
        self,
        control: Control,
        connection: socket.socket,
        cookie: bytes,
        put: Callable[[Item], None],
        lease: Lease,
        logins: Logins | None,
    ) -> None:
        self._lease = lease
        self._logins = logins
        self._control = control
        self._here: tuple[str, int] = connection.getsockname()[:2]
        self._peer: str = connection.getpeername()[0]
        self._family = connection.family
        self._cookie = cookie
        self._put = put
        self._arrived: list[tuple[int, socket.socket]] = []
        self._awaited = 0
        self._changed = threading.Condition()
        self._flows: list[Flow] = []
        self._congestion = ""
        self.is_over = False

    def is_granted(self) -> bool:
        """Whether no other throughput test runs at this site; then this one does, for as long as it asks."""
        return self._lease.take(self._peer, STREAMS_S) is None

    def take(self, cookie: bytes, connection: socket.socket, order: int) -> bool:
        """Take a data connection of this test, while any is awaited."""
        with self._changed:
            if cookie != self._cookie or len(self._arrived) >= self._awaited:
                return False
            self._arrived.append((order, connection))
            self._changed.notify()
        return True

    def stop(self) -> None:
        """Break it off."""
        with suppress(TalkError, OSError):
            self._control.send_state(State.SERVER_TERMINATE)
        self._control.close()

    def run(self) -> None:
        """Serve it to its end. Raises TalkError where the client does not keep to the protocol."""
        try:
            self._serve()
        finally:
            self.is_over = True  # before the client can know
            self._control.close()
            with self._changed:
                self._awaited = 0
                left = [connection for _, connection in self._arrived]
            for flow in self._flows:
                flow.end()
            for flow in self._flows:
                flow.close()
            for connection in left:
                connection.close()

    def _serve(self) -> None:
        control = self._control
        control.send_state(State.PARAM_EXCHANGE)
        terms = self._agreed()
        self._lease.renew(self._peer, (terms.seconds or LONGEST_S) + terms.omit_s)
        if terms.udp:
            self._open_udp(terms)
        else:
            self._open_tcp(terms)
        control.send_state(State.TEST_START)
        control.send_state(State.TEST_RUNNING)
        meter = FlowMeter(self._flows)
        for flow in self._flows:
            flow.start()
        try:
            said = watch(
                control,
                meter,
                omit_ns=terms.omit_s * NS_PER_S,
                lasts_ns=(terms.seconds + GRACE_S if terms.seconds else LONGEST_S) * NS_PER_S,
                silence_ns=SILENCE_NS,
            )
            end_senders(self._flows)
            if said == State.TEST_END and terms.udp:
                self._linger(meter)
        finally:
            self._put_counts(meter)
        if said is None:
            control.send_state(State.SERVER_TERMINATE)
        elif said == State.TEST_END:
            self._exchange(meter)

    def _agreed(self) -> Iperf3Terms:
        try:
            terms = terms_of(self._control.read_message(PARAMETERS_LIMIT))
        except TalkError:
            self._control.send_error(BAD_TERMS, errno.EINVAL)
            raise
        if self._logins is not None and not self._logins.admits(
            terms.token, realtime_ns() // NS_PER_S
        ):
            self._control.send_error(BAD_LOGIN, errno.EACCES)
            raise TalkError("it did not say who it is")
        self._check_sockets(terms)
        return terms

    def _check_sockets(self, terms: Iperf3Terms) -> None:
        """Refuse, before any stream is opened, what no socket here can be given."""
        with socket.socket(self._family, socket.SOCK_STREAM) as scratch:
            # iperf3 takes the kernel's half for its own.
            if terms.window and 2 * tcp.set_window(scratch, terms.window) < terms.window:
                self._control.send_error(BAD_WINDOW, errno.ENOBUFS)
                raise TalkError(f"it asked for a window of {terms.window} octets")
            asked = terms.congestion
            if asked and tcp.set_congestion_control(scratch, asked) != asked:
                self._control.send_error(BAD_CONGESTION, errno.ENOENT)
                raise TalkError(f"it asked for congestion control {asked}")

    def _open_tcp(self, terms: Iperf3Terms) -> None:
        wanted = len(terms.flows)
        with self._changed:
            self._awaited = wanted
            self._control.send_state(State.CREATE_STREAMS)
            self._await(
                lambda: self._changed.wait_for(lambda: len(self._arrived) == wanted, LOOK_S),
                lambda: f"it opened {len(self._arrived)} of {show_count(wanted, 'stream')}",
            )
            arrived = [
                connection for _, connection in sorted(self._arrived, key=lambda one: one[0])
            ]
            self._arrived = []
            self._awaited = 0
        for at, (connection, client_sends) in enumerate(zip(arrived, terms.flows, strict=True)):
            connection.settimeout(None)
            self._flows.append(Flow(stream_number(at), connection, terms, sends=not client_sends))
            self._congestion = prepare(connection, terms)

    def _open_udp(self, terms: Iperf3Terms) -> None:
        waiting = self._udp_socket(terms)
        try:
            self._control.send_state(State.CREATE_STREAMS)
            for at, client_sends in enumerate(terms.flows):
                waiting.connect(self._greeting(waiting))
                stream, waiting = waiting, self._udp_socket(terms)
                self._flows.append(Flow(stream_number(at), stream, terms, sends=not client_sends))
                stream.settimeout(None)
                stream.send(UDP_WELCOME)
        finally:
            waiting.close()

    def _udp_socket(self, terms: Iperf3Terms) -> socket.socket:
        found = socket.socket(self._family, socket.SOCK_DGRAM)
        # The streams' sockets share one port: each is connected, and the next one waits.
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        prepare(found, terms)
        found.bind(self._here)
        found.settimeout(LOOK_S)
        return found

    def _greeting(self, waiting: socket.socket) -> tuple[str, int]:
        """Where the next stream's first datagram comes from; only the client's own are welcome."""
        found: list[tuple[str, int]] = []

        def has_come() -> bool:
            with suppress(TimeoutError):
                _, source = waiting.recvfrom(1)
                found.extend([source[:2]] if source[0] == self._peer else [])
            return bool(found)

        self._await(has_come, lambda: "its datagrams do not arrive")
        return found[0]

    def _await(self, has_come: Callable[[], bool], why_not: Callable[[], str]) -> None:
        """Look again and again, as long as the client is there: who is gone keeps others out. Raises TalkError."""
        deadline = monotonic_ns() + round(STREAMS_S * NS_PER_S)
        while not has_come():
            if self._control.is_gone():
                raise GoneError("it hung up")
            if monotonic_ns() > deadline:
                raise TalkError(why_not())

    def _linger(self, meter: FlowMeter) -> None:
        for _ in range(LINGERS):
            time.sleep(LINGER_S)
            if not meter.catch_up():
                return

    def _exchange(self, meter: FlowMeter) -> None:
        control = self._control
        control.send_state(State.EXCHANGE_RESULTS)
        theirs = results_of(control.read_message(RESULTS_LIMIT, RESULTS_S))
        ours = meter.results(self._congestion)
        control.send_message(ours.encoded())
        self.is_over = True  # with its last word the client goes, and may come again at once
        control.send_state(State.DISPLAY_RESULTS)
        pairs = [(flow, not flow.sends) for flow in self._flows]
        self._put(totals(self._peer, "", pairs, ours, theirs))
        with suppress(TalkError):  # IPERF_DONE; a client that is gone has all it wanted
            control.read_state(RESULTS_S)

    def _put_counts(self, meter: FlowMeter) -> None:
        if any(not flow.sends for flow in self._flows):
            self._put(meter.goodput(self._peer, "up", sends=False))
        if any(flow.sends and not flow.udp for flow in self._flows):
            self._put(meter.goodput(self._peer, "down", sends=True))
            self._put(meter.tcp_info(self._peer, "down"))
