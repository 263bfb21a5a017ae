"""One bulk test at the far end, TCP or UDP, in the thread that greeted its client."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import told_by_system
from benchkit.linux import datagrams, tcp
from benchkit.linux.address import family_of
from benchkit.probes.data_thread import DataThread
from benchkit.probes.datagram_flow import UdpSink, UdpSource
from benchkit.probes.datagram_terms import HELLO, UdpTerms, mark_of
from benchkit.probes.files_flow import FileSink
from benchkit.probes.files_terms import FileTerms
from benchkit.probes.outbox import start
from benchkit.probes.stream_flow import StreamFlow, prepare
from benchkit.probes.stream_session import BulkSession
from benchkit.probes.stream_terms import StreamTerms
from benchkit.probes.talk import Talk, TalkError, Words, tell_clock
from benchkit.units import show_count

STREAMS_S = 10.0
HELLO_LIMIT = 64


class Opening(Protocol):
    """How the data of a test comes to the far end."""

    def take(self, number: int, connection: socket.socket) -> bool:
        """Take a data connection, if it is awaited."""

    def opened(self) -> Sequence[DataThread]:
        """Wait for all that is awaited. Raises TalkError when it does not come."""

    def close(self) -> None:
        """Give up what has come and is not in use."""


class StreamServed:
    """A test from its grant to its end."""

    def __init__(
        self, talk: Talk, duration_ns: int, opening: Opening, silence_s: float | None = None
    ) -> None:
        """Serve over this talk what comes by this opening."""
        self.talk = talk
        self._silence_s = silence_s
        self._duration_ns = duration_ns
        self._opening = opening
        self._flows: Sequence[DataThread] = ()

    def take(self, number: int, connection: socket.socket) -> bool:
        """Take a data connection of this test, if it is awaited."""
        return self._opening.take(number, connection)

    def run(self, token: str) -> None:
        """Serve it to its end. Raises TalkError where the client does not keep to the protocol."""
        self.talk.say({"granted": token})
        if self._past_clock().get("begin") is not True or not self._flows:
            raise TalkError("it did not begin")
        BulkSession(self.talk, self._duration_ns, self._flows, self._silence_s).run(tells=True)

    def _past_clock(self) -> Words:
        """Tell the clock as often as asked, see all data come, and give what is said then."""
        opening = start(self._open)
        try:
            while "clock" in (words := self.talk.hear(STREAMS_S)):
                tell_clock(self.talk, words["clock"])
        except TalkError:
            self._opening.close()  # nothing more comes: who holds on to the lease keeps others out
            raise
        finally:
            opening.join(STREAMS_S)
        return words

    def _open(self) -> None:
        try:
            self._flows = self._opening.opened()
            self.talk.say({"open": len(self._flows)})
        except (TalkError, OSError) as error:
            with suppress(TalkError):  # it may be gone
                self.talk.say({"broke": str(error)})
            self.talk.close()

    def close(self) -> None:
        """Give up every connection."""
        for flow in self._flows:
            flow.running = False
        for flow in self._flows:
            flow.close()
        self._opening.close()


class StreamOpening:
    """TCP: the data connections that name the test, each its number."""

    def __init__(self, wanted: int, thread_of: Callable[[int, socket.socket], DataThread]) -> None:
        """Await so many; `thread_of` makes of each what moves its data."""
        self._wanted = wanted
        self._thread_of = thread_of
        self._changed = threading.Condition()
        self._is_closed = False
        self._arrived: dict[int, socket.socket] = {}

    def take(self, number: int, connection: socket.socket) -> bool:
        """Take it; not twice."""
        with self._changed:
            if number in self._arrived or not 0 <= number < self._wanted:
                return False
            self._arrived[number] = connection
            self._changed.notify()
        return True

    def opened(self) -> Sequence[DataThread]:
        """Wait for all of them. Raises TalkError."""
        with self._changed:
            self._changed.wait_for(self._is_settled, STREAMS_S)
            if self._is_closed or len(self._arrived) < self._wanted:
                raise TalkError(
                    f"it opened {len(self._arrived)} of {show_count(self._wanted, 'stream')}"
                )
        threads = []
        for number in range(self._wanted):
            self._arrived[number].settimeout(None)
            threads.append(self._thread_of(number, self._arrived[number]))
        return threads

    def _is_settled(self) -> bool:
        return self._is_closed or len(self._arrived) == self._wanted

    def close(self) -> None:
        """Close what has come, and wait for no more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
            for connection in self._arrived.values():
                connection.close()


def opening_of_streams(terms: StreamTerms, token: str) -> StreamOpening:
    """Bulk: each connection sends or receives as the terms have it."""

    def thread_of(number: int, connection: socket.socket) -> DataThread:
        prepare(connection, terms)
        sends = not terms.flows[number]
        return StreamFlow(number, connection, terms, sends=sends, token=token)

    return StreamOpening(len(terms.flows), thread_of)


def opening_of_files(terms: FileTerms) -> StreamOpening:
    """Files: each connection receives."""

    def thread_of(number: int, connection: socket.socket) -> DataThread:
        tcp.set_congestion_control(connection, terms.congestion)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return FileSink(number, connection)

    return StreamOpening(terms.streams, thread_of)


class DatagramOpening:
    """UDP: the address from which a greeting comes that names the test."""

    def __init__(self, terms: UdpTerms, address: str, port: int, token: str) -> None:
        """Listen there. Raises TalkError where the port is in use."""
        self._terms = terms
        self._token = token
        family = family_of(address)
        self._udp = socket.socket(family, socket.SOCK_DGRAM)
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        datagrams.prepare(self._udp)
        try:
            self._udp.bind((address, port))
        except OSError as error:
            self._udp.close()
            raise TalkError(
                f"its UDP port {port} cannot be had: {told_by_system(error)}; stop what has it there"
            ) from error

    def take(self, number: int, connection: socket.socket) -> bool:  # noqa: ARG002  no such thing here
        """No connection belongs to it."""
        return False

    def opened(self) -> Sequence[DataThread]:
        """Wait for the greeting. Raises TalkError."""
        deadline = monotonic_ns() + round(STREAMS_S * NS_PER_S)
        self._udp.settimeout(STREAMS_S / 10)
        while monotonic_ns() < deadline:
            with suppress(TimeoutError):
                said, source = self._udp.recvfrom(HELLO_LIMIT)
                if said == HELLO + self._token.encode():
                    self._udp.connect(source)
                    self._udp.settimeout(None)
                    role = UdpSink if self._terms.up else UdpSource
                    return [role(self._udp, self._terms, mark_of(self._token))]
        raise TalkError("its datagrams do not arrive")

    def close(self) -> None:
        """Give up the port."""
        self._udp.close()
