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

PORT = 862
SMALLEST_REQUEST = 14  # TWAMP's header: sequence, timestamp, error estimate
# TWAMP reflectors answer at least this much: up to the sender's error estimate; the TTL is octet 40.
SMALLEST_REPLY = 38
TTL_AT = 40
SSID_AT, ZEROS_AT = 14, 16
HMAC_OCTETS = 16
SEALED_OCTETS = 96

_REQUEST_HEAD = struct.Struct(">IIIH")
_OPEN_REPLY_HEAD = struct.Struct(">IIIHHIIIIIH")
_ZEROS = bytes(28)


class Request(NamedTuple):
    """What a reflector needs of a request: its fields as they stand on the wire, to be copied.

    `padded` says that TWAMP's padding, which may be anything, stands where STAMP has zeros: then nothing that
    follows the error estimate means anything.
    """

    sequence: int
    time: WireTime
    ssid: int
    padded: bool = False


class Reply(NamedTuple):
    """A reflector's answer as it stands on the wire. `ttl` is what it saw, -1 where it does not say."""

    sequence: int
    t3: WireTime
    ssid: int
    t2: WireTime
    sender_sequence: int
    t1: WireTime
    ttl: int

    def t2_ns(self, near_ns: int) -> int:
        """When the request arrived there, in ns since 1970 by its clock; `near_ns` is about now."""
        return from_wire(*self.t2, near_ns)

    def t3_ns(self, near_ns: int) -> int:
        """When the reply left there, as above."""
        return from_wire(*self.t3, near_ns)


@dataclass(frozen=True)
class _Layout:
    sender: struct.Struct
    reflector: struct.Struct


# Fields in both: sequence, time, error estimate, SSID; then T2, the sender's sequence, time and error
# estimate, and the TTL. x is an octet that must be zero.
_OPEN = _Layout(struct.Struct(">IIIHH28x"), struct.Struct(">IIIHHIIIIIH2xB3x"))
_SEALED = _Layout(
    struct.Struct(">I12xIIHH68x16x"), struct.Struct(">I12xIIHH4xII8xI12xIIH6xB15x16x")
)


class Base:
    """The base packets of one mode: authenticated where there is a key."""

    def __init__(self, key: bytes = b"") -> None:
        """With a key packets are sealed, and those that are not sealed by it are none."""
        self.key = key
        self._layout = _SEALED if key else _OPEN
        self.octets = self._layout.sender.size

    def request(self, sequence: int, ssid: int, time: WireTime) -> bytes:
        """A sender's packet."""
        return self._sealed(self._layout.sender.pack(sequence, *time, ssid))

    def read_request(self, payload: bytes) -> Request | None:
        """A sender's packet as a reflector sees it; None when it is too short to be one, or sealed by another."""
        if self.key:
            if not self._is_ours(payload):
                return None
            sequence, *time, ssid = self._layout.sender.unpack_from(payload)
            return Request(sequence, WireTime(*time), ssid)
        if len(payload) < SMALLEST_REQUEST:
            return None
        sequence, *time = _REQUEST_HEAD.unpack_from(payload)
        if payload[ZEROS_AT : self.octets] != _ZEROS:
            return Request(sequence, WireTime(*time), 0, padded=True)
        ssid = int.from_bytes(payload[SSID_AT:ZEROS_AT], "big")
        return Request(sequence, WireTime(*time), ssid)

    def reply(
        self, request: Request, *, sequence: int, t2: WireTime, t3: WireTime, ttl: int
    ) -> bytes:
        """A reflector's base packet. T3's error estimate holds for T2 too, which is in the same format."""
        fields = (sequence, *t3, request.ssid, t2.high, t2.low, request.sequence, *request.time)
        return self._sealed(self._layout.reflector.pack(*fields, ttl))

    def read_reply(self, payload: bytes) -> Reply | None:
        """A reflector's answer, from 38 octets on where it is not sealed; None when it is none, or another's."""
        if self.key:
            if not self._is_ours(payload):
                return None
            fields = self._layout.reflector.unpack_from(payload)
            return _reply(fields[:-1], fields[-1])
        if len(payload) < SMALLEST_REPLY:
            return None
        ttl = payload[TTL_AT] if len(payload) > TTL_AT else -1
        return _reply(_OPEN_REPLY_HEAD.unpack_from(payload), ttl)

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


def _reply(fields: tuple[int, ...], ttl: int) -> Reply:
    sequence, high, low, estimate, ssid, t2_high, t2_low, sender_sequence, *t1 = fields
    return Reply(
        sequence,
        WireTime(high, low, estimate),
        ssid,
        WireTime(t2_high, t2_low, estimate),
        sender_sequence,
        WireTime(*t1),
        ttl,
    )
