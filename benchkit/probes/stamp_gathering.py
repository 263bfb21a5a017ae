"""A STAMP reflector for meshes: it lets requests gather for some milliseconds and answers them in one call.

The kernel has stamped their arrivals and stamps the departures, so a round trip is as exact as from one that answers at
once; it only takes longer until it is known. Unauthenticated packets without extensions, over IPv4.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import numpy as np

from benchkit.clock import monotonic_ns, realtime_ns
from benchkit.linux import quiet, timestamping
from benchkit.linux.clock_quality import clock_quality
from benchkit.linux.gathered import (
    Datagrams,
    ErrorQueue,
    Numbers,
    Taken,
    Volley,
    prepare,
)
from benchkit.linux.timerfd import TimerFd
from benchkit.model.responder_spec import ReflectorSpec
from benchkit.model.samples import Samples
from benchkit.model.stamp_options import BASE_OCTETS
from benchkit.probes.own_drops import OwnDrops
from benchkit.probes.reachable import listening_at
from benchkit.probes.reflector_departures import departures_of
from benchkit.probes.reflector_sessions import ReflectorSessions
from benchkit.probes.stamp_columns import REPLY, REQUEST, to_ntp_columns
from benchkit.probes.stamp_time import pack_error_estimate, to_ntp

AT_ONCE, STAMPED = 1024, 8192
FLUSH_S = 1.0
PRIORITY = 5  # as a fan's, and for the same reason
# Answers whose departure is not known yet, by transmit identity.
REMEMBERED = 1 << 16
WORD = 1 << 32


class GatheringReflector:
    """One bound socket, and what has been answered on it."""

    def __init__(self, udp: socket.socket, spec: ReflectorSpec) -> None:
        """Answer on it, when `answer` is called."""
        self._spec = spec
        self._requests = Datagrams(udp, AT_ONCE, BASE_OCTETS)
        self._stamps = ErrorQueue(udp, STAMPED)
        self._packets = np.zeros((AT_ONCE, BASE_OCTETS), np.uint8)
        self._names = np.zeros((AT_ONCE, 16), np.uint8)
        self._replies = self._packets.view(REPLY).reshape(-1)
        self._volley = Volley(udp, self._packets, self._names)
        self._sessions = ReflectorSessions()
        self._asked = np.zeros((REMEMBERED, 2), np.int64)  # SSID and the sender's sequence
        self._identity = 0
        self._departed: list[Numbers] = []
        self.look_at_clock()

    def look_at_clock(self) -> None:
        """Ask anew how good the clock is: what answers say of it."""
        quality = clock_quality()
        self._estimate = pack_error_estimate(quality.error_ns, synchronised=quality.synchronised)

    def answer(self) -> int:
        """Answer what has gathered; how many requests that were."""
        got = self._requests.fill()
        if got:
            self._answer(self._requests.take())
        self._stamps.fill()
        if self._stamps.is_half_full:
            self._read_stamps()
        return got

    def _answer(self, came: Taken) -> None:
        whole = came.lengths == BASE_OCTETS
        # TLVs and TWAMP's padding are not understood here.
        whole &= ~came.payloads[:, 16:].any(axis=1)
        requests = came.payloads[whole]
        count = len(requests)
        if not count:
            return
        fields = requests.view(REQUEST).reshape(-1)
        names, replies = came.names[whole], self._replies[:count]
        ssids, asked = fields["ssid"].astype(np.int64), fields["sequence"].astype(np.int64)
        self._names[:count] = names
        self._packets[:count, 24:38] = requests[:, :14]  # the sender's sequence, time, estimate
        replies["ssid"] = fields["ssid"]
        replies["error_estimate"] = self._estimate
        replies["ttl"] = np.maximum(came.ttls, 0)
        now = realtime_ns()
        replies["t2"] = to_ntp_columns(np.where(came.stamps_ns > 0, came.stamps_ns, now))
        high, low = to_ntp(now)
        replies["t3"] = high << 32 | low
        replies["sequence"] = self._counted(names, ssids, asked)
        gone = self._volley.send(0, count)
        places = (self._identity + np.arange(len(gone))) % REMEMBERED
        self._asked[places, 0], self._asked[places, 1] = ssids[gone], asked[gone]
        self._identity += len(gone)

    def _counted(self, names: np.ndarray, ssids: Numbers, asked: Numbers) -> list[int]:
        """The answers' own sequence numbers: a count in each session, or the senders' numbers."""
        if not self._spec.stateful:
            return [int(number) for number in asked.tolist()]
        now, found = monotonic_ns(), []
        senders = np.ascontiguousarray(names[:, :8]).view(np.int64).reshape(-1)
        for sender, ssid, number in zip(
            senders.tolist(), ssids.tolist(), asked.tolist(), strict=True
        ):
            session = self._sessions.at((sender >> 32, (sender, ssid)), number, now)
            found.append(session.sent % WORD if session else number)
            if session:
                session.sent += 1
        return found

    def _read_stamps(self) -> None:
        came = self._stamps.take()
        left = came.points == timestamping.SND
        places = came.identities[left] % REMEMBERED
        if len(places):
            self._departed.append(np.column_stack((self._asked[places], came.stamps_ns[left])))

    def departures(self) -> Samples | None:
        """When the answers left, since this was last asked."""
        self._stamps.fill()
        self._read_stamps()
        if not self._departed:
            return None
        rows = np.concatenate(self._departed)
        self._departed.clear()
        return departures_of(rows)


@contextmanager
def gathering(udp: socket.socket, far_end: GatheringReflector, gather_ns: int) -> Iterator[None]:
    """Have the running loop answer what has gathered for so long since the first came; asleep where nothing comes."""
    loop = asyncio.get_running_loop()
    timer = TimerFd()
    nested = timestamping.watchable(udp)

    def came() -> None:
        loop.remove_reader(nested.fileno())
        timer.set(monotonic_ns() + gather_ns)

    def due() -> None:
        timer.clear()
        if far_end.answer():
            timer.set(monotonic_ns() + gather_ns)
        else:
            loop.add_reader(nested.fileno(), came)

    loop.add_reader(timer.fileno(), due)
    loop.add_reader(nested.fileno(), came)
    try:
        yield
    finally:
        loop.remove_reader(nested.fileno())
        loop.remove_reader(timer.fileno())
        nested.close()
        timer.close()


async def gathering_reflector(spec: ReflectorSpec) -> AsyncIterator[Samples | None]:
    """Reflect until cancelled. Yields None once it is bound, then the departures of its answers.

    Raises UnfitError where the port cannot be had.
    """
    # It answers dozens of sites, some of which wait for no more than a second.
    quiet.take_priority(PRIORITY)
    with timestamping.stamped_udp_socket() as udp:
        prepare(udp)
        timestamping.stamp(udp, scheduled=False)
        with listening_at("UDP", spec.address, spec.port):
            udp.bind((spec.address, spec.port))
        far_end, drops = GatheringReflector(udp, spec), OwnDrops(udp)
        with gathering(udp, far_end, spec.gather_ns):
            yield None
            ending: asyncio.CancelledError | None = None
            while ending is None:
                try:
                    await asyncio.sleep(FLUSH_S)
                except asyncio.CancelledError as error:  # what is known is told all the same
                    ending = error
                far_end.look_at_clock()
                for rows in (far_end.departures(), drops.untold()):
                    if rows is not None:
                        yield rows
            raise ending
