"""STAMP's packets octet by octet, written out by hand from RFC 8762, and those that others sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit.probes.stamp_packet import Base, Request
from benchkit.probes.stamp_time import WireTime, wire_time

SECOND = 1_000_000_000
NOVEMBER_2023 = 1_700_000_000 * SECOND  # 0xE8FE6F80 seconds after 1900
UNSYNCHRONISED = 0x0001
# Sequence; T1, half a second past; error estimate: unsynchronised, one unit; SSID; 28 zero octets.
REQUEST = "01020304e8fe6f80800000000001beef" + "00" * 28
REPLY = (
    "01020304" "e8fe6f8240000000" "0001" "beef"  # sequence, T3, error estimate, SSID
    "e8fe6f81c0000000"  # T2
    "01020304" "e8fe6f8080000000" "0001" "0000"  # the sender's sequence, T1, error estimate; zero
    "ff" "000000"  # the TTL it saw; zero
)  # fmt: skip
# The same two in authenticated mode, without their last 16 octets.
SEALED_REQUEST = "01020304" + "00" * 12 + "e8fe6f80800000000001beef" + "00" * 68
SEALED_REPLY = (
    "01020304" + "00" * 12 + "e8fe6f8240000000" "0001" "beef" "00000000"
    "e8fe6f81c0000000" "0000000000000000"
    "01020304" + "00" * 12 + "e8fe6f8080000000" "0001" "000000000000"
    "ff" + "00" * 15
)  # fmt: skip
# What a reflector of another make sent on loopback; its T2 is 0.113 ms after T1, T3 0.036 ms after T2.
FOREIGN = (
    "00000000" "eeaf26f2971d601a" "0001" "0000" "eeaf26f2971b07c3"
    "00000000" "eeaf26f29719e493" "0001" "0000" "ff" "000000"
)  # fmt: skip
# TWAMP Light's shortest, of a third make: it ends before the TTL.
SHORT = "00000000eeaf26f3b0f17fff00010000eeaf26f3b0f17fff00000000eeaf26f3b0eaf54e0001"
# Sealed by an implementation in Rust (asmie/stamp-suite, its interoperation fixtures) with 16 octets 0xab.
THEIR_KEY = b"\xab" * 16
THEIR_REQUEST = (
    "00000008" + "00" * 12 + "12345678075bcd15" "0001" "002a" + "00" * 68
    + "9ad2c67da35508e177968a497a69b68f"
)  # fmt: skip
THEIR_REPLY = (
    "00000008" + "00" * 12 + "6aa3a2c51320b482" "4001" "002a" "00000000"
    "6aa3a2c5130e5c48" "0000000000000000" "00000008" + "00" * 12 + "12345678075bcd15" "0001"
    "000000000000" "40" + "00" * 15 + "1cccd41d5e6ae24bb7b30b3a03c36354"
)  # fmt: skip
KEY = bytes(range(32))
OPEN, SEALED = Base(), Base(KEY)


def moment(seconds: float) -> WireTime:
    return wire_time(NOVEMBER_2023 + round(seconds * SECOND), UNSYNCHRONISED)


def reply_to(base: Base, payload: bytes, sequence: int | None = None) -> bytes:
    request = base.read_request(payload)
    assert request is not None
    number = request.sequence if sequence is None else sequence
    return base.reply(request, sequence=number, t2=moment(1.75), t3=moment(2.25), ttl=255)


def test_a_request_on_the_wire() -> None:
    assert OPEN.request(0x01020304, 0xBEEF, moment(0.5)).hex() == REQUEST


def test_a_reply_on_the_wire() -> None:
    assert reply_to(OPEN, bytes.fromhex(REQUEST)).hex() == REPLY


def test_sealed_packets_on_the_wire() -> None:
    request = SEALED.request(0x01020304, 0xBEEF, moment(0.5))
    assert request[:96].hex() == SEALED_REQUEST
    reply = reply_to(SEALED, request)
    assert reply[:96].hex() == SEALED_REPLY
    assert (len(request), len(reply)) == (112, 112)


def test_another_implementation_seals_the_same() -> None:
    base = Base(THEIR_KEY)
    payload = bytes.fromhex(THEIR_REQUEST)
    assert base.request(8, 42, WireTime(0x12345678, 0x075BCD15, 1)) == payload
    assert base.read_request(payload) == Request(8, bytes.fromhex("12345678075bcd150001"), 42)
    reply = base.read_reply(bytes.fromhex(THEIR_REPLY))
    assert reply is not None
    assert (reply.sender_sequence, reply.ssid, reply.ttl) == (8, 42, 64)
    assert (reply.t3_high, reply.t3_low) == (0x6AA3A2C5, 0x1320B482)
    assert (reply.error_estimate, reply.t1_estimate) == (0x4001, 1)
    assert (reply.t1_high, reply.t1_low) == (0x12345678, 0x075BCD15)


@given(st.integers(0, 111), st.integers(1, 255))
def test_what_is_not_sealed_by_our_key_is_no_packet(at: int, change: int) -> None:
    for whole in (
        SEALED.request(1, 2, moment(0)),
        reply_to(SEALED, SEALED.request(1, 2, moment(0))),
    ):
        spoilt = whole[:at] + bytes((whole[at] ^ change,)) + whole[at + 1 :]
        assert SEALED.read_request(spoilt) is None
        assert SEALED.read_reply(spoilt) is None
        assert SEALED.read_request(whole[:at]) is None
    assert Base(bytes(32)).read_request(SEALED.request(1, 2, moment(0))) is None


def test_a_reply_is_read_by_the_senders_sequence_and_ssid() -> None:
    # A stateful reflector counts its replies by itself: octets 0 to 3 are its own sequence.
    for base in (OPEN, SEALED):
        request = base.request(0x01020304, 0xBEEF, moment(0.5))
        found = base.read_reply(reply_to(base, request, sequence=0xCAFE))
        assert found is not None
        assert (found.sequence, found.sender_sequence, found.ssid) == (0xCAFE, 0x01020304, 0xBEEF)
        assert found.t2_ns(NOVEMBER_2023) == NOVEMBER_2023 + 7 * SECOND // 4
        assert found.t3_ns(NOVEMBER_2023) == NOVEMBER_2023 + 9 * SECOND // 4
        assert (found.t1_high, found.t1_low, found.t1_estimate) == moment(0.5)
        assert found.ttl == 255


def test_a_captured_reply_of_another_reflector() -> None:
    found = OPEN.read_reply(bytes.fromhex(FOREIGN))
    assert found is not None
    assert (found.sender_sequence, found.ssid, found.ttl) == (0, 0, 255)
    t2, t3 = found.t2_ns(NOVEMBER_2023), found.t3_ns(NOVEMBER_2023)
    assert t2 // SECOND == 0xEEAF26F2 - 2_208_988_800
    assert t3 - t2 == round((0x971D601A - 0x971B07C3) * SECOND / 2**32)


def test_a_captured_reply_without_a_ttl() -> None:
    found = OPEN.read_reply(bytes.fromhex(SHORT))
    assert found is not None
    assert (found.sender_sequence, found.ttl) == (0, -1)
    assert found.t2_ns(NOVEMBER_2023) == found.t3_ns(NOVEMBER_2023)


def test_the_fields_of_a_request_are_copied_as_they_stand() -> None:
    # PTP's format (Z, 0x4000) with its nanoseconds, synchronised: the reflector need not understand it.
    head = "00000005" "6b04a872" "233500b9" "c001" "0007"  # fmt: skip
    payload = bytes.fromhex(head + "00" * 28)
    assert OPEN.read_request(payload) == Request(5, bytes.fromhex("6b04a872233500b9c001"), 7)
    assert reply_to(OPEN, payload)[24:38].hex() == head[:28]


@pytest.mark.parametrize("octets", [14, 27, 41, 43, 44, 1400])
def test_padding_that_is_not_zero_makes_it_twamps(octets: int) -> None:
    # TWAMP's 14 octets may be followed by random padding, which is no SSID and no TLV.
    payload = bytes.fromhex(REQUEST)[:14] + bytes((1,)) * (octets - 14)
    request = OPEN.read_request(payload)
    assert request is not None
    assert (request.ssid, request.padded) == (0, True)
    assert reply_to(OPEN, payload)[14:16] == b"\0\0"


def test_what_is_too_short_is_no_packet() -> None:
    assert OPEN.read_request(bytes(13)) is None
    assert OPEN.read_request(bytes(14)) is not None
    assert OPEN.read_reply(bytes(37)) is None
    assert OPEN.read_reply(bytes(38)) is not None
