"""How a mesh is wired: one veth pair from every site to the hub, and a switch with a lane for each way between two sites."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address

from benchkit.emulators import wiring
from benchkit.emulators.link import Ends, modelled
from benchkit.emulators.ring_size import ring_size
from benchkit.emulators.script import Step
from benchkit.emulators.switch import SitePort, Way
from benchkit.model.place import Path

DEVICE = "mesh"
PREFIX = 15  # of wiring.FIRST: all sites are on one link, as far as their kernels know


def is_star(paths: Sequence[Path]) -> bool:
    """Whether paths can share one wire a site: a mesh whose two ways between any sites are one and the same fibre."""
    ways = {(path.near, path.far): path for path in paths}
    if len(ways) < len(paths) or len({path.model.mtu for path in paths if path.model}) > 1:
        return False
    twins = [(path, ways[path.far, path.near]) for path in paths if (path.far, path.near) in ways]
    return any(path.in_mesh for path, _ in twins) and all(
        map(_is_one_fibre, *zip(*twins, strict=True))
    )


def _is_one_fibre(path: Path, twin: Path) -> bool:
    one, other = path.model, twin.model
    if one is None or other is None:
        return False
    shared = (one.rate_bps, one.buffer_octets) == (other.rate_bps, other.buffer_octets)
    return shared and (one.forward, one.backward) == (other.backward, other.forward)


def sites_of(paths: Sequence[Path]) -> list[str]:
    """The sites, in the order in which the paths name them."""
    return list(dict.fromkeys(name for path in paths for name in (path.near, path.far)))


def ends_of_star(paths: Sequence[Path]) -> dict[str, Ends]:
    """The addresses of each path, which are those of its sites."""
    at = {name: str(_address(index)) for index, name in enumerate(sites_of(paths))}
    return {path.name: Ends(at[path.near], at[path.far]) for path in paths}


def star_steps(paths: Sequence[Path]) -> list[Step]:
    """What joins the sites to the hub. Raises AskedWronglyError for a path without a model."""
    sites = sites_of(paths)
    mtu, largest = _mtu(paths), _super_packet(paths)
    in_hub = [wiring.LOOPBACK_UP]
    steps = []
    peers = _peers(paths, sites)
    for index, name in enumerate(sites):
        # Of each pair 1 is in the hub, 0 in the site.
        ends = (wiring.hardware_address(index, 1), wiring.hardware_address(index, 0))
        in_hub += wiring.veth_lines(_device(index), DEVICE, f"@{name}", ends, mtu)
        lines = [
            wiring.LOOPBACK_UP,
            f"addr add {_address(index)}/{PREFIX} dev {DEVICE}",
            wiring.segments_line(DEVICE, largest, mtu),
            f"link set dev {DEVICE} up",
            *(
                wiring.neighbour_line(
                    str(_address(other)), wiring.hardware_address(other, 0), DEVICE
                )
                for other in peers[index]
            ),
        ]
        steps.append(Step(name, "ip", tuple(lines)))
    return [Step(wiring.HUB, "ip", tuple(in_hub)), *steps]


def ports_and_ways(paths: Sequence[Path], room: int) -> tuple[list[SitePort], list[Way]]:
    """What the switch opens: a ring of at most `room` octets for each site; and which lane each path takes.

    Raises AskedWronglyError for a path without a model.
    """
    sites = sites_of(paths)
    at = {name: index for index, name in enumerate(sites)}
    frame, slots = ring_size(_super_packet(paths), room)
    ports = [
        SitePort(_device(index), _address(index).packed, frame, slots)
        for index in range(len(sites))
    ]
    ways = [Way(index, at[path.near], at[path.far]) for index, path in enumerate(paths)]
    return ports, ways


def _peers(paths: Sequence[Path], sites: Sequence[str]) -> list[list[int]]:
    """Whom each site talks to."""
    at = {name: index for index, name in enumerate(sites)}
    found: list[set[int]] = [set() for _ in sites]
    for path in paths:
        found[at[path.near]].add(at[path.far])
        found[at[path.far]].add(at[path.near])
    return [sorted(each) for each in found]


def _mtu(paths: Sequence[Path]) -> int:
    return modelled(paths)[0].mtu


def _super_packet(paths: Sequence[Path]) -> int:
    """What every path of the mesh allows, for a site has one device for all of them."""
    return min(wiring.super_packet_octets(model, splits=True) for model in modelled(paths))


def _address(index: int) -> IPv4Address:
    return IPv4Address(wiring.FIRST + index + 1)


def _device(index: int) -> str:
    return f"site{index}"
