"""STAMP's packets octet by octet, written out by hand from RFC 8762, and its timestamps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit.probes import stamp_packet
from benchkit.probes.stamp_packet import Reply, Request

SECOND = 1_000_000_000
NOVEMBER_2023 = 1_700_000_000 * SECOND  # 0xE8FE6F80 seconds after 1900
ERA_1 = ((1 << 32) - 2_208_988_800) * SECOND  # 7 February 2036, 06:28:16 UTC
# Sequence; T1, half a second past; error estimate: unsynchronised, one unit; SSID; 28 zero octets.
REQUEST = "01020304e8fe6f80800000000001beef" + "00" * 28
REPLY = (
    "01020304" "e8fe6f8240000000" "0001" "beef"  # sequence, T3, error estimate, SSID
    "e8fe6f81c0000000"  # T2
    "01020304" "e8fe6f8080000000" "0001" "0000"  # the sender's sequence, T1, error estimate; zero
    "ff" "000000"  # the TTL it saw; zero
)  # fmt: skip
# What a reflector of another make sent on loopback; its T2 is 0.113 ms after T1, T3 0.036 ms after T2.
FOREIGN = (
    "00000000" "eeaf26f2971d601a" "0001" "0000" "eeaf26f2971b07c3"
    "00000000" "eeaf26f29719e493" "0001" "0000" "ff" "000000"
)  # fmt: skip
times = st.integers(0, 200 * 365 * 86_400 * SECOND)


def reply_to(payload: bytes) -> bytes:
    request = stamp_packet.read_request(payload)
    assert request is not None
    t2, t3 = NOVEMBER_2023 + 7 * SECOND // 4, NOVEMBER_2023 + 9 * SECOND // 4
    return stamp_packet.pack_reply(request, payload, t2_ns=t2, t3_ns=t3, ttl=255)


def test_a_request_on_the_wire() -> None:
    packet = stamp_packet.pack_request(0x01020304, 0xBEEF, NOVEMBER_2023 + SECOND // 2)
    assert packet.hex() == REQUEST


def test_a_reply_on_the_wire() -> None:
    assert reply_to(bytes.fromhex(REQUEST)).hex() == REPLY


def test_a_reply_is_read_by_the_senders_sequence_and_ssid() -> None:
    # Another reflector counts its replies by itself: octets 0 to 3 are its own sequence.
    foreign = bytes.fromhex("0000cafe" + REPLY[8:])
    found = stamp_packet.read_reply(foreign, NOVEMBER_2023)
    t2, t3 = NOVEMBER_2023 + 7 * SECOND // 4, NOVEMBER_2023 + 9 * SECOND // 4
    assert found == Reply(0x01020304, 0xBEEF, t2, t3, 255)


def test_a_captured_reply_of_another_reflector() -> None:
    found = stamp_packet.read_reply(bytes.fromhex(FOREIGN), NOVEMBER_2023)
    assert found is not None
    assert (found.sender_sequence, found.ssid, found.ttl) == (0, 0, 255)
    assert found.t2_ns // SECOND == 0xEEAF26F2 - 2_208_988_800
    assert found.t3_ns - found.t2_ns == round((0x971D601A - 0x971B07C3) * SECOND / 2**32)


def test_the_fields_of_a_request_are_copied_as_they_stand() -> None:
    # PTP's format (Z, 0x4000) with its nanoseconds, synchronised: the reflector need not understand it.
    head = "00000005" "6b04a872" "233500b9" "c001" "0007"  # fmt: skip
    payload = bytes.fromhex(head + "00" * 28)
    assert stamp_packet.read_request(payload) == Request(5, 0x6B04A872, 0x233500B9, 0xC001, 7)
    assert reply_to(payload)[24:38].hex() == head[:28]


@given(st.binary(min_size=14, max_size=200))
def test_a_reply_is_as_long_as_its_request_and_copies_what_follows_the_base(payload: bytes) -> None:
    reply = reply_to(payload)
    assert len(reply) == max(44, len(payload))
    assert reply[44:] == payload[44:]


def test_a_request_without_room_for_an_ssid_has_none() -> None:
    # TWAMP's 14 octets may be followed by random padding, which is no SSID.
    request = stamp_packet.read_request(bytes.fromhex(REQUEST)[:43])
    assert request is not None
    assert request.ssid == 0
    assert reply_to(bytes.fromhex(REQUEST)[:43])[14:16] == b"\0\0"


def test_what_is_too_short_is_no_packet() -> None:
    assert stamp_packet.read_request(bytes(13)) is None
    assert stamp_packet.read_request(bytes(14)) is not None
    assert stamp_packet.read_reply(bytes(43), 0) is None
    assert stamp_packet.read_reply(bytes(44), 0) is not None


@given(times, st.integers(-60 * 365 * 86_400 * SECOND, 60 * 365 * 86_400 * SECOND))
def test_a_time_survives_ntp_to_the_nanosecond_if_one_knows_about_when_it_was(
    moment: int, off: int
) -> None:
    seconds, fraction = stamp_packet.to_ntp(moment)
    assert 0 <= seconds < 1 << 32
    assert 0 <= fraction < 1 << 32
    assert abs(stamp_packet.from_ntp(seconds, fraction, moment + off) - moment) <= 1


@pytest.mark.parametrize(
    ("moment", "ntp"),
    [
        (0, (2_208_988_800, 0)),
        (ERA_1 - 1, (0xFFFFFFFF, 0xFFFFFFFC)),
        (ERA_1, (0, 0)),
        (ERA_1 + SECOND // 2, (0, 0x80000000)),
    ],
)
def test_ntp_at_its_corners(moment: int, ntp: tuple[int, int]) -> None:
    assert stamp_packet.to_ntp(moment) == ntp
    assert stamp_packet.from_ntp(*ntp, ERA_1) == moment
