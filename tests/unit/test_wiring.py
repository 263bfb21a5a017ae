"""Devices, addresses and hardware addresses by arithmetic."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit.emulators import wiring
from benchkit.errors import AskedWronglyError
from benchkit.model.impairment import Bursts
from benchkit.model.place import Direction, Path, PathModel

MBIT = 1_000_000
MANY = 32_768  # all that 198.18.0.0/15 holds
PLAIN = Direction(5_000_000)


def test_every_path_has_addresses_devices_and_hardware_addresses_of_its_own() -> None:
    # The first, the last, and those beside a carry into another octet.
    indices = [*range(300), *range(16_300, 16_500), *range(MANY - 300, MANY)]
    all_of = [wiring.wire(index, f"path {index}", "a", "b") for index in indices]
    benchmarks = ip_network("198.18.0.0/15")
    addresses = {address for one in all_of for address in (one.near, one.far)}
    assert len(addresses) == 2 * len(all_of)
    assert all(ip_address(address) in benchmarks for address in addresses)
    networks = set()
    for one in all_of:
        both = {ip_interface(f"{address}/30").network for address in (one.near, one.far)}
        assert len(both) == 1
        network = both.pop()
        assert ip_address(one.near) in list(network.hosts())
        assert ip_address(one.far) in list(network.hosts())
        networks.add(network)
    assert len(networks) == len(all_of)
    hardware = [one.hardware_address(end) for one in all_of for end in range(6)]
    assert len(set(hardware)) == len(hardware)
    for address in hardware:
        octets = bytes.fromhex(address.replace(":", ""))
        assert len(octets) == 6
        assert octets[0] & 3 == 2  # locally administered, and one station's
    names = [name for one in all_of for name in (one.device, one.hub_near, one.hub_far, one.core)]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 15  # IFNAMSIZ less its zero


def test_paths_are_numbered_in_their_order() -> None:
    model = PathModel(PLAIN, PLAIN)
    first, second = wiring.wires([Path("a-b", "a", "b", model), Path("c-b", "c", "b", model)])
    assert (first.near, first.far) == ("198.18.0.1", "198.18.0.2")
    assert (second.near, second.far) == ("198.18.0.5", "198.18.0.6")
    assert (second.path, second.near_site, second.far_site) == ("c-b", "c", "b")
    assert second.hardware_address(3) == "02:62:6b:00:01:03"


@pytest.mark.parametrize(
    ("model", "splits", "octets"),
    [
        (PathModel(PLAIN, PLAIN), False, 65_536),
        (PathModel(PLAIN, PLAIN, 100_000 * MBIT), True, 65_536),
        (PathModel(PLAIN, PLAIN, 1000 * MBIT), True, 18_750),  # 150 us of a gigabit a second
        (PathModel(PLAIN, PLAIN, 100 * MBIT), True, 1875),
        (PathModel(PLAIN, PLAIN, 10 * MBIT), True, 1500),
        (PathModel(PLAIN, PLAIN, 10 * MBIT, mtu=9000), True, 9000),
        (PathModel(PLAIN, Direction(0, loss=1e-6)), True, 65_536),
        (PathModel(PLAIN, Direction(0, loss=1e-6)), False, 1500),
        (PathModel(Direction(0, bursts=Bursts(0.1, 0.2)), PLAIN), False, 1500),
        (PathModel(Direction(0, bursts=Bursts(0.1, 0.2)), PLAIN), True, 65_536),
        (PathModel(PLAIN, Direction(0, reorder=0.1)), True, 1500),
        (PathModel(Direction(0, duplicate=0.1), PLAIN), True, 1500),
    ],
)
def test_a_super_packet_is_no_larger_than_the_model_bears(
    model: PathModel, splits: bool, octets: int
) -> None:
    assert wiring.super_packet_octets(model, splits=splits) == octets


@given(st.integers(1, 10**12), st.integers(68, 65_000))
def test_a_super_packet_is_at_least_a_packet_and_takes_no_longer_than_allowed(
    rate: int, mtu: int
) -> None:
    octets = wiring.super_packet_octets(PathModel(PLAIN, PLAIN, rate, mtu=mtu), splits=True)
    assert mtu <= octets <= 65_536
    assert octets == mtu or octets * 8 / rate <= wiring.BURST_NS / 1e9


def test_the_lines_for_ip() -> None:
    one = wiring.wire(258, "a-b", "a", "b")
    ends = one.hardware_address(0), one.hardware_address(1)
    assert wiring.veth_lines(one.hub_near, one.device, "@a", ends, 1500) == [
        (
            "link add name near258 address 02:62:6b:01:02:00 mtu 1500 type veth "
            "peer name path258 address 02:62:6b:01:02:01 mtu 1500 netns @a"
        ),
        "link set dev near258 up",
    ]
    near = wiring.site_lines(one, near=True, next_hop=ends[0], super_packet=18_750, mtu=1500)
    assert near == [
        "addr add 198.18.4.9/30 dev path258",
        "link set dev path258 gso_max_size 18750",
        "link set dev path258 up",
        "neigh replace 198.18.4.10 lladdr 02:62:6b:01:02:00 nud permanent dev path258",
    ]
    far = wiring.site_lines(one, near=False, next_hop=ends[0], super_packet=1500, mtu=1500)
    assert far == [
        "addr add 198.18.4.10/30 dev path258",
        "link set dev path258 gso_max_segs 1",
        "link set dev path258 up",
        "neigh replace 198.18.4.9 lladdr 02:62:6b:01:02:00 nud permanent dev path258",
    ]


def test_more_paths_than_addresses_are_refused() -> None:
    with pytest.raises(AskedWronglyError, match="32769 paths at once: at most 32768"):
        wiring.wires([Path("a-b", "a", "b", None)] * 32_769)
