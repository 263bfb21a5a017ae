"""Stamped UDP datagrams over IPv4 that lie where the kernel put them until there is time to read them, by columns.

`stamped_batches` reads what each call brings, and serves sessions that settle packet by packet. A mesh has dozens of
sessions at a socket and dozens of sockets: its calls bring few, and what they brought is read once for many calls.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.linux import libc, timestamping
from benchkit.linux.messages import BLOCK, LOW, MESSAGE, addresses
from benchkit.linux.stamped_batches import TransmitStamps
from benchkit.linux.timestamping import SO_RCVBUFFORCE

Numbers = NDArray[np.int64]
NAME_OCTETS, CONTROL_OCTETS = 16, 128
MOST_AT_ONCE = 1024  # UIO_MAXIOV
ROOM = 8 << 20
# The stamps come first, 64 octets with their head; then the TTL of a datagram, or the error that tells of a stamp.
_SECOND_AT = 64
# Level and type of a control message, read as one number.
_STAMPS = socket.SOL_SOCKET | timestamping.SO_TIMESTAMPING << 32
_TTL = socket.IPPROTO_IP | socket.IP_TTL << 32
_ERROR = socket.IPPROTO_IP | timestamping.IP_RECVERR << 32


def prepare(udp: socket.socket) -> None:
    """Give a socket room for a second of stamps and datagrams, as much as the kernel allows."""
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
    with suppress(OSError):  # needs privilege
        udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)


def _messages_of(
    rows: NDArray[np.uint8], octets: int, names: NDArray[np.uint8]
) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """A message for each row, of that many octets and with its name; and their blocks, to be kept as long."""
    blocks = np.zeros(len(rows), dtype=BLOCK)
    blocks["base"], blocks["octets"] = addresses(rows), octets
    messages = np.zeros(len(rows), dtype=MESSAGE)
    messages["blocks"], messages["block_count"] = addresses(blocks), 1
    messages["name"], messages["name_octets"] = addresses(names), names.shape[1]
    return messages, blocks


class Taken(NamedTuple):
    """Datagrams in the order in which they came, a row each; shape (n, …) or (n,).

    `names` are struct sockaddr_in. `stamps_ns` is CLOCK_REALTIME by the kernel, 0 without one; `seen_ns`
    CLOCK_MONOTONIC when we took it in. `ttls` -1 is not told.
    """

    payloads: NDArray[np.uint8]
    lengths: Numbers
    names: NDArray[np.uint8]
    stamps_ns: Numbers
    seen_ns: Numbers
    ttls: Numbers


class _Room:
    """Room for messages, filled call by call. Every field of theirs is a view that is made once."""

    def __init__(self, udp: socket.socket, count: int, octets: int, flags: int) -> None:
        self._descriptor = udp.fileno()
        self._flags = socket.MSG_DONTWAIT | flags
        self._octets, self._count, self.filled = octets, count, 0
        self._payloads = np.zeros((count, octets + 8 - octets % 8), dtype=np.uint8)
        self._names = np.zeros((count, NAME_OCTETS), dtype=np.uint8)
        self._control = np.zeros((count, CONTROL_OCTETS), dtype=np.uint8)
        self._seen_ns = np.zeros(count, dtype=np.int64)
        # One octet more than is due, so that a longer one is not taken for it.
        most = octets + bool(octets)
        self._messages, self._blocks = _messages_of(self._payloads, most, self._names)
        self._messages["control"] = addresses(self._control)
        self._address = self._messages.ctypes.data
        self._told, self._name_octets = (
            self._messages[name] for name in ("control_octets", "name_octets")
        )
        self._lengths = self._messages["octets"]
        self._first = self._field(np.int64, 8)
        self._seconds, self._rest = self._field(np.int64, 16), self._field(np.int64, 24)
        self._second = self._field(np.int64, _SECOND_AT + 8)
        self._reset(count)

    def _field(self, kind: Any, at: int) -> NDArray[Any]:  # noqa: ANN401  a number type
        """What stands at one place of every control buffer."""
        return np.ndarray((self._count,), kind, self._control.data, at, (CONTROL_OCTETS,))

    def _reset(self, count: int) -> None:
        self._name_octets[:count] = NAME_OCTETS
        self._told[:count] = CONTROL_OCTETS
        self.filled = 0

    @property
    def is_half_full(self) -> bool:
        """Whether it is time to take what is here."""
        return 2 * self.filled >= self._count

    def fill(self) -> int:
        """Take in what waits, as far as there is room; how many that were. Raises OSError for what the socket says."""
        room = min(self._count - self.filled, MOST_AT_ONCE)
        if not room:
            return 0
        at = ctypes.c_void_p(self._address + self.filled * MESSAGE.itemsize)
        got = libc.tried("recvmmsg", self._descriptor, at, room, self._flags, None)
        if got < 0:
            if -got == errno.EAGAIN or -got in timestamping.NEWS:
                return 0
            raise OSError(-got, f"recvmmsg: {os.strerror(-got)}")
        self._seen_ns[self.filled : self.filled + got] = monotonic_ns()
        self.filled += got
        return got

    def _stamps_ns(self, rows: slice) -> Numbers:
        stamps: Numbers = self._seconds[rows] * NS_PER_S + self._rest[rows]
        stamped = (self._first[rows] == _STAMPS) & (self._told[rows] >= _SECOND_AT)
        return stamps if stamped.all() else np.where(stamped, stamps, 0)


class Datagrams(_Room):
    """Room for datagrams."""

    def __init__(self, udp: socket.socket, count: int, octets: int) -> None:
        """Have room for `count` of at most `octets`; of a longer one the length tells."""
        super().__init__(udp, count, octets, 0)
        self._ttls = self._field(np.int32, _SECOND_AT + 16)

    def take(self) -> Taken:
        """What has been filled, copied; the room is free again."""
        rows = slice(self.filled)
        with_ttl = (self._second[rows] == _TTL) & (self._told[rows] > _SECOND_AT)
        taken = Taken(
            self._payloads[rows, : self._octets].copy(),
            (self._lengths[rows] & LOW).astype(np.int64),
            self._names[rows].copy(),
            self._stamps_ns(rows),
            self._seen_ns[rows].copy(),
            np.where(with_ttl, self._ttls[rows], -1),
        )
        self._reset(self.filled)
        return taken


class ErrorQueue(_Room):
    """Room for transmit stamps, which come off a socket's error queue."""

    def __init__(self, udp: socket.socket, count: int) -> None:
        """Have room for `count`."""
        super().__init__(udp, count, 0, timestamping.MSG_ERRQUEUE)
        at = _SECOND_AT + 16  # struct sock_extended_err
        self._origins, self._points = self._field(np.uint8, at + 4), self._field(np.uint32, at + 8)
        self._identities = self._field(np.uint32, at + 12)

    def take(self) -> TransmitStamps:
        """Those that have been filled, copied; the room is free again."""
        rows = slice(self.filled)
        stamps = self._stamps_ns(rows)
        sent = (self._second[rows] == _ERROR) & (stamps > 0)
        sent &= self._origins[rows] == timestamping.ORIGIN_TIMESTAMPING
        identities, points = (
            each[rows][sent].astype(np.int64) for each in (self._identities, self._points)
        )
        self._reset(self.filled)
        return TransmitStamps(identities, points, stamps[sent])


class Volley:
    """Datagrams laid out once, to be sent a run at a time. Their octets may change until then."""

    def __init__(
        self, udp: socket.socket, packets: NDArray[np.uint8], names: NDArray[np.uint8]
    ) -> None:
        """Hold packets, shape (n, octets), and where each goes, shape (n, 16): both stay the caller's."""
        self._descriptor = udp.fileno()
        self._packets, self._names = packets, names
        self._messages, self._blocks = _messages_of(packets, packets.shape[1], names)
        self._address = self._messages.ctypes.data

    def send(self, first: int, last: int) -> list[int]:
        """Send those from `first` up to, not including, `last`; which of them the kernel took.

        One that it refuses is left out: it is lost, as its missing answer will say.
        """
        sent = list[int]()
        while first < last:
            at = ctypes.c_void_p(self._address + first * MESSAGE.itemsize)
            wanted = min(last - first, MOST_AT_ONCE)
            taken = libc.tried("sendmmsg", self._descriptor, at, wanted, 0)
            sent += range(first, first + max(taken, 0))
            first += taken if taken > 0 else 1
        return sent
