"""The userspace line of a mesh: one device a site, and a lane for each way between two of them.

A wire for each path is exact for a few; thousands would take minutes to build. Here a frame finds its lane by the IPv4
addresses in it, so 47 sites need 47 devices for their 2162 ways.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

from benchkit.clock import monotonic_ns, realtime_offset_ns
from benchkit.emulators.lane import Lane
from benchkit.emulators.line import BATCH, OLDEST_NS, Line, said_ready
from benchkit.linux import quiet
from benchkit.linux.packet_ring import OFFLOAD_HEADER, PacketRing
from benchkit.model.place import PathModel

# In a frame of a ring: after the offload header and Ethernet's, the source and destination of IPv4.
ADDRESSES = slice(OFFLOAD_HEADER + 14 + 12, OFFLOAD_HEADER + 14 + 20)


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
        self._keys = [
            (ports[way.near].address + ports[way.far].address,
             ports[way.far].address + ports[way.near].address)
            for way in ways
        ]  # fmt: skip

    def change(self, models: Sequence[PathModel]) -> None:
        """Take new models, in the order of the ways; a lane that two paths share takes the first's."""
        now, changed = monotonic_ns(), set()
        for (there, back), model in zip(self._keys, models, strict=True):
            for key, direction in ((there, model.forward), (back, model.backward)):
                lane = self._lane_of[key]
                if lane not in changed:
                    self._lanes[lane].change(direction, model, now)
                    changed.add(lane)

    def _admit(self, index: int) -> None:
        lane_of, lanes, waiting = self._lane_of, self._lanes, self._waiting
        offset = realtime_offset_ns()
        for frame in self._rings[index].frames(BATCH):
            at = lane_of.get(frame.data[ADDRESSES])
            if at is None:  # nobody's way: a broadcast, or an address that is no site's
                continue
            now = monotonic_ns()
            arrival = frame.stamp_ns - offset
            if not now - OLDEST_NS < arrival <= now:
                arrival = now
            lane = lanes[at]
            if frame.segments == 1 and lane.is_plain:
                due = lane.due_of_one(arrival, frame.octets)
                if due:
                    self._order += 1
                    heapq.heappush(waiting, (due, self._order, at, frame.data))
                continue
            for piece in lane.pieces(arrival, frame.octets, frame.segments, frame.header):
                self._keep(at, frame, piece)


def serve_switch(
    control: Connection,
    ports: Sequence[SitePort],
    ways: Sequence[Way],
    models: Sequence[PathModel],
    seed: int,
) -> None:
    """Be the switch's process: the function that the emulator starts inside the hub namespace."""
    realtime = quiet.take_priority()
    try:
        switch = Switch(ports, ways, models, seed)
    except OSError as error:
        with suppress(OSError):  # the campaign has been killed meanwhile
            control.send(("failed", str(error)))
        return
    quiet.quieten()
    if said_ready(control):
        switch.serve(control, realtime=realtime)
