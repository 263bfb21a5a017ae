"""STAMP's base packets (RFC 8762 sections 4.2 and 4.3, RFC 8972 for the SSID), as long one way as the other.

Unauthenticated they have 44 octets, authenticated 112, of which the last 16 are the first half of an
HMAC-SHA-256 over the 96 before. What follows the base is TLVs (RFC 8972), or padding.
"""

from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass
from typing import NamedTuple

from benchkit.probes.stamp_time import WireTime, from_wire

SMALLEST_REQUEST = 14  # TWAMP's header: sequence, timestamp, error estimate
# TWAMP reflectors answer at least this much: up to the sender's error estimate; the TTL is octet 40.
SMALLEST_REPLY = 38
TTL_AT = 40
ZEROS_AT = 16
HMAC_OCTETS = 16
SEALED_OCTETS = 96

_REQUEST_HEAD = struct.Struct(">I10s")
_SHORT_REPLY = struct.Struct(">IIIHHIIIIIH")
_ZEROS = bytes(28)


class Request(NamedTuple):
    """What a reflector needs of a request: its fields as they stand on the wire, to be copied.

    `time` is the sender's timestamp and error estimate, 10 octets. `padded` says that TWAMP's padding, which may be
    anything, stands where STAMP has zeros: then nothing that follows the error estimate means anything.
    """

    sequence: int
    time: bytes
    ssid: int
    padded: bool = False


class Reply(NamedTuple):
    """A reflector's answer as it stands on the wire, in its order; a time is two words.

    The error estimate holds for T3 and T2, `t1_estimate` for the sender's time. `ttl` is what it saw, -1 where
    it does not say. Flat, for each packet of a fast session makes one.
    """

    sequence: int
    t3_high: int
    t3_low: int
    error_estimate: int
    ssid: int
    t2_high: int
    t2_low: int
    sender_sequence: int
    t1_high: int
    t1_low: int
    t1_estimate: int
    ttl: int

    def t2_ns(self, near_ns: int) -> int:
        """When the request arrived there, in ns since 1970 by its clock; `near_ns` is about now."""
        return from_wire(self.t2_high, self.t2_low, self.error_estimate, near_ns)

    def t3_ns(self, near_ns: int) -> int:
        """When the reply left there, as above."""
        return from_wire(self.t3_high, self.t3_low, self.error_estimate, near_ns)


@dataclass(frozen=True)
class _Layout:
    """A request written and read, a reply written and read."""

    request: struct.Struct
    asked: struct.Struct
    reply: struct.Struct
    answered: struct.Struct


# Fields in all: sequence, time, error estimate, SSID; then T2, the sender's sequence, time and error
# estimate (which a reflector copies as 10 octets), and the TTL. x is an octet that must be zero.
_OPEN = _Layout(
    struct.Struct(">IIIHH28x"),
    struct.Struct(">I10sH28x"),
    struct.Struct(">IIIHHIII10s2xB3x"),
    struct.Struct(">IIIHHIIIIIH2xB3x"),
)
_SEALED = _Layout(
    struct.Struct(">I12xIIHH68x16x"),
    struct.Struct(">I12x10sH68x16x"),
    struct.Struct(">I12xIIHH4xII8xI12x10s6xB15x16x"),
    struct.Struct(">I12xIIHH4xII8xI12xIIH6xB15x16x"),
)


class Base:
    """The base packets of one mode: authenticated where there is a key."""

    def __init__(self, key: bytes = b"") -> None:
        """With a key packets are sealed, and those that are not sealed by it are none."""
        self.key = key
        self._layout = _SEALED if key else _OPEN
        self.octets = self._layout.request.size

    def request(self, sequence: int, ssid: int, time: WireTime) -> bytes:
        """A sender's packet."""
        return self._sealed(self._layout.request.pack(sequence, *time, ssid))

    def read_request(self, payload: bytes) -> Request | None:
        """A sender's packet as a reflector sees it; None when it is too short to be one, or sealed by another."""
        if self.key:
            if not self._is_ours(payload):
                return None
            return Request(*self._layout.asked.unpack_from(payload))
        if len(payload) < SMALLEST_REQUEST:
            return None
        if payload[ZEROS_AT : self.octets] == _ZEROS:
            return Request(*self._layout.asked.unpack_from(payload))
        sequence, time = _REQUEST_HEAD.unpack_from(payload)
        return Request(sequence, time, 0, padded=True)

    def reply(
        self, request: Request, *, sequence: int, t2: WireTime, t3: WireTime, ttl: int
    ) -> bytes:
        """A reflector's base packet. T3's error estimate holds for T2 too, which is in the same format."""
        asked, time, ssid, _ = request
        head = (sequence, t3.high, t3.low, t3.error_estimate, ssid, t2.high, t2.low)
        return self._sealed(self._layout.reply.pack(*head, asked, time, ttl))

    def read_reply(self, payload: bytes) -> Reply | None:
        """A reflector's answer, from 38 octets on where it is not sealed; None when it is none, or another's."""
        if self.key:
            if not self._is_ours(payload):
                return None
        elif len(payload) < self.octets:
            if len(payload) < SMALLEST_REPLY:
                return None
            ttl = payload[TTL_AT] if len(payload) > TTL_AT else -1
            return Reply._make((*_SHORT_REPLY.unpack_from(payload), ttl))
        return Reply._make(self._layout.answered.unpack_from(payload))

    def _sealed(self, packet: bytes) -> bytes:
        if not self.key:
            return packet
        return packet[:SEALED_OCTETS] + authentication_code(self.key, packet[:SEALED_OCTETS])

    def _is_ours(self, payload: bytes) -> bool:
        if len(payload) < self.octets:
            return False
        code = authentication_code(self.key, payload[:SEALED_OCTETS])
        return hmac.compare_digest(code, payload[SEALED_OCTETS : self.octets])


def authentication_code(key: bytes, octets: bytes) -> bytes:
    """HMAC-SHA-256/128: the first 16 octets of the 32 (RFC 8762 section 4.4)."""
    return hmac.digest(key, octets, "sha256")[:HMAC_OCTETS]
