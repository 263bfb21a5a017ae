"""The userspace line of a mesh: one device a site, and a lane for each way between two of them.

A wire for each path is exact for a few; thousands would take minutes to build. Here a frame finds its lane by the IPv4
addresses in it, so 47 sites need 47 devices for their 2162 ways.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from multiprocessing.connection import Connection

from benchkit.clock import NS_PER_S, NS_PER_US, monotonic_ns, realtime_offset_ns
from benchkit.emulators.lane import Lane
from benchkit.emulators.line import BATCH, BIN_NS, BINS, OLDEST_NS, Line, serve
from benchkit.linux.packet_ring import OFFLOAD_HEADER, OFFLOAD_KIND, PacketRing, frame_of
from benchkit.linux.timerfd import TimerFd
from benchkit.model.place import PathModel

# In a frame of a ring: after the offload header and Ethernet's, the source and destination of IPv4.
ADDRESSES = slice(OFFLOAD_HEADER + 14 + 12, OFFLOAD_HEADER + 14 + 20)
# From so many frames in a window on (10,000 a second) waking for each costs more than carrying it: the switch then looks
# up at a steady pace, and releases what is due until the middle of the next pause. A frame is early or late by half of
# that, as often one as the other, which moves no median; tolerances are three times the whole. Shorter than half of the
# shortest delay, or a frame would be due before it was seen.
DENSE = 200
PAUSE_NS = 80 * NS_PER_US


@dataclass(frozen=True)
class SitePort:
    """One site's device in the hub, its address as 4 octets, and its ring's dimensions."""

    device: str
    address: bytes
    largest_frame: int
    slots: int


@dataclass(frozen=True)
class Way:
    """A path of the mesh by the places of its two ports; `index` is what its seeds are made of."""

    index: int
    near: int
    far: int


class Switch(Line):
    """Rings a site, lanes a way."""

    # A mesh's probes want the cores, and with thousands of frames a second there is little to wait for.
    spin_share = 0.1

    def __init__(
        self,
        ports: Sequence[SitePort],
        ways: Sequence[Way],
        models: Sequence[PathModel],
        seed: int,
    ) -> None:
        """Open every ring. Must run inside the hub namespace."""
        super().__init__((), (), seed)
        self._pause_ns, self._least_ns, self._has_more = 0, _least_ns(models), False
        self._rings = [
            PacketRing(port.device, largest=port.largest_frame, slots=port.slots) for port in ports
        ]
        self._by_descriptor = {ring.fileno(): index for index, ring in enumerate(self._rings)}
        self._ways = ways
        self._lane_of: dict[bytes, int] = {}
        for way, model in zip(ways, models, strict=True):
            near, far = ports[way.near], ports[way.far]
            there, back = near.address + far.address, far.address + near.address
            # The way back of one path is the way there of its twin, and is one lane.
            for key, exit_, direction, side in (
                (there, way.far, model.forward, 0),
                (back, way.near, model.backward, 1),
            ):
                if key not in self._lane_of:
                    self._lane_of[key] = len(self._lanes)
                    lane_seed = seed * 100_000 + 2 * way.index + side
                    self._lanes.append(Lane(direction, model, seed=lane_seed))
                    self._exits.append(self._rings[exit_])
        self._sends = [ring.send for ring in self._exits]
        self._keys = [
            (ports[way.near].address + ports[way.far].address,
             ports[way.far].address + ports[way.near].address)
            for way in ways
        ]  # fmt: skip

    def change(self, models: Sequence[PathModel]) -> None:
        """Take new models, in the order of the ways; a lane that two paths share takes the first's."""
        now, changed = monotonic_ns(), set()
        self._least_ns, self._pause_ns = _least_ns(models), 0
        for (there, back), model in zip(self._keys, models, strict=True):
            for key, direction in ((there, model.forward), (back, model.backward)):
                lane = self._lane_of[key]
                if lane not in changed:
                    self._lanes[lane].change(direction, model, now)
                    changed.add(lane)

    def _adapt(self, now: int) -> None:
        """Go by the clock alone while frames are dense, if no lane is too short for that."""
        dense = self._released >= DENSE
        self._pause_ns = min(PAUSE_NS, self._least_ns // 2) if dense else 0
        super()._adapt(now)

    def _awaited(self, poller: select.epoll, timer: TimerFd, now: int) -> list[tuple[int, int]]:
        """Rest for a pause where frames are dense, then see what has come: the kernel has noted when."""
        if not self._pause_ns:
            return super()._awaited(poller, timer, now)
        if not self._has_more:
            time.sleep(self._pause_ns / NS_PER_S)
        self._has_more = False
        return poller.poll(0)

    def _admit(self, index: int) -> None:
        lane_of, lanes, waiting = self._lane_of, self._lanes, self._waiting
        offset, now = realtime_offset_ns(), monotonic_ns()
        taken = 0
        for data, stamp_ns, octets in self._rings[index].raw(BATCH):
            taken += 1
            at = lane_of.get(data[ADDRESSES])
            if at is None:  # nobody's way: a broadcast, or an address that is no site's
                continue
            arrival = stamp_ns - offset
            if not now - OLDEST_NS < arrival <= now:
                now = monotonic_ns()
                arrival = arrival if now - OLDEST_NS < arrival <= now else now
            lane = lanes[at]
            if not data[OFFLOAD_KIND] and lane.is_plain:
                due = lane.due_of_one(arrival, octets)
                if due:
                    self._order += 1
                    heappush(waiting, (due, self._order, at, data))
                continue
            frame = frame_of(data, stamp_ns, octets)
            for piece in lane.pieces(arrival, octets, frame.segments, frame.header):
                self._keep(at, frame, piece)
        self._has_more |= taken == BATCH

    def _release(self) -> None:
        """As a line does; where it goes by the clock, what is due until the middle of the next pause."""
        waiting, sends, lateness = self._waiting, self._sends, self._lateness
        early = self._pause_ns // 2
        now = monotonic_ns()
        while waiting and waiting[0][0] <= now + early:
            due, _, at, data = heappop(waiting)
            self._released += 1
            try:
                sends[at](data)
            except OSError:
                self._refused += 1
            late = (now - due) // BIN_NS if now > due else 0
            lateness[late if late < BINS else -1] += 1
            now = monotonic_ns()


def _least_ns(models: Iterable[PathModel]) -> int:
    """The shortest delay that is asked for."""
    ways = (way for model in models for way in (model.forward, model.backward))
    return min((min(way.trace.delay_ns) if way.trace else way.delay_ns for way in ways), default=0)


def serve_switch(
    control: Connection,
    ports: Sequence[SitePort],
    ways: Sequence[Way],
    models: Sequence[PathModel],
    seed: int,
) -> None:
    """Be the switch's process: the function that the emulator starts inside the hub namespace."""
    serve(control, lambda: Switch(ports, ways, models, seed))
