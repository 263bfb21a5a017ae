"""Many UDP datagrams in few calls: sendmmsg and recvmmsg, and super-datagrams that the kernel cuts and joins (GSO, GRO).

Each datagram begins with a mark, its number from 0 and the time it was handed to the kernel, u64 each in the
host's order; every arrival has the kernel's own stamp (SO_TIMESTAMPNS), one for all that arrived joined.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchkit.clock import NS_PER_S, realtime_ns
from benchkit.linux import libc
from benchkit.linux.messages import BLOCK, LOW, MESSAGE, addresses
from benchkit.linux.timestamping import SO_RCVBUFFORCE

HEAD = struct.Struct("=QQQ")
LEAST_PAYLOAD, MOST_PAYLOAD = HEAD.size, 65_507
UDP_SEGMENT, UDP_GRO = 103, 104
SO_TIMESTAMPNS, SO_MEMINFO = 35, 55
DROPS = struct.Struct("=8I I")
MSG_WAITFORONE = 0x10000
BUFFER = 4 << 20
# Room for a tenth of a second of small ones at full rate: so long may a busy machine keep the receiver waiting.
FORCED_BUFFER = 16 << 20
# What the kernel charges a receive buffer for a small datagram, beside its payload: much of a page where drivers spend it.
CHARGED = 2304
# What says that there is no room for more just now.
FULL = frozenset({errno.ENOBUFS, errno.EAGAIN, errno.ENOMEM})

SEND_BATCH, SUPER_BATCH, MOST_SEGMENTS = 64, 16, 64
RECEIVE_BATCH, JOINED_BATCH = 64, 32
# What the kernel joins at most: UDP_MAX_SEGMENTS, 64 before 6.9, and what an IP packet holds.
MOST_JOINED, JOINED_OCTETS = 128, 1 << 16
_CONTROL = 64
# In a control buffer: the stamp's head and the stamp, then the segment size where arrivals were joined.
_STAMP_AT, _SEGMENT_AT = 16, 48
_WITH_SEGMENT = 52
Numbers = NDArray[np.int64]


def udp_drops(udp: socket.socket) -> int:
    """How many arrivals the kernel had no room for in this socket."""
    raw = udp.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, DROPS.size)
    return int(DROPS.unpack(raw)[-1]) if len(raw) == DROPS.size else 0


def prepare(udp: socket.socket) -> None:
    """Give a socket room for what comes while Python is elsewhere, as much as the kernel allows."""
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    with suppress(OSError):  # needs privilege
        udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, FORCED_BUFFER)


def room(udp: socket.socket, payload: int) -> int:
    """How many datagrams fit in half of a socket's receive buffer, whatever a driver charges for each."""
    return udp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // (payload + CHARGED) // 2


def has_segmentation() -> bool:
    """Whether this kernel cuts and joins datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        try:
            udp.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1400)
            udp.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
        except OSError:
            return False
    return True


def _messages(
    buffer: NDArray[np.uint8], stride: int, octets: int, count: int
) -> tuple[NDArray[np.void], NDArray[np.void]]:
    blocks = np.zeros(count, dtype=BLOCK)
    blocks["base"] = buffer.ctypes.data + np.arange(count, dtype=np.uint64) * np.uint64(stride)
    blocks["octets"] = octets
    messages = np.zeros(count, dtype=MESSAGE)
    messages["blocks"] = blocks.ctypes.data + np.arange(count, dtype=np.uint64) * np.uint64(
        BLOCK.itemsize
    )
    messages["block_count"] = 1
    return messages, blocks


class Outgoing:
    """Numbered datagrams of one size, up to `burst` of them in one call; `segmented` by the kernel or by us."""

    def __init__(
        self, udp: socket.socket, payload: int, mark: int, burst: int, *, segmented: bool
    ) -> None:
        """Lay out the messages once; a connected socket. `heap` is how many go in one that the kernel cuts."""
        self._descriptor = udp.fileno()
        each = min(burst, MOST_SEGMENTS, MOST_PAYLOAD // payload) if segmented else 1
        count = max(1, min(burst // each, SUPER_BATCH if segmented else SEND_BATCH))
        if each > 1:
            udp.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, payload)
        self.burst = each * count
        self._count, self.heap = count, each
        self._buffer = np.zeros(each * count * payload, dtype=np.uint8)
        self._messages, self._blocks = _messages(
            self._buffer, each * payload, each * payload, count
        )
        heads = [
            np.ndarray((self.burst,), np.int64, self._buffer.data, at, (payload,))
            for at in (0, 8, 16)
        ]
        heads[0][:] = mark
        self._numbers, self._stamps = heads[1], heads[2]
        self._steps = np.arange(self.burst, dtype=np.int64)
        self.sent = 0

    def send(self, most: int = MOST_PAYLOAD) -> int:
        """Send one burst or at most so many, or what the kernel takes; how many datagrams that were. Raises OSError."""
        np.add(self._steps, self.sent, out=self._numbers)
        self._stamps[:] = realtime_ns()
        taken = libc.call(
            "sendmmsg",
            self._descriptor,
            ctypes.c_void_p(self._messages.ctypes.data),
            min(self._count, max(1, most // self.heap)),
            0,
        )
        self.sent += taken * self.heap
        return taken * self.heap


@dataclass(frozen=True)
class Batch:
    """Datagrams that arrived together, in order: their numbers, when they left and came (CLOCK_REALTIME), of shape (n,)."""

    numbers: Numbers
    sent_ns: Numbers
    received_ns: Numbers
    octets: int


class Incoming:
    """Takes in marked datagrams, many in one call, joined by the kernel where `joined`.

    A heap of joined datagrams is taken in whole: the kernel copies all of it sooner than it finds a place for each
    head alone.
    """

    def __init__(self, udp: socket.socket, payload: int, mark: int, *, joined: bool) -> None:
        """Lay out the buffers once; a connected socket."""
        self._descriptor = udp.fileno()
        self._mark, self._payload = mark, payload
        self._count = JOINED_BATCH if joined else RECEIVE_BATCH
        self._most = max(1, min(MOST_JOINED, JOINED_OCTETS // payload)) if joined else 1
        udp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        if joined:
            udp.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
        self._control = np.zeros((self._count, _CONTROL), dtype=np.uint8)
        self._heads, self._blocks = _in_rows(self._count, self._most, payload)
        self._messages = np.zeros(self._count, dtype=MESSAGE)
        self._messages["blocks"] = addresses(self._blocks)
        self._messages["block_count"] = self._blocks[0].size
        self._messages["control"] = addresses(self._control)
        seconds, rest = (
            np.ndarray((self._count,), np.int64, self._control.data, at, (_CONTROL,))
            for at in (_STAMP_AT, _STAMP_AT + 8)
        )
        self._seconds, self._nanoseconds = seconds, rest
        self._segments = np.ndarray(
            (self._count,), np.int32, self._control.data, _SEGMENT_AT, (_CONTROL,)
        )
        self._places = np.arange(self._most)

    def receive(self) -> Batch:
        """Wait for the first and take what is there. Raises BlockingIOError when the socket's time is over."""
        self._messages["control_octets"] = _CONTROL
        messages = ctypes.c_void_p(self._messages.ctypes.data)
        got = libc.call("recvmmsg", self._descriptor, messages, self._count, MSG_WAITFORONE, None)
        lengths = (self._messages["octets"][:got] & LOW).astype(np.int64)
        stamps = self._seconds[:got] * NS_PER_S + self._nanoseconds[:got]
        return self._taken_apart(got, lengths, stamps)

    def _taken_apart(self, got: int, lengths: Numbers, stamps: Numbers) -> Batch:
        """Every datagram of the size that is due; the kernel joins no others to them."""
        counts = lengths // self._payload
        whole = bool((lengths == counts * self._payload).all())
        if not whole or self._most > 1:
            told = self._messages["control_octets"][:got] >= _WITH_SEGMENT
            sizes = np.where(told, self._segments[:got], lengths)
            fits = (sizes == self._payload) & (lengths == counts * self._payload)
            counts = np.where(fits, counts, 0)
        most = int(counts.max(initial=0))
        heads = self._heads[:got, :most]
        ours = heads[..., 0] == self._mark
        if int(counts.min()) < most:
            ours &= self._places[:most] < counts[:, None]
        if ours.all():
            taken, arrived = heads.copy().reshape(-1, 3), stamps.repeat(most)
        else:
            taken = heads[ours]
            arrived = np.broadcast_to(stamps[:, None], ours.shape)[ours]
        return Batch(taken[:, 1], taken[:, 2], arrived, taken.shape[0] * self._payload)


def _in_rows(count: int, most: int, payload: int) -> tuple[Numbers, NDArray[np.void]]:
    """Where heaps are received whole: their heads, (count, most, 3), and a block for each heap."""
    # One octet more than is due, so that a longer one is not taken for it; whole words, so that all rows are alike.
    stride = -(-(most * payload + 1) // 8) * 8
    rows = np.zeros((count, stride), dtype=np.uint8)
    blocks = np.zeros((count, 1), dtype=BLOCK)
    blocks["base"][:, 0] = addresses(rows)
    blocks["octets"] = most * payload + 1
    heads = np.ndarray((count, most, 3), np.int64, rows.data, 0, (stride, payload, 8))
    return heads, blocks
