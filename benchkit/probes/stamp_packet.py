"""STAMP's unauthenticated packets, 44 octets each way (RFC 8762 section 4.2.1 and 4.3.1, RFC 8972 for SSID).

A sender's packet: sequence u32, timestamp 8, error estimate u16, SSID u16, 28 zero octets. A reflector's:
sequence, T3, error estimate, SSID, T2, then the sender's sequence, timestamp, error estimate, two zero
octets, the TTL it saw, three zero octets. Timestamps are NTP: 32 bits of seconds since 1900, 32 of fraction.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from benchkit.clock import NS_PER_S

PORT = 862
OCTETS = 44
SMALLEST_REQUEST = 14
NTP_EPOCH_S = 2_208_988_800
NTP_ERA_S = 1 << 32
# Not synchronised to UTC, an error of one unit: round trips need no more, and it promises nothing.
UNSYNCHRONISED = 0x0001

_SENDER = struct.Struct(">IIIHH28x")
_REFLECTOR = struct.Struct(">IIIHHIIIIIHHB3x")
_REQUEST_HEAD = struct.Struct(">IIIH")


class Request(NamedTuple):
    """What a reflector needs of a request: its fields as they stand on the wire, to be copied."""

    sequence: int
    seconds: int
    fraction: int
    error_estimate: int
    ssid: int


class Reply(NamedTuple):
    """A reflector's answer. Times in nanoseconds since 1970, as the far end's clock has them."""

    sender_sequence: int
    ssid: int
    t2_ns: int
    t3_ns: int
    ttl: int


def to_ntp(realtime_ns: int) -> tuple[int, int]:
    """Nanoseconds since 1970 as NTP seconds and fraction, the fraction to the nearest unit."""
    units = (((realtime_ns % NS_PER_S) << 32) + NS_PER_S // 2) // NS_PER_S
    seconds = realtime_ns // NS_PER_S + NTP_EPOCH_S + (units >> 32)
    return seconds % NTP_ERA_S, units & 0xFFFFFFFF


def from_ntp(seconds: int, fraction: int, near_ns: int) -> int:
    """NTP time as nanoseconds since 1970, in the era (2036 and on) that is nearest to `near_ns`."""
    near_s = near_ns // NS_PER_S + NTP_EPOCH_S
    era = round((near_s - seconds) / NTP_ERA_S)
    whole = seconds + era * NTP_ERA_S - NTP_EPOCH_S
    return whole * NS_PER_S + ((fraction * NS_PER_S + (1 << 31)) >> 32)


def pack_request(sequence: int, ssid: int, realtime_ns: int) -> bytes:
    """A sender's packet."""
    return _SENDER.pack(sequence, *to_ntp(realtime_ns), UNSYNCHRONISED, ssid)


def read_request(payload: bytes) -> Request | None:
    """A sender's packet as a reflector sees it, or None when it is too short to be one."""
    if len(payload) < SMALLEST_REQUEST:
        return None
    ssid = int.from_bytes(payload[14:16], "big") if len(payload) >= OCTETS else 0
    sequence, seconds, fraction, error_estimate = _REQUEST_HEAD.unpack_from(payload)
    return Request(sequence, seconds, fraction, error_estimate, ssid)


def pack_reply(request: Request, payload: bytes, *, t2_ns: int, t3_ns: int, ttl: int) -> bytes:
    """A stateless reflector's answer: as long as the request, and at least 44 octets; the rest is copied."""
    head = _REFLECTOR.pack(
        request.sequence,
        *to_ntp(t3_ns),
        UNSYNCHRONISED,
        request.ssid,
        *to_ntp(t2_ns),
        request.sequence,
        request.seconds,
        request.fraction,
        request.error_estimate,
        0,
        ttl,
    )
    return head + payload[OCTETS:]


def read_reply(payload: bytes, near_ns: int) -> Reply | None:
    """A reflector's answer, its times in the era of `near_ns`; None when it is too short to be one."""
    if len(payload) < OCTETS:
        return None
    fields = _REFLECTOR.unpack_from(payload)
    _, t3_s, t3_f, _, ssid, t2_s, t2_f, sequence, _, _, _, _, ttl = fields
    return Reply(sequence, ssid, from_ntp(t2_s, t2_f, near_ns), from_ntp(t3_s, t3_f, near_ns), ttl)
