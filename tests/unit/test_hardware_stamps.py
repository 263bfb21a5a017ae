"""What an interface stamps in hardware, from answers of the kernel made by hand and from those of this one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit.linux.hardware_stamps import (
    ETHTOOL_GET_TS_INFO,
    INFO,
    NONE,
    Abilities,
    abilities,
    interfaces,
    read_info,
)

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
