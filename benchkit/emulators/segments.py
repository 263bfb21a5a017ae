"""Part of a super-packet as a frame of its own, for when some of its segments are lost.

A frame from a packet ring starts with struct virtio_net_hdr (<linux/virtio_net.h>): flags, segmentation type,
header length, segment size, and where the checksum goes; lengths and sequence numbers behind it say what the
whole is. Checksums of what is inside stay partial, for the kernel to finish where it has to.
"""

from __future__ import annotations

import struct

from benchkit.linux.packet_ring import OFFLOAD_HEADER

ETHERNET = 14
IPV4_TYPE = b"\x08\x00"
TCP, UDP = 6, 17
FIN_PSH, CWR = 0x09, 0x80

_OFFLOAD = struct.Struct("=BBHHHH")


def part(data: bytes, first: int, end: int) -> bytes | None:
    """Segments `first` up to, not including, `end` of a super-packet as a frame; None for another protocol than ours."""
    flags, kind, header, size, check_start, check_offset = _OFFLOAD.unpack_from(data)
    frame = data[OFFLOAD_HEADER:]
    protocol = frame[ETHERNET + 9]
    if frame[12:14] != IPV4_TYPE or protocol not in {TCP, UDP}:
        return None
    head, payload = bytearray(frame[:header]), frame[header:]
    kept = payload[first * size : end * size]
    is_last = end * size >= len(payload)
    transport = ETHERNET + 4 * (head[ETHERNET] & 15)
    length = header - transport + len(kept)
    _fix_network(head, first, transport - ETHERNET + length)
    if protocol == TCP:
        _fix_tcp(head, transport, first, first * size, is_last=is_last)
    else:
        head[transport + 4 : transport + 6] = length.to_bytes(2, "big")
    # A checksum that is still to be computed holds the sum of addresses, protocol and length.
    pseudo = _sum(bytes(head[ETHERNET + 12 : ETHERNET + 20]), protocol + length)
    at = check_start + check_offset
    head[at : at + 2] = pseudo.to_bytes(2, "big")
    if len(kept) <= size:
        kind = size = 0
    offload = _OFFLOAD.pack(flags, kind, header, size, check_start, check_offset)
    return offload + bytes(head) + kept


def _fix_network(head: bytearray, first: int, length: int) -> None:
    network = memoryview(head)[ETHERNET : ETHERNET + 4 * (head[ETHERNET] & 15)]
    network[2:4] = length.to_bytes(2, "big")
    network[4:6] = ((int.from_bytes(network[4:6], "big") + first) & 0xFFFF).to_bytes(2, "big")
    network[10:12] = bytes(2)
    network[10:12] = (_sum(bytes(network)) ^ 0xFFFF).to_bytes(2, "big")


def _fix_tcp(head: bytearray, transport: int, first: int, skipped: int, *, is_last: bool) -> None:
    """Number it by what comes before it; the ends of the whole are told by its first and last part only."""
    sequence = int.from_bytes(head[transport + 4 : transport + 8], "big") + skipped
    head[transport + 4 : transport + 8] = (sequence & 0xFFFFFFFF).to_bytes(4, "big")
    if not is_last:
        head[transport + 13] &= ~FIN_PSH & 0xFF
    if first:
        head[transport + 13] &= ~CWR & 0xFF


def _sum(octets: bytes, start: int = 0) -> int:
    """The Internet checksum's sum (RFC 1071), not inverted."""
    total: int = start + sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total
