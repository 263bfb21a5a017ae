"""What an interface stamps in hardware, from answers of the kernel made by hand and from those of this one."""

from __future__ import annotations

import asyncio
import ctypes
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit.clock import realtime_ns
from benchkit.linux import hardware_stamps, timestamping
from benchkit.linux.hardware_stamps import (
    ETHTOOL_GET_TS_INFO,
    INFO,
    NONE,
    Abilities,
    abilities,
    interfaces,
    read_info,
)
from benchkit.linux.timestamping import Received, Sent
from benchkit.model.samples import HARDWARE_COLUMNS, Samples, concatenate
from benchkit.model.spec import IcmpSpec
from benchkit.probes.flight import fly
from benchkit.probes.flight_rows import Answer
from benchkit.stats.parts import WHOLE, missing_stamps, round_trip_parts

SOFTWARE, HARDWARE = 0b11010, 0b1000101
EVERY_PACKET, ONLY_PTP = 0b11, 0b1 << 12


def info(flags: int, clock: int, transmit: int, filters: int) -> bytes:
    return INFO.pack(ETHTOOL_GET_TS_INFO, flags, clock, transmit, filters)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (info(SOFTWARE | HARDWARE, 0, 0b11, EVERY_PACKET), Abilities(True, True, 0)),
        (info(SOFTWARE | HARDWARE, 2, 0b11, ONLY_PTP), Abilities(True, False, 2)),
        (info(SOFTWARE | HARDWARE, 0, 0b01, EVERY_PACKET), Abilities(False, True, 0)),
        (info(SOFTWARE | HARDWARE & ~0b1000000, 0, 0b11, EVERY_PACKET), Abilities(False, False, 0)),
        (info(SOFTWARE, -1, 0, 0), NONE),
    ],
)
def test_what_the_kernel_says_is_read_as_its_headers_mean_it(
    raw: bytes, expected: Abilities
) -> None:
    assert read_info(raw) == expected
    assert read_info(raw).both == (expected.departures and expected.arrivals)


def test_the_layout_is_that_of_the_kernel() -> None:
    raw = (
        (0x41).to_bytes(4, "little")
        + (0x5F).to_bytes(4, "little")
        + (3).to_bytes(4, "little")
        + (2).to_bytes(4, "little")
        + bytes(12)
        + (2).to_bytes(4, "little")
        + bytes(12)
    )
    assert len(raw) == INFO.size == 44
    assert read_info(raw) == Abilities(True, True, 3)


@given(st.binary(min_size=44, max_size=44))
def test_whatever_a_driver_says_is_read(raw: bytes) -> None:
    assert read_info(raw).both in {True, False}


def test_the_loopback_and_what_is_not_there_stamp_nothing_in_hardware() -> None:
    assert abilities("lo") == abilities("not there") == NONE
    assert "lo" in interfaces()


# Control messages as a kernel with a card that stamps hands them over: struct scm_timestamping is the kernel's stamp, one
# that is no longer used, and the card's; struct sock_extended_err has ENOMSG, its origin (4), SND, and the identity.
SECONDS, CARD_SECONDS = 1_764_100_000, 345_678
KERNEL = struct.pack("=6q", SECONDS, 123_456_789, 0, 0, 0, 0)
CARD = struct.pack("=6q", 0, 0, 0, 0, CARD_SECONDS, 987_654_321)
BOTH = struct.pack("=6q", SECONDS, 123_456_789, 0, 0, CARD_SECONDS, 987_654_321)
KERNEL_NS, CARD_NS = SECONDS * 10**9 + 123_456_789, CARD_SECONDS * 10**9 + 987_654_321


def departure(stamps: bytes, identity: int) -> list[tuple[int, int, bytes]]:
    error = struct.pack("=IBBBBII", 42, 4, 0, 0, 0, timestamping.SND, identity) + bytes(16)
    return [(socket.SOL_SOCKET, 37, stamps), (socket.IPPROTO_IP, timestamping.IP_RECVERR, error)]


def test_the_cards_stamps_are_read_beside_the_kernels_and_never_for_them() -> None:
    assert timestamping.read_sent(departure(KERNEL, 5)) == Sent(5, timestamping.SND, KERNEL_NS, 0)
    assert timestamping.read_sent(departure(CARD, 5)) == Sent(5, timestamping.SND, 0, CARD_NS)
    assert timestamping.read_sent(departure(bytes(48), 5)) is None
    for stamps, expected in ((KERNEL, (KERNEL_NS, 0)), (BOTH, (KERNEL_NS, CARD_NS))):
        came = timestamping.read_received(b"x", [(socket.SOL_SOCKET, 37, stamps)], None)
        assert (came.stamp_ns, came.hardware_ns) == expected


def test_a_socket_asks_for_what_the_kernel_takes() -> None:
    with timestamping.stamped_udp_socket() as udp:
        assert not timestamping.are_in_hardware(udp)
        timestamping.stamp_in_hardware(udp)
        assert timestamping.are_in_hardware(udp)
        flags = udp.getsockopt(socket.SOL_SOCKET, timestamping.SO_TIMESTAMPING)
    assert flags & timestamping.FLAGS == timestamping.FLAGS


@pytest.mark.parametrize(
    ("refused", "set_before", "expected"),
    [(False, False, True), (True, True, True), (True, False, False)],
)
def test_an_interface_is_told_to_stamp_or_has_been_told(
    monkeypatch: pytest.MonkeyPatch, refused: bool, set_before: bool, expected: bool
) -> None:
    asked: list[tuple[int, bytes]] = []

    def ioctl(_: object, what: int, request: bytes) -> int:
        name, place = struct.unpack_from("@16sP", request)
        assert name.rstrip(b"\0") == b"eth7"
        size = hardware_stamps.INFO.size if what == hardware_stamps.SIOCETHTOOL else 12
        record = (ctypes.c_char * size).from_address(place)
        asked.append((what, record.raw))
        if what == hardware_stamps.SIOCETHTOOL:
            record.raw = info(SOFTWARE | HARDWARE, 0, 0b11, EVERY_PACKET)
        elif what == hardware_stamps.SIOCSHWTSTAMP and refused:
            raise PermissionError
        elif what == hardware_stamps.SIOCGHWTSTAMP:
            record.raw = struct.pack("=iii", 0, set_before, set_before)
        return 0

    monkeypatch.setattr(hardware_stamps.fcntl, "ioctl", ioctl)
    assert hardware_stamps.stamps_now("eth7") == expected
    assert asked[1] == (hardware_stamps.SIOCSHWTSTAMP, struct.pack("=iii", 0, 1, 1))


def test_the_interface_to_an_address_is_the_routes() -> None:
    assert hardware_stamps.interface_to("127.0.0.1") == "lo"
    assert hardware_stamps.interface_to("no address") is None
    assert not hardware_stamps.stamps_now("lo")


class Echo:
    """A protocol and a card: every packet is answered at once, and the third's departure has no stamp of the card."""

    far_columns: tuple[str, ...] = ()
    kept = ()

    def __init__(self) -> None:
        self.waiting: list[int] = []
        self.left: list[Sent] = []

    def pack(self, index: int) -> bytes:
        self.waiting.append(index)
        now = realtime_ns()
        self.left += [Sent(index, timestamping.SCHED, now), Sent(index, timestamping.SND, now + 1)]
        if index != 2:
            self.left.append(Sent(index, timestamping.SND, 0, CARD_NS + index))
        return b"x"

    def read(self, received: Received) -> Answer:
        return Answer(int.from_bytes(received.payload, "big"))

    def transmit_stamps(self, _: socket.socket) -> Iterator[Sent]:
        told, self.left = self.left, []
        yield from told

    def receive(self, udp: socket.socket) -> Iterator[Received]:
        with suppress(BlockingIOError):
            udp.recv(9)
        came, self.waiting = self.waiting, []
        for each in came:
            yield Received(bytes((each,)), None, realtime_ns(), 64, 0, "", CARD_NS + 500 + each)


def test_rows_keep_the_cards_clock_apart_and_count_what_it_did_not_tell() -> None:
    spec = IcmpSpec("a", "idle", "127.0.0.1", 5, 2_000_000, 500_000_000)
    card = Echo()

    async def work() -> list[Samples]:
        with timestamping.stamped_udp_socket() as udp:
            udp.bind(("127.0.0.1", 0))
            udp.connect(udp.getsockname())
            timestamping.stamp_in_hardware(udp)
            return [rows async for rows in fly(spec, card, udp, "nothing", card)]

    rows = concatenate(asyncio.run(work()))
    left, came = (rows.columns[name] for name in HARDWARE_COLUMNS)
    assert np.ma.getmaskarray(left).tolist() == [False, False, True, False, False]
    assert (came - left).compressed().tolist() == [500] * 4
    assert rows.columns["t1_ns"].count() == 5
    assert missing_stamps(rows)["t1_hardware"] == 1
    parts = round_trip_parts(rows)
    whole = parts.pop(WHOLE)
    assert (parts["network"].compressed() == 500).all()
    assert ((sum(parts.values()) - whole).compressed() == 0).all()
    assert (parts["near card"].compressed() >= 0).all()
