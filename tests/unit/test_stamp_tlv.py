"""TLVs as a reflector answers them, octet by octet from RFC 8972, and what nobody should be able to make of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit.probes.stamp_packet import authentication_code
from benchkit.probes.stamp_reflecting import Arrival, Reflected, reflect
from benchkit.probes.stamp_time import WireTime
from benchkit.probes.stamp_tlv import Tlv, pack_tlvs, read_tlvs

STATELESS = Arrival(
    source=("192.0.2.9", 50_000),
    destination=("198.51.100.7", 862),
    traffic_class=0xB9,  # DSCP 46, ECN 1
    synchronised=True,
)
STATEFUL = Arrival(
    source=("2001:db8::9", 50_000),
    destination=("2001:db8::7%eth0", 862),
    traffic_class=0,
    synchronised=False,
    received=7,
    sent=6,
    follow_up=(4, WireTime(0xE8FE6F80, 0x80000000, 1)),
)
KEY = b"\xab" * 16
SEVEN = bytes.fromhex("00000007")
# Sealed by an implementation in Rust (asmie/stamp-suite, its interoperation fixtures): all but the HMAC TLV
# and the padding after it.
THEIR_TLVS = (
    "800c000c0000000307270e0000000000" "80040004b8000000" "8005000c000000010000000000000000"
    "8007001000000000000000000000000000000000" "800900047f000001" "800a00148004001000000000000000000000000000000001"
)  # fmt: skip
THEIR_CODE = "10002e22c6fee640dc23a4671534c3ebe6"[2:]


def answered(
    tail: str, arrival: Arrival = STATELESS, key: bytes = b"", sealed: bool = False
) -> str:
    return reflect(bytes.fromhex(tail), arrival, key, (SEVEN, SEVEN), sealed=sealed).tail.hex()


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        pytest.param("80010003aabbcc", "00010003aabbcc", id="padding"),
        # DSCP1 46 as asked, DSCP2 46 and ECN 1 as received, RP 0.
        pytest.param("80040004b8000000", "00040004bae40000", id="class of service"),
        pytest.param("8003000400000000", "0003000401020102", id="timestamp information"),
        pytest.param("8005000c" + "00" * 12, "8005000c" + "00" * 12, id="nothing to count with"),
        pytest.param("80070010" + "00" * 16, "00070010" + "00" * 16, id="no follow-up"),
        pytest.param("80060004aabbccdd", "80060004aabbccdd", id="unknown: access report"),
        pytest.param("00f00001ff", "80f00001ff", id="unknown, and its U was not set"),
        pytest.param("8008001000" * 4, "8008001000" * 4, id="no key for an HMAC"),
        pytest.param("8004000300000080010000", "4004000300000080010000", id="a wrong length stops it"),
        pytest.param("80010000800100ffaa", "00010000400100ffaa", id="cut short"),
        pytest.param("80010000800100", "00010000800100", id="cut short in its header"),
        pytest.param("8001000080", "0001000080", id="a stray octet"),
        pytest.param("00" * 30, "00" * 30, id="zeros that pad"),
        pytest.param("80010000" + "00" * 9, "00010000" + "00" * 9, id="zeros after a TLV"),
    ],
)  # fmt: skip
def test_answers_of_a_stateless_reflector(asked: str, answer: str) -> None:
    assert answered(asked) == answer


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        pytest.param(
            "8005000c" "00000009" "ffffffffffffffff",
            "0005000c" "00000009" "00000007" "00000006",
            id="direct measurement",
        ),
        pytest.param(
            "80070010" + "00" * 16,
            "00070010" "00000004" "e8fe6f8080000000" "02" "000000",
            id="follow-up",
        ),
        pytest.param("8003000400000000", "0003000405020502", id="a clock that runs free"),
    ],
)  # fmt: skip
def test_answers_of_a_stateful_reflector(asked: str, answer: str) -> None:
    assert answered(asked, STATEFUL) == answer


def test_a_location_tells_ports_and_addresses_of_either_family() -> None:
    asked = "8002002c" "00000000" "80040010" + "00" * 16 + "80070010" + "00" * 16  # fmt: skip
    four = "0002002c" "035ec350" "00050010c6336407" + "00" * 12 + "00080010c0000209" + "00" * 12  # fmt: skip
    six = (
        "0002002c" "035ec350" "0006001020010db8000000000000000000000007"
        "0009001020010db8000000000000000000000009"
    )  # fmt: skip
    assert answered(asked) == four
    assert answered(asked, STATEFUL) == six
    odd = "800200100000000080010008" + "00" * 8  # our MAC address, which we do not tell
    assert answered(odd) == "00020010035ec35080010008" + "00" * 8


def test_an_answer_leaves_with_the_class_that_was_asked_for() -> None:
    found = reflect(bytes.fromhex("80040004b8000000"), STATELESS, b"", (SEVEN, SEVEN), sealed=False)
    assert found.dscp == 46
    assert reflect(b"\x80\x01\0\0", STATELESS, b"", (SEVEN, SEVEN), sealed=False).dscp is None


def test_another_implementation_seals_tlvs_the_same() -> None:
    assert authentication_code(KEY, SEVEN + bytes.fromhex(THEIR_TLVS)).hex() == THEIR_CODE
    whole = THEIR_TLVS + "80080010" + THEIR_CODE
    found = read_tlvs(bytes.fromhex(answered(whole, key=KEY, sealed=True)))
    assert [tlv.flags for tlv in found.tlvs] == [0x80, 0, 0x80, 0, 0x80, 0x80, 0]
    last = found.tlvs[-1]
    assert last.value == authentication_code(KEY, SEVEN + pack_tlvs(found.tlvs[:-1]))


def test_tlvs_whose_hmac_is_wrong_or_missing_are_marked_all_and_not_looked_at() -> None:
    right = THEIR_TLVS + "80080010" + THEIR_CODE
    wrong = right[:-1] + "7"
    for tail in (wrong, THEIR_TLVS, right + "80040004b8000000", right[:-8]):
        found = read_tlvs(bytes.fromhex(answered(tail, key=KEY, sealed=True)))
        asked = read_tlvs(bytes.fromhex(tail))
        assert {tlv.flags for tlv in found.tlvs} == {0xA0}
        assert [tlv.value for tlv in found.tlvs] == [tlv.value for tlv in asked.tlvs]
    # Padding needs no seal, before it or after.
    assert answered("80010001aa", key=KEY, sealed=True) == "00010001aa"
    after = read_tlvs(bytes.fromhex(answered(right + "80010001aa", key=KEY, sealed=True)))
    assert after.tlvs[-1] == Tlv(0, 1, b"\xaa")


tails = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.builds(Tlv, st.integers(0, 255), st.integers(0, 12), st.binary(max_size=40)),
        max_size=8,
    ).map(pack_tlvs),
)


@given(tails, st.sampled_from([STATELESS, STATEFUL]), st.sampled_from([b"", KEY]), st.booleans())
def test_no_tail_is_answered_with_more_or_fewer_octets_and_none_breaks_anything(
    tail: bytes, arrival: Arrival, key: bytes, sealed: bool
) -> None:
    found = reflect(tail, arrival, key, (SEVEN, SEVEN), sealed=sealed and bool(key))
    assert isinstance(found, Reflected)
    assert len(found.tail) == len(tail)
    assert found.dscp is None or 0 <= found.dscp < 64


@given(st.binary(max_size=300))
def test_reading_tlvs_loses_nothing(tail: bytes) -> None:
    found = read_tlvs(tail)
    assert pack_tlvs(found.tlvs) + found.rest == tail
