"""The STAMP reflector: answers at once, stamps by the kernel, and tells when each answer left."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from functools import cached_property

import numpy as np

from benchkit.clock import monotonic_ns, realtime_ns
from benchkit.linux import datagrams, timestamping
from benchkit.linux.address import WILDCARDS, family_of
from benchkit.linux.clock_quality import clock_quality
from benchkit.linux.key_file import read_key
from benchkit.linux.refusals import Refusals
from benchkit.linux.stamped_batches import (
    STAMPS_AT_ONCE,
    Arrivals,
    Inbox,
    StampQueue,
    source_of,
)
from benchkit.linux.timestamping import Received
from benchkit.model.responder_spec import ReflectorSpec
from benchkit.model.samples import Samples
from benchkit.probes.admission import Admission
from benchkit.probes.own_drops import OwnDrops
from benchkit.probes.reachable import listening_at
from benchkit.probes.reflector_departures import ReflectorDepartures
from benchkit.probes.reflector_sessions import ReflectorSession, ReflectorSessions
from benchkit.probes.stamp_answering import BatchedAnswers
from benchkit.probes.stamp_packet import TTL_AT, Base, Request
from benchkit.probes.stamp_reflecting import Arrival, Reflected, reflect
from benchkit.probes.stamp_time import SYNCHRONISED, Integers, pack_error_estimate, wire_time

NO_WAY_BACK = "an answer that found no way back"
FLUSH_S = 0.05
# So many in a row, and the next are taken in together; so many times, and the loop goes on.
FEW_PACKETS, MOST_BATCHES = 8, 16
MANY, GATHER_S = 64, 200e-6
LARGEST = 1 << 16
# Rows that begin at the same place in a page each share a few lines of the processor's cache.
APART = 600
WORD = 1 << 32


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
        if self._here[0] in WILDCARDS:
            timestamping.tell_destinations(udp)
        self._departures = ReflectorDepartures()
        self._refusals = Refusals()
        with_key = "STAMP without the right key" if spec.key_file else "no STAMP"
        self._why_refused = f"{with_key}, at UDP port {spec.port}"
        self._many = False
        self.look_at_clock()

    # Room for many, taken where many come.
    @cached_property
    def _stamps(self) -> StampQueue:
        return StampQueue(self._udp)

    @cached_property
    def _batches(self) -> BatchedAnswers:
        return BatchedAnswers(self._udp, self._inbox.messages.rows)

    @cached_property
    def _inbox(self) -> Inbox:
        return Inbox(self._udp, LARGEST + APART, named=True)

    def look_at_clock(self) -> None:
        """Ask anew how good the clock is: what answers say of it."""
        quality = clock_quality()
        self._estimate = pack_error_estimate(
            quality.error_ns, synchronised=quality.synchronised, ptp=self._spec.ptp
        )

    def answer(self) -> None:
        """Answer what has arrived: one by one, and where much has, many at once."""
        for _ in range(MOST_BATCHES):
            if not (self._answer_many() if self._many else self._answer_few()):
                break

    def _answer_few(self) -> bool:
        """Whether there is more than a few."""
        for number, received in enumerate(timestamping.receive(self._udp, LARGEST), 1):
            self._answer(received)
            self._collect()
            if number == FEW_PACKETS:
                self._many = True
                return True
        self._collect()
        return False

    def _answer_many(self) -> bool:
        """Whether many still come. Where few have, more are given time to: each call costs as much as some packets do."""
        came = self._inbox.take()
        got = len(came) if came else 0
        self._many = got >= FEW_PACKETS
        if came is None:
            return False
        for at in self._batches.alike(came):
            if not self._answer_alike(came, at):
                for each in at.tolist():
                    self._answer(came.one(each, self._udp.family))
        self._collect_many()
        if FEW_PACKETS <= got < MANY:
            time.sleep(GATHER_S)
        return self._many

    def _answer(self, received: Received) -> None:
        now, source = monotonic_ns(), received.source[0]
        if why := self._admission.objection(source, now):
            self._refusals.add(source, f"STAMP {why}")
            return
        request = self._base.read_request(received.payload)
        if request is None or (self._spec.strict and len(received.payload) < self._base.octets):
            self._refusals.add(source, self._why_refused)
            return
        if self._twamp:
            request = request._replace(ssid=0, padded=True)
        session = None
        if self._spec.stateful:
            key = received.source[0], (received.source, request.ssid)
            session = self._sessions.at(key, request.sequence, now)
        if session:
            session.received += 1
        sequence = session.sent % WORD if session else request.sequence
        reply, traffic_class = self._reply(received, request, session, sequence)
        try:
            timestamping.answer(self._udp, reply, received, traffic_class)
        except OSError:  # no way, or no room: the sender sees a loss, which it is
            self._refusals.add(source, NO_WAY_BACK)
            return
        if session:
            session.sent += 1
        self._departures.note(request.ssid, request.sequence, session, sequence)

    def _answer_alike(self, came: Arrivals, at: Integers) -> bool:
        """Answer requests of one session all at once, where nothing about them needs a closer look; whether it was done."""
        if self._twamp or self._base.key or self._spec.ptp or len(at) < FEW_PACKETS:
            return False
        if not self._batches.can_answer(came, at):
            return False
        now, source = monotonic_ns(), source_of(came.names[at[0]].tobytes())
        if not self._admission.is_open:
            at = self._admitted(at, source[0], now)
        if not len(at):
            return True
        ssid, asked = self._batches.asked(came, at)
        session, sequences = None, asked
        if self._spec.stateful:
            session = self._sessions.at((source[0], (source, ssid)), int(asked[0]), now)
        if session:
            session.received += len(at)
            sequences = (session.sent + np.arange(len(at))) % WORD
        sent = self._batches.answer(came, at, sequences, session, self._estimate)
        if len(sent) < len(at):
            self._refusals.add(source[0], NO_WAY_BACK, len(at) - len(sent))
        if session:
            session.sent += len(sent)
        self._departures.note_many(ssid, asked[sent], session, sequences[sent])
        return True

    def _admitted(self, at: Integers, source: str, now_ns: int) -> Integers:
        """Those of some requests of one source that are to be answered."""
        objections = [self._admission.objection(source, now_ns) for _ in at]
        turned_away = [why for why in objections if why]
        if turned_away:
            self._refusals.add(source, f"STAMP {turned_away[0]}", len(turned_away))
        return at[[not why for why in objections]]

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
        for identity, point, stamp, _ in timestamping.transmit_stamps(self._udp):
            if point == timestamping.SND:
                self._departures.left(identity, stamp)

    def _collect_many(self) -> None:
        while True:
            identities, points, stamps = self._stamps.take()
            sent = points == timestamping.SND
            self._departures.left_many(identities[sent], stamps[sent])
            if len(identities) < STAMPS_AT_ONCE:
                return

    def close(self) -> None:
        """Tell of those who were refused and not yet told of."""
        self._refusals.tell_rest()

    def departures(self) -> Samples | None:
        """When the answers left, since this was last asked: SSID, sequence and the kernel's T3."""
        return self._departures.untold()


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
            far_end.close()


async def reflector(spec: ReflectorSpec) -> AsyncIterator[Samples | None]:
    """Reflect until cancelled. Yields None once it is bound, then the departures of its answers.

    Raises UnfitError where the port cannot be had, AskedWronglyError for a key that cannot be read.
    """
    family = family_of(spec.address)
    with timestamping.stamped_udp_socket(family, scheduled=False) as udp:
        datagrams.prepare(udp)
        with listening_at("UDP", spec.address, spec.port):
            udp.bind((spec.address, spec.port))
        far_end, drops = Reflector(udp, spec), OwnDrops(udp)
        with reflecting(udp, far_end):
            yield None
            while True:
                await asyncio.sleep(FLUSH_S)
                far_end.look_at_clock()
                for rows in (far_end.departures(), drops.untold()):
                    if rows is not None:
                        yield rows
