"""Round trips by STAMP: an open-loop sender and a stateless reflector, both with kernel stamps.

The round trip of the network alone is `(T4 - T1) - (T3 - T2)`: T1 and T3 are taken by the kernel when a
packet leaves a host, T2 and T4 when it arrives, so that neither end's scheduling is part of it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress

import numpy as np
from numpy.typing import NDArray

from benchkit.clock import NS_PER_MS, monotonic_ns, realtime_ns
from benchkit.errors import MeasureError
from benchkit.linux import timestamping
from benchkit.model.samples import DUPLICATES, RTT_COLUMNS, Samples, column
from benchkit.model.spec import ReflectorSpec, StampSpec
from benchkit.probes import stamp_packet
from benchkit.probes.pacer import Pacer
from benchkit.probes.schedule import periodic

BATCH_S = 0.25
SOON_NS = 20 * NS_PER_MS
REFLECTOR_FLUSH_S = 0.05
POINTS = {timestamping.SND: "t1_ns", timestamping.SCHED: "t1_sched_ns"}


class _Flight:
    """Every packet of one session, a row each; 0 is what has not happened."""

    def __init__(self, spec: StampSpec, udp: socket.socket) -> None:
        start = max(spec.start_ns, monotonic_ns() + SOON_NS)
        self.spec = spec
        self.due = periodic(start, spec.interval_ns, spec.count)
        self._udp = udp
        self._times = {name: np.zeros(spec.count, dtype=np.int64) for name in RTT_COLUMNS[2:]}
        self._duplicates = np.zeros(spec.count, dtype=np.int64)
        self._settled = 0
        self.answered = 0

    def send(self, index: int) -> None:
        """Send packet `index` and collect the stamps that are there already."""
        self._times["sent_ns"][index] = monotonic_ns()
        request = stamp_packet.pack_request(index, self.spec.ssid, realtime_ns())
        try:
            self._udp.send(request)
        except OSError:
            # An ICMP error to an earlier packet is told here, and this one was not sent. A second refusal
            # is this packet's own: it is lost, as its missing answer will say.
            with suppress(OSError):
                self._udp.send(request)
        self.collect_stamps()

    def collect_stamps(self) -> None:
        """Take transmit stamps off the error queue."""
        for identity, point, stamp in timestamping.transmit_stamps(self._udp):
            name = POINTS.get(point)
            if name is not None and identity < self.spec.count:
                self._times[name][identity] = stamp

    def collect(self) -> None:
        """Take answers, and stamps that came late."""
        for payload, _, stamp, _ in timestamping.receive(self._udp):
            now = monotonic_ns()
            reply = stamp_packet.read_reply(payload, realtime_ns())
            if reply is None or not self._is_ours(reply):
                continue
            index, times = reply.sender_sequence, self._times
            if times["received_ns"][index]:
                self._duplicates[index] += 1  # the first answer counts
                continue
            times["received_ns"][index] = now
            times["t4_ns"][index] = stamp
            times["t2_ns"][index], times["t3_ns"][index] = reply.t2_ns, reply.t3_ns
            self.answered += 1
        self.collect_stamps()

    def _is_ours(self, reply: stamp_packet.Reply) -> bool:
        # A reflector without RFC 8972 answers SSID 0.
        known = reply.ssid in {self.spec.ssid, 0}
        return known and 0 <= reply.sender_sequence < self.spec.count

    def settle(self) -> Samples | None:
        """The rows that can no longer change, since this was last asked: answered, or past the timeout."""
        first = self._settled
        received = self._times["received_ns"]
        hopeless = self.due <= monotonic_ns() - self.spec.timeout_ns
        undecided = np.flatnonzero(~(hopeless | (received > 0))[first:])
        last = first + int(undecided[0]) if len(undecided) else self.spec.count
        if last == first:
            return None
        self._settled = last
        return self._rows(slice(first, last))

    @property
    def finished(self) -> bool:
        """Whether every packet is settled."""
        return self._settled == self.spec.count

    def _rows(self, rows: slice) -> Samples:
        spec = self.spec
        too_late = self._times["received_ns"][rows] > self.due[rows] + spec.timeout_ns
        columns = {
            "sequence": column(np.arange(rows.start, rows.stop)),
            "due_ns": column(self.due[rows]),
        }
        for name, values in self._times.items():
            absent = values[rows] == 0
            if name in {"received_ns", "t2_ns", "t3_ns", "t4_ns"}:
                absent = absent | too_late
            columns[name] = column(values[rows].copy(), absent)
        columns[DUPLICATES] = column(self._duplicates[rows].copy())
        return Samples("rtt", spec.path, spec.phase, columns)


async def stamp(spec: StampSpec) -> AsyncIterator[Samples]:
    """Send `spec.count` packets on schedule and yield their rows as they settle.

    Raises MeasureError when not one was answered.
    """
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        udp = stack.enter_context(timestamping.stamped_udp_socket())
        udp.connect((spec.address, spec.port))
        flight = _Flight(spec, udp)
        nested = stack.enter_context(timestamping.watchable(udp))
        loop.add_reader(nested.fileno(), flight.collect)
        stack.callback(loop.remove_reader, nested.fileno())
        stack.enter_context(Pacer(flight.due, flight.send))
        while not flight.finished:
            await asyncio.sleep(BATCH_S)
            rows = flight.settle()
            if rows is not None:
                yield rows
    if not flight.answered:
        raise MeasureError(
            f"{spec.path}: none of {spec.count} packets to {spec.address} UDP port {spec.port} was "
            "answered: is a STAMP reflector running there, and may UDP pass?"
        )


class _Reflector:
    """The far end: answers at once, and remembers when the kernel sent each answer."""

    def __init__(self, udp: socket.socket) -> None:
        self._udp = udp
        self._sent: list[tuple[int, int]] = []  # by transmit identity: ssid, sequence
        self._departed: list[tuple[int, int, int]] = []
        self._first_identity = 0

    def answer(self) -> None:
        """Answer what has arrived."""
        for payload, source, stamp, ttl in timestamping.receive(self._udp):
            request = stamp_packet.read_request(payload)
            if request is None:
                continue
            now = realtime_ns()
            reply = stamp_packet.pack_reply(
                request, payload, t2_ns=stamp or now, t3_ns=now, ttl=max(ttl, 0)
            )
            try:
                self._udp.sendto(reply, source)
            except OSError:
                continue  # no room or no way back: the sender sees a loss, which it is
            self._sent.append((request.ssid, request.sequence))
            self._collect()
        self._collect()

    def _collect(self) -> None:
        for identity, point, stamp in timestamping.transmit_stamps(self._udp):
            at = identity - self._first_identity
            if point == timestamping.SND and 0 <= at < len(self._sent):
                self._departed.append((*self._sent[at], stamp))

    def departures(self) -> Samples | None:
        """When the answers left, since this was last asked: ssid, sequence and the kernel's T3."""
        self._first_identity += len(self._sent)
        self._sent.clear()
        if not self._departed:
            return None
        rows: NDArray[np.int64] = np.array(self._departed, dtype=np.int64)
        self._departed.clear()
        names = ("ssid", "sequence", "t3_ns")
        columns = {name: column(rows[:, at].copy()) for at, name in enumerate(names)}
        return Samples("departures", "", "", columns)


async def reflector(spec: ReflectorSpec) -> AsyncIterator[Samples | None]:
    """Reflect until cancelled. Yields None once it is bound, then the departures of its answers."""
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        udp = stack.enter_context(timestamping.stamped_udp_socket())
        udp.bind((spec.address, spec.port))
        far_end = _Reflector(udp)
        nested = stack.enter_context(timestamping.watchable(udp))
        loop.add_reader(nested.fileno(), far_end.answer)
        stack.callback(loop.remove_reader, nested.fileno())
        yield None
        while True:
            await asyncio.sleep(REFLECTOR_FLUSH_S)
            rows = far_end.departures()
            if rows is not None:
                yield rows
