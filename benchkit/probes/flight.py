"""Packets that are sent on schedule and answered, whatever their protocol: one row for each that was due.

The kernel stamps each packet as it leaves and each answer as it arrives; what a far end stamps itself comes
with the answer, where the protocol has room for it.
"""

from __future__ import annotations

import asyncio
import socket
from array import array
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple, Protocol

import numpy as np

from benchkit.clock import NS_PER_MS, NS_PER_S, monotonic_ns
from benchkit.errors import MeasureError
from benchkit.linux import timestamping
from benchkit.model.samples import DUPLICATES, FAR_COPIES, FAR_SEQUENCE, Samples, column
from benchkit.model.schedule import Schedule
from benchkit.probes.near_clock import NearClock
from benchkit.probes.pacer import Pacer
from benchkit.probes.precise import PrecisePacer
from benchkit.probes.schedule import due_times

BATCH_S = 0.25
# Where packets are few, so many rows or what a second brings come at once: a thousand slow sessions may share a process.
FEW_ROWS, FEW_ROWS_NS = 10, NS_PER_S
SOON_NS = 20 * NS_PER_MS
# A network card may tell when a packet left only after its answer has come.
STAMP_GRACE_NS = 50 * NS_PER_MS
POINTS = {timestamping.SND: "t1_ns", timestamping.SCHED: "t1_sched_ns"}
ARRIVALS = ("received_ns", "t4_ns")
# What every row has whatever the protocol: those of the far end come with the codec.
NEAR_COLUMNS = ("sent_ns", "received_ns", "t1_sched_ns", "t1_ns", "t4_ns")


class Session(Protocol):
    """When the packets of a session are due, and how long each may take. Times in nanoseconds."""

    @property
    def path(self) -> str:
        """Which path its rows belong to."""

    @property
    def phase(self) -> str:
        """Which phase its rows belong to."""

    @property
    def count(self) -> int:
        """How many packets."""

    @property
    def interval_ns(self) -> int:
        """How far apart they are due."""

    @property
    def timeout_ns(self) -> int:
        """How long after it was due an answer counts."""

    @property
    def start_ns(self) -> int:
        """When the first is due, on CLOCK_MONOTONIC; 0 is as soon as ready."""

    @property
    def schedule(self) -> Schedule:
        """How the packets are spread, and how exactly they are sent."""


class Answer(NamedTuple):
    """Which packet is answered, and what the far end says, in the order of the codec's `far_columns`."""

    number: int
    far: tuple[int, ...] = ()


class Codec(Protocol):
    """A protocol's packets.

    `far_columns` name what an answer tells of the far end. In those that end in "_ns" 0 is a stamp that it
    does not have.
    """

    far_columns: tuple[str, ...]

    def pack(self, index: int) -> bytes:
        """The packet of that number."""

    def read(self, received: timestamping.Received) -> Answer | None:
        """What was answered, or None where this is no answer to us."""


class Carrier(Protocol):
    """How packets are taken off a socket, with the kernel's stamps."""

    def receive(self, udp: socket.socket, /) -> Iterator[timestamping.Received]:
        """Everything that has arrived."""

    def transmit_stamps(self, udp: socket.socket, /) -> Iterator[timestamping.Sent]:
        """Every transmit stamp that has come back."""


class _Flight:
    """Every packet of one session, a row each; 0 is what has not happened."""

    def __init__(self, spec: Session, codec: Codec, udp: socket.socket, carrier: Carrier) -> None:
        start = max(spec.start_ns, monotonic_ns() + SOON_NS)
        self.spec = spec
        self._codec = codec
        self.due = due_times(start, spec.interval_ns, spec.count, spec.schedule)
        self._udp = udp
        self._carrier = carrier
        self._clock = NearClock()
        names = (*NEAR_COLUMNS, *codec.far_columns)
        self._times = {name: np.zeros(spec.count, dtype=np.int64) for name in names}
        self._duplicates, self._far_copies = np.zeros((2, spec.count), dtype=np.int64)
        self._left = array("q")  # by transmit identity: which packet that was
        self._copies: set[tuple[int, int]] = set()
        self._settled = 0
        self._told_ns = 0
        self.answered = 0

    def send(self, index: int) -> None:
        """Send packet `index` and collect the stamps that are there already."""
        self._clock.look()
        self._times["sent_ns"][index] = monotonic_ns()
        request = self._codec.pack(index)
        # An ICMP error to an earlier packet is told here, and this one was not sent. A second refusal is
        # this packet's own: it is lost, as its missing answer will say, and the kernel did not count it.
        if self._leaves(request) or self._leaves(request):
            self._left.append(index)
        self.collect_stamps()

    def _leaves(self, request: bytes) -> bool:
        try:
            self._udp.send(request)
        except OSError:
            return False
        return True

    def collect_stamps(self) -> None:
        """Take transmit stamps off the error queue."""
        for identity, point, stamp in self._carrier.transmit_stamps(self._udp):
            name = POINTS.get(point)
            if name is not None and identity < len(self._left):
                times, index = self._times[name], self._left[identity]
                if not times[index]:  # what TCP sends again is stamped again
                    times[index] = self._steady(index, stamp)

    def _steady(self, index: int, stamp_ns: int) -> int:
        """A stamp of our own kernel as if its clock had not been stepped since the session began."""
        return self._clock.steady(stamp_ns, int(self._times["sent_ns"][index]))

    def collect(self) -> None:
        """Take answers, and stamps that came late.

        An answer is marked as received last: what has been received is complete, whichever thread looks.
        """
        came = [(each, monotonic_ns()) for each in self._carrier.receive(self._udp)]
        self.collect_stamps()
        for received, now in came:
            answer = self._codec.read(received)
            if answer is None or not 0 <= answer.number < self.spec.count:
                continue
            index, times = answer.number, self._times
            if times["received_ns"][index]:
                self._copied(index, answer)
                continue
            times["t4_ns"][index] = self._steady(index, received.stamp_ns)
            for name, value in zip(self._codec.far_columns, answer.far, strict=True):
                times[name][index] = value
            times["received_ns"][index] = now
            self.answered += 1

    def _copied(self, index: int, answer: Answer) -> None:
        """A further answer to the same packet: the first counts."""
        self._duplicates[index] += 1
        told = dict(zip(self._codec.far_columns, answer.far, strict=True))
        copy = index, told.get(FAR_SEQUENCE, -1)
        if FAR_SEQUENCE not in told or copy in self._copies:
            return
        if copy[1] != self._times[FAR_SEQUENCE][index]:
            self._copies.add(copy)
            self._far_copies[index] += 1

    def settle(self) -> Samples | None:
        """The rows that can no longer change, since this was last asked: answered, or past the timeout."""
        first, now = self._settled, monotonic_ns()
        if self._may_wait(now):
            return None
        received, left = (self._times[name][first:] for name in ("received_ns", "t1_ns"))
        hopeless = self.due[first:] <= now - self.spec.timeout_ns
        whole = (received > 0) & ((left > 0) | (received < now - STAMP_GRACE_NS))
        undecided = np.flatnonzero(~(hopeless | whole))
        last = first + int(undecided[0]) if len(undecided) else self.spec.count
        if last == first:
            return None
        self._settled, self._told_ns = last, now
        return self._rows(slice(first, last))

    def _may_wait(self, now_ns: int) -> bool:
        """Whether a few more rows would do no harm: the last are never kept back."""
        enough = self._settled + FEW_ROWS
        if enough >= self.spec.count or now_ns - self._told_ns >= FEW_ROWS_NS:
            return False
        return bool(self.due[enough] > now_ns)

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
        missing = too_late | (self._times["received_ns"][rows] == 0)
        for name, values in self._times.items():
            came_back = name in ARRIVALS or name in self._codec.far_columns
            absent = missing if came_back else np.zeros(len(missing), dtype=np.bool_)
            if name.endswith("_ns"):
                absent = absent | (values[rows] == 0)
            columns[name] = column(values[rows].copy(), absent)
        columns[DUPLICATES] = column(self._duplicates[rows].copy())
        if FAR_SEQUENCE in columns:
            columns[FAR_COPIES] = column(self._far_copies[rows].copy())
        return Samples("rtt", spec.path, spec.phase, columns)


async def fly(
    spec: Session,
    codec: Codec,
    udp: socket.socket,
    unanswered: str,
    carrier: Carrier = timestamping,
) -> AsyncIterator[Samples]:
    """Send every packet on schedule over a connected socket and yield their rows as they settle.

    Raises MeasureError with the words `unanswered` when not one was answered.
    """
    flight = _Flight(spec, codec, udp, carrier)
    with _precise(flight, udp) if spec.schedule.pacing == "precise" else _timed(flight, udp):
        while not flight.finished:
            await asyncio.sleep(BATCH_S)
            rows = flight.settle()
            if rows is not None:
                yield rows
    if not flight.answered:
        raise MeasureError(unanswered)


@contextmanager
def _timed(flight: _Flight, udp: socket.socket) -> Iterator[None]:
    """Sent by a timer of the loop, which takes in the answers too."""
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        nested = stack.enter_context(timestamping.watchable(udp))
        loop.add_reader(nested.fileno(), flight.collect)
        stack.callback(loop.remove_reader, nested.fileno())
        stack.enter_context(Pacer(flight.due, flight.send))
        yield


@contextmanager
def _precise(flight: _Flight, udp: socket.socket) -> Iterator[None]:
    """Sent and received by a thread of its own."""
    with PrecisePacer(flight.due, flight.send, udp.fileno(), flight.collect):
        yield
