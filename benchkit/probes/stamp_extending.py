"""The TLVs of a STAMP sender (RFC 8972): what it asks a reflector for, and what comes back."""

from __future__ import annotations

import hmac
import os
import socket
import struct
from ipaddress import ip_address
from itertools import takewhile
from typing import NamedTuple

from benchkit.errors import AskedWronglyError
from benchkit.linux.timestamping import Received
from benchkit.model.far_end import FarFlags
from benchkit.model.stamp_options import HEADER_OCTETS, StampOptions
from benchkit.probes.stamp_packet import HMAC_OCTETS, Base, Reply, authentication_code
from benchkit.probes.stamp_time import from_wire
from benchkit.probes.stamp_tlv import (
    INTEGRITY,
    MALFORMED,
    UNRECOGNISED,
    Tlv,
    Type,
    pack_tlvs,
    read_tlvs,
)

_FOLLOW_UP = struct.Struct(">IIIB3x")
REFUSED = 1  # RP; some far ends put the sender's ECN there
_ASKED_PLACES = (
    Tlv(UNRECOGNISED, 4, bytes(16)),  # which address it was sent to
    Tlv(UNRECOGNISED, 7, bytes(16)),  # and where from
)


class Returned(NamedTuple):
    """What the TLVs of an answer tell. `follow_up` is an earlier answer's sequence number and departure, in ns."""

    flags: int
    follow_up: tuple[int, int] | None = None


class Extender:
    """What follows the base packets of one session; `octets` of it."""

    def __init__(self, options: StampOptions, base: Base, udp: socket.socket) -> None:
        """Extend the packets of a connected socket. Raises AskedWronglyError for a size that cannot be."""
        self._dscp = options.dscp
        self._key, self._base_octets = base.key, base.octets
        self._here = udp.getsockname()[:2]
        wanted = {
            "class-of-service": Tlv(
                UNRECOGNISED, Type.CLASS_OF_SERVICE, (options.dscp << 26).to_bytes(4, "big")
            ),
            "direct-measurement": Tlv(UNRECOGNISED, Type.DIRECT_MEASUREMENT, bytes(12)),
            "follow-up-telemetry": Tlv(UNRECOGNISED, Type.FOLLOW_UP_TELEMETRY, bytes(16)),
            "location": Tlv(UNRECOGNISED, Type.LOCATION, bytes(4) + pack_tlvs(_ASKED_PLACES)),
            "timestamp-information": Tlv(UNRECOGNISED, Type.TIMESTAMP_INFORMATION, bytes(4)),
        }
        self._asked = [wanted[name] for name in options.extensions]
        sealed = bool(self._key and self._asked)
        self._seal_octets = (HEADER_OCTETS + HMAC_OCTETS) * sealed
        asked = len(pack_tlvs(self._asked)) + self._seal_octets
        self._padding = _padding(options.octets, base.octets + asked)
        self._fixed = pack_tlvs(self._asked)
        self._counts = any(tlv.type == Type.DIRECT_MEASUREMENT for tlv in self._asked)
        self.follows_up = any(tlv.type == Type.FOLLOW_UP_TELEMETRY for tlv in self._asked)
        self.octets = asked + len(self._padding)

    def tail(self, index: int) -> bytes:
        """What follows the base of packet `index`."""
        body = self._fixed
        if self._counts:
            sent = struct.pack(">I8x", index + 1 & 0xFFFFFFFF)
            body = pack_tlvs(
                tlv._replace(value=sent) if tlv.type == Type.DIRECT_MEASUREMENT else tlv
                for tlv in self._asked
            )
        if self._seal_octets:
            code = authentication_code(self._key, index.to_bytes(4, "big") + body)
            body += Tlv(UNRECOGNISED, Type.HMAC, code).packed()
        return body + self._padding

    def read(self, received: Received, reply: Reply) -> Returned:
        """What came back after the base of an answer that carries our SSID."""
        came = read_tlvs(received.payload[self._base_octets :]).tlvs
        tlvs = tuple(takewhile(lambda tlv: tlv.type, came))  # type 0 is zeros that pad
        if not tlvs or all(tlv.flags & UNRECOGNISED for tlv in tlvs):
            return Returned(FarFlags.NO_EXTENSIONS)
        if any(tlv.flags & INTEGRITY for tlv in tlvs) or not self._is_whole(tlvs, reply.sequence):
            return Returned(FarFlags.SPOILT)
        flags, follow_up = 0, None
        for tlv in tlvs:
            if tlv.flags & MALFORMED:
                flags |= FarFlags.MALFORMED
                break
            if tlv.flags & UNRECOGNISED:
                flags |= FarFlags.NO_EXTENSIONS
            elif tlv.type == Type.CLASS_OF_SERVICE and len(tlv.value) == 4:  # noqa: PLR2004  octets, by RFC 8972
                flags |= self._classes(tlv.value, received.traffic_class)
            elif tlv.type == Type.LOCATION:
                flags |= self._places(tlv.value)
            elif tlv.type == Type.FOLLOW_UP_TELEMETRY and len(tlv.value) == _FOLLOW_UP.size:
                follow_up = _departure(tlv.value, reply, received.stamp_ns)
                flags |= FarFlags.COUNTS if follow_up else 0
        return Returned(flags, follow_up)

    def _is_whole(self, tlvs: tuple[Tlv, ...], sequence: int) -> bool:
        if not self._seal_octets:
            return True
        for at, tlv in enumerate(tlvs):
            if tlv.type == Type.HMAC:
                covered = sequence.to_bytes(4, "big") + pack_tlvs(tlvs[:at])
                return hmac.compare_digest(authentication_code(self._key, covered), tlv.value)
        return False

    def _classes(self, value: bytes, arrived: int) -> int:
        bits = int.from_bytes(value, "big")
        flags = 0
        if bits >> 20 & 63 != self._dscp:
            flags |= FarFlags.CLASS_CHANGED_THERE
        if bits >> 16 & 3 == REFUSED:
            flags |= FarFlags.CLASS_REFUSED
        elif arrived >= 0 and arrived >> 2 != self._dscp:
            flags |= FarFlags.CLASS_CHANGED_BACK
        return flags

    def _places(self, value: bytes) -> int:
        """Whether the far end saw the address and port that we sent from."""
        if len(value) < HEADER_OCTETS:
            return 0
        seen_port = int.from_bytes(value[2:4], "big")
        ours = ip_address(self._here[0].partition("%")[0]).packed.ljust(16, b"\0")
        seen = [tlv.value for tlv in read_tlvs(value[4:]).tlvs if tlv.type in {8, 9}]
        same = seen_port == self._here[1] and all(address == ours for address in seen)
        return 0 if same else FarFlags.ADDRESS_TRANSLATED


def _departure(value: bytes, reply: Reply, near_ns: int) -> tuple[int, int] | None:
    sequence, high, low, _ = _FOLLOW_UP.unpack(value)
    if not (high or low):
        return None
    return sequence, from_wire(high, low, reply.error_estimate, near_ns)


def _padding(wanted: int, has: int) -> bytes:
    """An extra padding TLV that makes up the size. Pseudo-random, so that no link can compress it."""
    if not wanted or wanted == has:
        return b""
    room = wanted - has - HEADER_OCTETS
    if room < 0:
        raise AskedWronglyError(
            f"a STAMP packet of {wanted} octets cannot be: these options make it {has}, or "
            f"{has + HEADER_OCTETS} and more with padding"
        )
    return Tlv(UNRECOGNISED, Type.EXTRA_PADDING, os.urandom(room)).packed()
