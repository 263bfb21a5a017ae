"""A packet socket on one device, with a memory-mapped ring.

Whole frames come in with the kernel's arrival stamp and go out with their offload header, so that a 64 KB
super-packet crosses as one.

Constants and the ring's layout are those of <linux/if_packet.h>; the ring is version 2, frame by frame,
because version 3 hands over blocks by a millisecond timer.
"""

from __future__ import annotations

import mmap
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

from benchkit.clock import NS_PER_S

SOL_PACKET = 263
PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION = 5, 6, 10
PACKET_VNET_HDR, PACKET_QDISC_BYPASS, PACKET_IGNORE_OUTGOING = 15, 20, 23
TPACKET_V2 = 1
ETH_P_ALL = 3
TP_STATUS_KERNEL, TP_STATUS_USER = 0, 1

OFFLOAD_HEADER = 10  # struct virtio_net_hdr
OFFLOAD_KIND = 1  # where it says whether the frame is a super-packet: not where this is 0
PAGE = mmap.PAGESIZE

_FRAME = struct.Struct("=IIIHHII")  # status, length, captured, mac, net, seconds, nanoseconds
_STATUS = struct.Struct("=I")
_OFFLOAD = struct.Struct("=BBHH")  # flags, segmentation type, header length, segment size
_FREE = _STATUS.pack(TP_STATUS_KERNEL)


class Frame(NamedTuple):
    """One frame: its offload header and octets, when it arrived (CLOCK_REALTIME), and what it is made of.

    `octets` counts the frame with its Ethernet header, as one piece; `segments` how many packets the
    offload will make of it, each with `header` octets of headers.
    """

    data: bytes
    stamp_ns: int
    octets: int
    segments: int
    header: int


def frame_of(data: bytes, stamp_ns: int, octets: int) -> Frame:
    """A frame as the ring gave it, with what its offload header says."""
    _, kind, header, size = _OFFLOAD.unpack_from(data)
    segments = -(-(octets - header) // size) if kind and size else 1
    return Frame(data, stamp_ns, octets, segments, header)


class PacketRing:
    """Frames of one device of the namespace that the calling thread is in."""

    def __init__(self, device: str, *, largest: int, slots: int) -> None:
        """Open it for frames of up to `largest` octets; `slots` of them can wait to be read."""
        self._slot = -(-(largest + 256) // PAGE) * PAGE
        self._slots = slots
        self._next = 0
        self.truncated = 0
        packet = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        try:
            packet.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
            packet.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
            packet.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            packet.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
            ring = struct.pack("=IIII", self._slot, slots, self._slot, slots)
            packet.setsockopt(SOL_PACKET, PACKET_RX_RING, ring)
            self._ring = mmap.mmap(packet.fileno(), self._slot * slots)
            packet.bind((device, ETH_P_ALL))
            packet.setblocking(False)  # noqa: FBT003  the standard library's signature
        except OSError:
            packet.close()
            raise
        self._packet = packet
        self.send = packet.send

    def fileno(self) -> int:
        """Give the descriptor, for a selector."""
        return self._packet.fileno()

    def raw(self, most: int) -> Iterator[tuple[bytes, int, int]]:
        """Up to `most` frames that have arrived, oldest first: `data`, `stamp_ns` and `octets` as a Frame has them."""
        ring, slot, slots, unpack, offload = (
            self._ring,
            self._slot,
            self._slots,
            _FRAME.unpack_from,
            OFFLOAD_HEADER,
        )
        for _ in range(most):
            at = self._next * slot
            status, length, captured, mac, _, seconds, nanoseconds = unpack(ring, at)
            if not status & TP_STATUS_USER:
                return
            data = ring[at + mac - offload : at + mac + captured]
            ring[at : at + 4] = _FREE
            self._next = (self._next + 1) % slots
            if captured < length:
                self.truncated += 1
                continue
            yield data, seconds * NS_PER_S + nanoseconds, length

    def frames(self, most: int) -> Iterator[Frame]:
        """Up to `most` frames that have arrived, oldest first."""
        for data, stamp_ns, octets in self.raw(most):
            yield frame_of(data, stamp_ns, octets)

    def dropped(self) -> int:
        """How many frames found no slot or did not fit since this was last asked."""
        answer = self._packet.getsockopt(SOL_PACKET, PACKET_STATISTICS, 12)
        drops = int(struct.unpack_from("=II", answer)[1])
        lost, self.truncated = drops + self.truncated, 0
        return lost

    def close(self) -> None:
        """Close the ring and its socket."""
        self._ring.close()
        self._packet.close()
