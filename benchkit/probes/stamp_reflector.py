"""The STAMP reflector: answers at once, stamps by the kernel, and tells when each answer left."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager

import numpy as np
from numpy.typing import NDArray

from benchkit.clock import monotonic_ns, realtime_ns
from benchkit.linux import timestamping
from benchkit.linux.clock_quality import clock_quality
from benchkit.linux.key_file import read_key
from benchkit.linux.timestamping import Received
from benchkit.model.samples import Samples, column
from benchkit.model.spec import ReflectorSpec
from benchkit.probes.admission import Admission
from benchkit.probes.reachable import listening_at
from benchkit.probes.reflector_sessions import ReflectorSession, ReflectorSessions
from benchkit.probes.stamp_packet import TTL_AT, Base, Request
from benchkit.probes.stamp_reflecting import Arrival, Reflected, reflect
from benchkit.probes.stamp_time import SYNCHRONISED, pack_error_estimate, wire_time

FLUSH_S = 0.05
# Answers that wait for the kernel to say when they left: in a queue of our own host that may take a while.
MOST_UNSTAMPED = 1 << 16
LARGEST = 1 << 16
WORD = 1 << 32
ANY = ("0.0.0.0", "::")  # noqa: S104  to be told from an address of ours


class Reflector:
    """One socket that answers STAMP, and TWAMP's test packets."""

    def __init__(self, udp: socket.socket, spec: ReflectorSpec, *, twamp: bool = False) -> None:
        """Answer on a bound socket. In `twamp` answers may be as short as TWAMP's, 41 octets.

        Raises AskedWronglyError for a key that cannot be read.
        """
        self._udp = udp
        self._spec = spec
        self._base = Base(read_key(spec.key_file))
        self._twamp = twamp
        self._shortest = TTL_AT + 1 if twamp else self._base.octets
        self._admission = Admission(spec.allowed, spec.rate_per_s)
        self._sessions = ReflectorSessions()
        self._here: tuple[str, int] = udp.getsockname()[:2]
        if self._here[0] in ANY:
            timestamping.tell_destinations(udp)
        # By transmit identity: SSID, the sender's sequence, session, and the answer's own sequence.
        self._sent: dict[int, tuple[int, int, ReflectorSession | None, int]] = {}
        self._departed: list[tuple[int, int, int]] = []
        self._identity = 0
        self.look_at_clock()

    def look_at_clock(self) -> None:
        """Ask anew how good the clock is: what answers say of it."""
        quality = clock_quality()
        self._estimate = pack_error_estimate(
            quality.error_ns, synchronised=quality.synchronised, ptp=self._spec.ptp
        )

    def answer(self) -> None:
        """Answer what has arrived."""
        for received in timestamping.receive(self._udp, LARGEST):
            self._answer(received)
            self._collect()
        self._collect()

    def _answer(self, received: Received) -> None:
        now = monotonic_ns()
        if not self._admission.admits(received.source[0], now):
            return
        request = self._base.read_request(received.payload)
        if request is None or (self._spec.strict and len(received.payload) < self._base.octets):
            return
        if self._twamp:
            request = request._replace(ssid=0, padded=True)
        session = None
        if self._spec.stateful:
            key = (received.source, request.ssid)
            session = self._sessions.at(key, request.sequence, now)
            session.received += 1
        sequence = session.sent % WORD if session else request.sequence
        reply, traffic_class = self._reply(received, request, session, sequence)
        try:
            timestamping.answer(self._udp, reply, received, traffic_class)
        except OSError:
            return  # no room or no way back: the sender sees a loss, which it is
        if session:
            session.sent += 1
        self._sent[self._identity] = request.ssid, request.sequence, session, sequence
        self._sent.pop(self._identity - MOST_UNSTAMPED, None)
        self._identity += 1

    def _reply(
        self,
        received: Received,
        request: Request,
        session: ReflectorSession | None,
        sequence: int,
    ) -> tuple[bytes, int]:
        """The answer, and the traffic class that it leaves with: that of the request, unless another is asked for."""
        payload = received.payload
        tail = payload[self._base.octets :]
        extra = Reflected(tail)
        if tail and not request.padded:
            extra = self._reflected(received, payload[:4], sequence, session)
        now = realtime_ns()
        base = self._base.reply(
            request,
            sequence=sequence,
            t2=wire_time(received.stamp_ns or now, self._estimate),
            t3=wire_time(now, self._estimate),
            ttl=max(received.ttl, 0),
        )
        whole = base + extra.tail
        if len(payload) < len(base):
            whole = whole[: max(self._shortest, len(payload))]
        came_in = max(received.traffic_class, 0) >> 2
        return whole, (came_in if extra.dscp is None else extra.dscp) << 2

    def _reflected(
        self, received: Received, asked: bytes, sequence: int, session: ReflectorSession | None
    ) -> Reflected:
        follow_up = None
        if session and session.departed_ns:
            left = wire_time(session.departed_ns, self._estimate)
            follow_up = session.departed_sequence, left
        arrival = Arrival(
            source=received.source[:2],
            destination=(received.destination or self._here[0], self._here[1]),
            traffic_class=max(received.traffic_class, 0),
            synchronised=bool(self._estimate & SYNCHRONISED),
            received=session.received if session else None,
            sent=session.sent + 1 if session else None,
            follow_up=follow_up,
        )
        base = self._base
        return reflect(
            received.payload[base.octets :],
            arrival,
            base.key,
            (asked, sequence.to_bytes(4, "big")),
            sealed=bool(base.key),
        )

    def _collect(self) -> None:
        for identity, point, stamp in timestamping.transmit_stamps(self._udp):
            if point == timestamping.SND and (sent := self._sent.pop(identity, None)):
                ssid, asked, session, sequence = sent
                self._departed.append((ssid, asked, stamp))
                if session:
                    session.departed(sequence, stamp)

    def departures(self) -> Samples | None:
        """When the answers left, since this was last asked: SSID, sequence and the kernel's T3."""
        if not self._departed:
            return None
        rows: NDArray[np.int64] = np.array(self._departed, dtype=np.int64)
        self._departed.clear()
        return departures_of(rows)


def departures_of(rows: NDArray[np.int64]) -> Samples:
    """Departures of answers as Samples, from rows of SSID, the sender's sequence and T3 in ns since 1970."""
    names = ("ssid", "sequence", "t3_ns")
    columns = {name: column(rows[:, at].copy()) for at, name in enumerate(names)}
    return Samples("departures", "", "", columns)


@contextmanager
def reflecting(udp: socket.socket, far_end: Reflector) -> Iterator[None]:
    """Have the running loop answer what comes to the socket."""
    loop = asyncio.get_running_loop()
    with closing(timestamping.watchable(udp)) as nested:
        loop.add_reader(nested.fileno(), far_end.answer)
        try:
            yield
        finally:
            loop.remove_reader(nested.fileno())


async def reflector(spec: ReflectorSpec) -> AsyncIterator[Samples | None]:
    """Reflect until cancelled. Yields None once it is bound, then the departures of its answers.

    Raises UnfitError where the port cannot be had, AskedWronglyError for a key that cannot be read.
    """
    with timestamping.stamped_udp_socket(timestamping.family_of(spec.address)) as udp:
        with listening_at("UDP", spec.address, spec.port):
            udp.bind((spec.address, spec.port))
        far_end = Reflector(udp, spec)
        with reflecting(udp, far_end):
            yield None
            while True:
                await asyncio.sleep(FLUSH_S)
                far_end.look_at_clock()
                rows = far_end.departures()
                if rows is not None:
                    yield rows
