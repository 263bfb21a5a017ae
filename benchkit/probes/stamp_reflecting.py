"""What a reflector makes of a sender's TLVs (RFC 8972 section 4): as many octets as came, never more."""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from benchkit.probes.stamp_packet import authentication_code
from benchkit.probes.stamp_time import WireTime
from benchkit.probes.stamp_tlv import (
    IN_SOFTWARE,
    INTEGRITY,
    MALFORMED,
    UNRECOGNISED,
    Extensions,
    Tlv,
    Type,
    pack_tlvs,
    read_tlvs,
)

# Where a clock comes from (RFC 8972 section 4.3).
BY_NTP, FREE_RUNNING = 1, 5
# Sub-TLVs of a location: what is asked for in general, and what is answered in particular.
ASK_DESTINATION, TELL_DESTINATION_4, TELL_DESTINATION_6 = 4, 5, 6
ASK_SOURCE, TELL_SOURCE_4, TELL_SOURCE_6 = 7, 8, 9
ADDRESS_OCTETS, PORTS_OCTETS = 16, 4
IPV4 = 4


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a request came, and what the session has seen before: all that its TLVs may ask for.

    `received` and `sent` count the session's packets, with this one and its answer; None in a stateless
    reflector. `follow_up` is the sequence number and the kernel's departure of an earlier answer.
    """

    source: tuple[str, int]
    destination: tuple[str, int]
    traffic_class: int
    synchronised: bool
    received: int | None = None
    sent: int | None = None
    follow_up: tuple[int, WireTime] | None = None


@dataclass(frozen=True, slots=True)
class Reflected:
    """The octets after the base packet of an answer, and the DSCP that it is asked to leave with, if any."""

    tail: bytes
    dscp: int | None = None


def reflect(
    tail: bytes, arrival: Arrival, key: bytes, sequences: tuple[bytes, bytes], *, sealed: bool
) -> Reflected:
    """Answer the TLVs of a request. `sequences` are the first four octets of request and answer.

    With `sealed` (authenticated mode) TLVs beyond padding must come with an HMAC TLV.
    """
    if not tail:
        return Reflected(b"")
    found = read_tlvs(tail)
    if not found.tlvs and not found.rest.strip(b"\0"):
        return Reflected(tail)  # padding of zeros
    if key and not _is_whole(found, key, sequences[0], required=sealed):
        spoilt = pack_tlvs(tlv._replace(flags=tlv.flags | INTEGRITY) for tlv in found.tlvs)
        return Reflected(spoilt + found.rest)
    answers, malformed = _answers(found.tlvs, arrival, key, sequences[1])
    at = sum(len(tlv.packed()) for tlv in answers)
    if malformed:
        return Reflected(pack_tlvs(answers) + tail[at:], _wanted_dscp(answers))
    return Reflected(pack_tlvs(answers) + _cut_short(found.rest), _wanted_dscp(answers))


def _answers(
    asked: Sequence[Tlv], arrival: Arrival, key: bytes, sequence: bytes
) -> tuple[list[Tlv], bool]:
    """The answers up to the end, or to the first TLV whose length is wrong, which stops it."""
    answers: list[Tlv] = []
    for tlv in asked:
        if tlv.type == 0:  # reserved: zeros that pad
            return answers, True
        if tlv.type == Type.HMAC and key:
            code = authentication_code(key, sequence + pack_tlvs(answers))
            answers.append(Tlv(tlv.flags & ~UNRECOGNISED, tlv.type, code))
            continue
        if tlv.type not in LENGTHS or (tlv.type in SESSION_TYPES and arrival.received is None):
            answers.append(tlv._replace(flags=tlv.flags | UNRECOGNISED))
            continue
        if len(tlv.value) not in LENGTHS[Type(tlv.type)]:
            answers.append(tlv._replace(flags=tlv.flags & ~UNRECOGNISED | MALFORMED))
            return answers, True
        value = ANSWERS[tlv.type](tlv.value, arrival)
        answers.append(Tlv(tlv.flags & ~UNRECOGNISED, tlv.type, value))
    return answers, False


def _cut_short(rest: bytes) -> bytes:
    """What is left of a TLV that the packet ends in: told so, if it has a header to tell it in."""
    if len(rest) < 4 or not rest[1]:  # noqa: PLR2004  a header; type 0 is padding
        return rest
    return bytes((rest[0] & ~UNRECOGNISED | MALFORMED,)) + rest[1:]


def _is_whole(found: Extensions, key: bytes, sequence: bytes, *, required: bool) -> bool:
    """Whether the HMAC TLV is right, or there is none and none is needed."""
    for at, tlv in enumerate(found.tlvs):
        if tlv.type == Type.HMAC:
            code = authentication_code(key, sequence + pack_tlvs(found.tlvs[:at]))
            after = {later.type for later in found.tlvs[at + 1 :]}
            return after <= {Type.EXTRA_PADDING} and hmac.compare_digest(code, tlv.value)
    return not required or {tlv.type for tlv in found.tlvs} <= {Type.EXTRA_PADDING}


def _wanted_dscp(answers: Sequence[Tlv]) -> int | None:
    for tlv in answers:
        if tlv.type == Type.CLASS_OF_SERVICE and not tlv.flags:
            return tlv.value[0] >> 2
    return None


def _same(value: bytes, _: Arrival) -> bytes:
    return value


def _class_of_service(value: bytes, arrival: Arrival) -> bytes:
    """DSCP1 as asked, DSCP2 and ECN as received, RP 0: the answer leaves with what was asked."""
    wanted = value[0] >> 2
    dscp, ecn = arrival.traffic_class >> 2, arrival.traffic_class & 3
    return (wanted << 26 | dscp << 20 | ecn << 18).to_bytes(4, "big")


def _timestamp_information(value: bytes, arrival: Arrival) -> bytes:
    source = BY_NTP if arrival.synchronised else FREE_RUNNING
    return bytes((source, IN_SOFTWARE, source, IN_SOFTWARE)) + value[4:]


def _direct_measurement(value: bytes, arrival: Arrival) -> bytes:
    counts = ((arrival.received or 0) & 0xFFFFFFFF, (arrival.sent or 0) & 0xFFFFFFFF)
    return value[:4] + struct.pack(">II", *counts)


def _follow_up(_: bytes, arrival: Arrival) -> bytes:
    """Zeros where no departure is known: a stateless reflector, and a session's first packets."""
    if arrival.follow_up is None:
        return bytes(16)
    sequence, left = arrival.follow_up
    return struct.pack(">IIIB3x", sequence, left.high, left.low, IN_SOFTWARE)


def _location(value: bytes, arrival: Arrival) -> bytes:
    ports = struct.pack(">HH", arrival.destination[1], arrival.source[1])
    asked = read_tlvs(value[PORTS_OCTETS:])
    told = (_place(sub, arrival) for sub in asked.tlvs)
    return ports + pack_tlvs(told) + asked.rest


def _place(sub: Tlv, arrival: Arrival) -> Tlv:
    """A sub-TLV answered in particular, as long as it was asked; what is not known is marked so."""
    ways = {
        ASK_DESTINATION: (arrival.destination[0], TELL_DESTINATION_4, TELL_DESTINATION_6),
        ASK_SOURCE: (arrival.source[0], TELL_SOURCE_4, TELL_SOURCE_6),
    }
    if sub.type not in ways:
        return sub._replace(flags=sub.flags | UNRECOGNISED)
    if len(sub.value) != ADDRESS_OCTETS:
        return sub._replace(flags=sub.flags & ~UNRECOGNISED | MALFORMED)
    text, four, six = ways[sub.type]
    address = ip_address(text.partition("%")[0])
    packed = address.packed.ljust(ADDRESS_OCTETS, b"\0")
    return Tlv(sub.flags & ~UNRECOGNISED, four if address.version == IPV4 else six, packed)


# How long the value of each type that is understood may be.
LENGTHS = {
    Type.EXTRA_PADDING: range(1 << 16),
    Type.LOCATION: range(PORTS_OCTETS, 1 << 16),
    Type.TIMESTAMP_INFORMATION: range(4, 1 << 16),
    Type.CLASS_OF_SERVICE: range(4, 5),
    Type.DIRECT_MEASUREMENT: range(12, 13),
    Type.FOLLOW_UP_TELEMETRY: range(16, 17),
}
# A stateless reflector has nothing to count with.
SESSION_TYPES = frozenset({Type.DIRECT_MEASUREMENT})
ANSWERS: dict[int, Callable[[bytes, Arrival], bytes]] = {
    Type.EXTRA_PADDING: _same,
    Type.LOCATION: _location,
    Type.TIMESTAMP_INFORMATION: _timestamp_information,
    Type.CLASS_OF_SERVICE: _class_of_service,
    Type.DIRECT_MEASUREMENT: _direct_measurement,
    Type.FOLLOW_UP_TELEMETRY: _follow_up,
}
