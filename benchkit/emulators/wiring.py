"""Which devices, addresses and hardware addresses a path gets: decided by arithmetic, spelt for `ip -batch`.

Addresses come from 198.18.0.0/15, set apart for benchmarks of network devices (RFC 2544), four to a path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from benchkit.clock import NS_PER_S
from benchkit.errors import AskedWronglyError
from benchkit.model.place import Path, PathModel

MOST_PATHS = 1 << 15
FIRST = int(IPv4Address("198.18.0.0"))
# What one frame may carry past the first packet of 1500: bounded so that at the path's rate a super-packet
# takes at most this long to cross, and a queue measured in time stays smooth.
BURST_NS = 150_000
LARGEST_SUPER_PACKET = 65_536
# Preamble, start of frame, frame check sequence and the gap between frames: on the wire, not in the frame.
WIRE_OVERHEAD = 24
LOOPBACK_UP = "link set dev lo up"
# The namespace in the middle, which no site can be called.
HUB = "/hub"


@dataclass(frozen=True)
class Wire:
    """One path's devices. `near` and `far` are addresses; devices in the sites, and in the hub."""

    index: int
    path: str
    near: str
    far: str
    near_site: str
    far_site: str

    @property
    def device(self) -> str:
        """The path's device inside either site."""
        return f"path{self.index}"

    @property
    def hub_near(self) -> str:
        """The hub's device towards the near site."""
        return f"near{self.index}"

    @property
    def hub_far(self) -> str:
        """The hub's device towards the far site."""
        return f"far{self.index}"

    @property
    def core(self) -> str:
        """The device between two routers, in either."""
        return f"core{self.index}"

    def hardware_address(self, end: int) -> str:
        """Of the device at that `end`: they are counted along the path, 0 in the near site."""
        return hardware_address(self.index, end)


def wire(index: int, path: str, near_site: str, far_site: str) -> Wire:
    """Give path number `index` its addresses."""
    base = FIRST + 4 * index
    return Wire(
        index, path, str(IPv4Address(base + 1)), str(IPv4Address(base + 2)), near_site, far_site
    )


def wires(paths: Sequence[Path]) -> list[Wire]:
    """Give each path its addresses, in order. Raises AskedWronglyError for more paths than there are addresses."""
    if len(paths) > MOST_PATHS:
        raise AskedWronglyError(
            f"{len(paths)} paths at once: at most {MOST_PATHS} can be emulated; name some with --path"
        )
    return [wire(at, path.name, path.near, path.far) for at, path in enumerate(paths)]


def super_packet_octets(model: PathModel, *, splits: bool) -> int:
    """How large a segmentation-offload packet may be, so that the model acts on what it should.

    One packet where packets overtake or double, and where some are lost by an emulator that does not split
    super-packets: dropping 64 KB at a time is another model altogether.
    """
    directions = (model.forward, model.backward)
    if any(each.reorder or each.duplicate or (each.loses and not splits) for each in directions):
        return model.mtu
    if model.rate_bps is None:
        return LARGEST_SUPER_PACKET
    fits = model.rate_bps * BURST_NS // (8 * NS_PER_S)
    return max(model.mtu, min(LARGEST_SUPER_PACKET, fits))


def veth_lines(device: str, peer: str, netns: str, ends: tuple[str, str], mtu: int) -> list[str]:
    """`ip` lines that make a veth pair: `device` here and up, `peer` in the namespace at path `netns`.

    `ends` are the hardware addresses of the two.
    """
    return [
        (
            f"link add name {device} address {ends[0]} mtu {mtu} type veth "
            f"peer name {peer} address {ends[1]} mtu {mtu} netns {netns}"
        ),
        f"link set dev {device} up",
    ]


def site_lines(one: Wire, *, near: bool, next_hop: str, super_packet: int, mtu: int) -> list[str]:
    """`ip` lines, run in a site, that give its end an address and a fixed neighbour.

    `next_hop` is the hardware address that frames to the far end carry. A fixed neighbour keeps the first
    packet from waiting for an answer that would be delayed too.
    """
    ours, theirs = (one.near, one.far) if near else (one.far, one.near)
    return [
        f"addr add {ours}/30 dev {one.device}",
        segments_line(one.device, super_packet, mtu),
        f"link set dev {one.device} up",
        neighbour_line(theirs, next_hop, one.device),
    ]


def segments_line(device: str, super_packet: int, mtu: int) -> str:
    """An `ip` line that says how much TCP may hand to a device at once."""
    segments = f"gso_max_size {super_packet}" if super_packet > mtu else "gso_max_segs 1"
    return f"link set dev {device} {segments}"


def hardware_address(index: int, end: int) -> str:
    """A locally administered MAC, for one `end` of wire number `index`."""
    return f"02:62:6b:{index >> 8:02x}:{index & 255:02x}:{end:02x}"


def neighbour_line(address: str, hardware_address: str, device: str) -> str:
    """An `ip` line that fixes who answers for an address."""
    return f"neigh replace {address} lladdr {hardware_address} nud permanent dev {device}"
