"""Which devices, addresses and hardware addresses a path gets: decided by arithmetic, spelt for `ip -batch`.

Addresses come from 198.18.0.0/15, set apart for benchmarks of network devices (RFC 2544), four to a path.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

FIRST = int(IPv4Address("198.18.0.0"))
# What one frame may carry past the first packet of 1500: bounded so that at the path's rate a super-packet
# takes at most this long to cross, and a queue measured in time stays smooth.
BURST_NS = 150_000
LARGEST_SUPER_PACKET = 65_536
NS_PER_BIT_NUMERATOR = 1_000_000_000


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
    def near_device(self) -> str:
        """The device inside the near site."""
        return f"path{self.index}"

    @property
    def far_device(self) -> str:
        """The device inside the far site."""
        return f"path{self.index}"

    @property
    def hub_near(self) -> str:
        """The hub's device towards the near site."""
        return f"near{self.index}"

    @property
    def hub_far(self) -> str:
        """The hub's device towards the far site."""
        return f"far{self.index}"

    def hardware_address(self, end: int) -> str:
        """A locally administered MAC: 0 near site, 1 hub near, 2 hub far, 3 far site."""
        return f"02:62:6b:{self.index >> 8:02x}:{self.index & 255:02x}:{end:02x}"


def wire(index: int, path: str, near_site: str, far_site: str) -> Wire:
    """Give path number `index` its addresses."""
    base = FIRST + 4 * index
    return Wire(
        index, path, str(IPv4Address(base + 1)), str(IPv4Address(base + 2)), near_site, far_site
    )


def super_packet_octets(rate_bps: int | None, mtu: int, *, loss: bool) -> int:
    """How large a segmentation-offload packet may be, so that rate and loss act on what they should.

    With loss, one packet: dropping 64 KB at a time is another model altogether.
    """
    if loss:
        return mtu
    if rate_bps is None:
        return LARGEST_SUPER_PACKET
    fits = rate_bps * BURST_NS // (8 * NS_PER_BIT_NUMERATOR)
    return max(mtu, min(LARGEST_SUPER_PACKET, fits))


def hub_batch(one: Wire, *, near_netns: str, far_netns: str, mtu: int) -> list[str]:
    """`ip` lines, run in the hub, that join both sites to it."""
    lines = []
    for hub, ends, netns, device in (
        (one.hub_near, (1, 0), near_netns, one.near_device),
        (one.hub_far, (2, 3), far_netns, one.far_device),
    ):
        ours, theirs = (one.hardware_address(end) for end in ends)
        lines.append(
            f"link add name {hub} address {ours} mtu {mtu} type veth "
            f"peer name {device} address {theirs} mtu {mtu} netns {netns}"
        )
        lines.append(f"link set dev {hub} up")
    return lines


def site_batch(one: Wire, *, near: bool, next_hop: str, super_packet: int, mtu: int) -> list[str]:
    """`ip` lines, run in a site, that give its end an address and a fixed neighbour.

    `next_hop` is the hardware address that frames to the far end carry. A fixed neighbour keeps the first
    packet from waiting for an answer that would be delayed too.
    """
    device = one.near_device if near else one.far_device
    ours, theirs = (one.near, one.far) if near else (one.far, one.near)
    segments = f"gso_max_size {super_packet}" if super_packet > mtu else "gso_max_segs 1"
    return [
        f"addr add {ours}/30 dev {device}",
        f"link set dev {device} {segments}",
        f"link set dev {device} up",
        f"neigh replace {theirs} lladdr {next_hop} nud permanent dev {device}",
    ]
