"""STAMP's extensions (RFC 8972): TLVs after the base packet, read and written without any meaning.

Each has flags, a type, the length of its value in two octets, and the value; nothing is aligned. A sender
sets U in every one, and a reflector clears it in those that it understood.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from benchkit.model.stamp_options import HEADER_OCTETS

UNRECOGNISED, MALFORMED, INTEGRITY = 0x80, 0x40, 0x20
IN_SOFTWARE = 2  # how a stamp was taken (RFC 8972 section 4.3)


class Type(IntEnum):
    """The types that this instrument knows, as registered with IANA."""

    EXTRA_PADDING = 1
    LOCATION = 2
    TIMESTAMP_INFORMATION = 3
    CLASS_OF_SERVICE = 4
    DIRECT_MEASUREMENT = 5
    FOLLOW_UP_TELEMETRY = 7
    HMAC = 8


class Tlv(NamedTuple):
    """One extension."""

    flags: int
    type: int
    value: bytes

    def packed(self) -> bytes:
        """As it stands in a packet."""
        return bytes((self.flags, self.type)) + len(self.value).to_bytes(2, "big") + self.value


class Extensions(NamedTuple):
    """The TLVs of a packet in order, and what follows the last whole one: empty, unless it is cut short."""

    tlvs: tuple[Tlv, ...]
    rest: bytes


def read_tlvs(tail: bytes) -> Extensions:
    """What follows a base packet. It ends early at a length that goes beyond the packet."""
    tlvs, at = [], 0
    while len(tail) - at >= HEADER_OCTETS:
        end = at + HEADER_OCTETS + int.from_bytes(tail[at + 2 : at + HEADER_OCTETS], "big")
        if end > len(tail):
            break
        tlvs.append(Tlv(tail[at], tail[at + 1], tail[at + HEADER_OCTETS : end]))
        at = end
    return Extensions(tuple(tlvs), tail[at:])


def pack_tlvs(tlvs: Iterable[Tlv]) -> bytes:
    """What follows a base packet."""
    return b"".join(tlv.packed() for tlv in tlvs)
