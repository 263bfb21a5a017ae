"""Parts of a super-packet are what the kernel would have made of it."""

from __future__ import annotations

import struct

import pytest

from benchkit.emulators.segments import part

MSS = 1000
HEADER = 14 + 20 + 20


def super_packet(segments: int, *, flags: int = 0x19) -> bytes:
    """Ethernet, IPv4 and TCP without options, the payload's octets numbered by segment."""
    payload = b"".join(bytes([index]) * MSS for index in range(segments))
    offload = struct.pack("=BBHHHH", 1, 1, HEADER, MSS, 34, 16)
    addresses = bytes([198, 18, 0, 1, 198, 18, 0, 2])
    network = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(payload), 7, 0x4000, 64, 6, 0) + addresses
    transport = struct.pack(">HHIIBBHHH", 1, 2, 0xFFFFFFF0, 5, 0x50, flags, 9, 0, 0)
    return offload + bytes(12) + b"\x08\x00" + network + transport + payload


def checksum(octets: bytes) -> int:
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


@pytest.mark.parametrize(("first", "end"), [(0, 2), (1, 4), (2, 3), (4, 5)])
def test_a_part_is_numbered_by_what_comes_before_it(first: int, end: int) -> None:
    found = part(super_packet(5), first, end)
    assert found is not None
    _, kind, header, size, _, _ = struct.unpack_from("=BBHHHH", found)
    frame = found[10:]
    assert frame[header:] == b"".join(bytes([index]) * MSS for index in range(first, end))
    assert (kind, size) == ((1, MSS) if end - first > 1 else (0, 0))
    assert int.from_bytes(frame[16:18], "big") == len(frame) - 14
    assert int.from_bytes(frame[18:20], "big") == 7 + first
    assert checksum(frame[14:34]) == 0xFFFF
    assert int.from_bytes(frame[38:42], "big") == (0xFFFFFFF0 + first * MSS) & 0xFFFFFFFF
    assert bool(frame[47] & 0x08) == (end == 5)
    length = len(frame) - 34
    pseudo = frame[26:34] + struct.pack(">HH", 6, length)
    assert int.from_bytes(frame[50:52], "big") == checksum(pseudo)


def test_another_protocol_is_refused() -> None:
    data = bytearray(super_packet(3))
    data[10 + 12 : 10 + 14] = b"\x86\xdd"
    assert part(bytes(data), 0, 1) is None
