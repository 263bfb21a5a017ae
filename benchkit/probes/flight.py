"""Packets that are sent on schedule and answered, whatever their protocol: one row for each that was due.

The kernel stamps each packet as it leaves and each answer as it arrives; what a far end stamps itself comes
with the answer, where the protocol has room for it.
"""

from __future__ import annotations

import asyncio
import socket
from bisect import bisect_right
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol

from benchkit.clock import NS_PER_MS, monotonic_ns
from benchkit.errors import MeasureError
from benchkit.linux import timestamping
from benchkit.model.samples import HARDWARE_COLUMNS, Samples
from benchkit.probes.flight_rows import Answer, Kept, Rows, Session
from benchkit.probes.near_clock import NearClock
from benchkit.probes.own_drops import OwnDrops
from benchkit.probes.pacer import Pacer
from benchkit.probes.precise import PrecisePacer
from benchkit.probes.schedule import due_times

BATCH_S = 0.25
SOON_NS = 20 * NS_PER_MS
LEFT_CARD, REACHED_CARD = HARDWARE_COLUMNS
POINTS = {timestamping.SND: "t1_ns", timestamping.SCHED: "t1_sched_ns"}


class Codec(Protocol):
    """A protocol's packets.

    `far_columns` name what an answer tells of the far end. In those that end in "_ns" 0 is a stamp that it
    does not have. `kept` is what it keeps of each packet until that is settled.
    """

    far_columns: tuple[str, ...]
    kept: Kept

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
    """The packets of one session on their way."""

    def __init__(self, spec: Session, codec: Codec, udp: socket.socket, carrier: Carrier) -> None:
        start = max(spec.start_ns, monotonic_ns() + SOON_NS)
        due = due_times(start, spec.interval_ns, spec.count, spec.schedule)
        self._in_hardware = timestamping.are_in_hardware(udp)
        hardware, kept = self._in_hardware, codec.kept
        self.rows = Rows(spec, due, codec.far_columns, hardware=hardware, kept=kept)
        self._times = self.rows.times
        self._due: memoryview[int] = memoryview(due)  # type: ignore[arg-type]  # NumPy's arrays are buffers
        self._latest_ns = spec.timeout_ns
        self._codec = codec
        self._udp = udp
        self._carrier = carrier
        self._clock = NearClock()
        # Transmit identities count what the kernel took: before which of them a packet was refused, or never sent.
        self._taken = 0
        self._refused: list[int] = []

    def send(self, index: int) -> None:
        """Send packet `index` and collect the stamps that are there already.

        One that nobody waits for any more stays unsent: after a standstill of this machine all that was due would leave
        at once, and wait behind one another on the path.
        """
        now = monotonic_ns()  # before all else: what is done first makes every packet late
        if now - self._due[index] > self._latest_ns:
            self._refused.append(self._taken)
            return
        request = self._codec.pack(index)
        # An ICMP error to an earlier packet is told here, and this one was not sent. A second refusal is
        # this packet's own: it is lost, as its missing answer will say, and the kernel did not count it.
        if self._leaves(request) or self._leaves(request):
            self._taken += 1
        else:
            self._refused.append(self._taken)
        self._times["sent_ns"][index] = now
        self._clock.look()
        self.collect_stamps()

    def _leaves(self, request: bytes) -> bool:
        try:
            self._udp.send(request)
        except OSError:
            return False
        return True

    def collect_stamps(self) -> None:
        """Take transmit stamps off the error queue."""
        for identity, point, stamp, hardware in self._carrier.transmit_stamps(self._udp):
            name = POINTS.get(point)
            if name is not None and identity < self._taken:
                index = identity + bisect_right(self._refused, identity)
                if stamp and not self._times[name][index]:  # what TCP sends again is stamped again
                    self._times[name][index] = self._steady(index, stamp)
                if hardware and self._in_hardware:  # another clock, which nobody here may put right
                    self._times[LEFT_CARD][index] = hardware

    def _steady(self, index: int, stamp_ns: int) -> int:
        """A stamp of our own kernel as if its clock had not been stepped since the session began."""
        return self._clock.steady(stamp_ns, int(self._times["sent_ns"][index]))

    def collect(self) -> None:
        """Take answers, and stamps that came late."""
        came = [(each, monotonic_ns()) for each in self._carrier.receive(self._udp)]
        self.collect_stamps()
        for received, now in came:
            answer = self._codec.read(received)
            if answer is not None and 0 <= answer.number < self.rows.spec.count:
                t4_ns = self._steady(answer.number, received.stamp_ns)
                if self._in_hardware and not self._times["received_ns"][answer.number]:
                    self._times[REACHED_CARD][answer.number] = received.hardware_ns
                self.rows.note(answer, t4_ns, now)


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
    flight, drops = _Flight(spec, codec, udp, carrier), OwnDrops(udp)
    with _precise(flight, udp) if spec.schedule.pacing == "precise" else _timed(flight, udp):
        while not flight.rows.finished:
            await asyncio.sleep(BATCH_S)
            if spec.schedule.pacing != "precise":  # whose thread does nothing else
                flight.collect()  # before what lies there is given up: this process may have stood still
            rows = flight.rows.settle()
            if rows is not None:
                yield rows
    dropped = drops.untold()
    if dropped is not None:
        yield dropped
    if not flight.rows.answered:
        raise MeasureError(unanswered)


@contextmanager
def _timed(flight: _Flight, udp: socket.socket) -> Iterator[None]:
    """Sent by a timer of the loop, which takes in the answers too."""
    loop = asyncio.get_running_loop()

    def collect() -> None:
        try:
            flight.collect()
        except MeasureError:
            # `fly` meets it too when it next looks; here it would come as often as the loop turns.
            loop.remove_reader(nested.fileno())

    with ExitStack() as stack:
        nested = stack.enter_context(timestamping.watchable(udp))
        loop.add_reader(nested.fileno(), collect)
        stack.callback(loop.remove_reader, nested.fileno())
        stack.enter_context(Pacer(flight.rows.due, flight.send))
        yield


@contextmanager
def _precise(flight: _Flight, udp: socket.socket) -> Iterator[None]:
    """Sent and received by a thread of its own."""
    with PrecisePacer(flight.rows.due, flight.send, udp.fileno(), flight.collect):
        yield
