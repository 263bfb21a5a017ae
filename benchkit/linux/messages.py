"""Rows of datagrams for sendmmsg and recvmmsg: buffers and headers laid out once, used again for every call."""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchkit.linux import libc

MESSAGE = np.dtype(
    [
        ("name", np.uint64),
        ("name_octets", np.uint64),
        ("blocks", np.uint64),
        ("block_count", np.uint64),
        ("control", np.uint64),
        ("control_octets", np.uint64),
        ("flags", np.uint64),
        ("octets", np.uint64),
    ]
)  # fmt: skip  struct mmsghdr of 64-bit hosts, with its padding
BLOCK = np.dtype([("base", np.uint64), ("octets", np.uint64)])
LOW = np.uint64(0xFFFFFFFF)
# struct cmsghdr: octets with this head, level, type. What follows is aligned to eight.
CONTROL_HEAD = struct.Struct("=Qii")
WORD = 8

Places = Mapping[tuple[int, int], int]


def addresses(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """Where each row of an array begins in memory.

    `rows` has shape (n, octets), the answer (n,).
    """
    return rows.ctypes.data + np.arange(len(rows), dtype=np.uint64) * np.uint64(rows.strides[0])


class _Layout(NamedTuple):
    """Control messages as rows have them: octets in all, which words are heads, those, and where the data stands."""

    octets: np.uint64
    at: NDArray[np.int64]
    heads: NDArray[np.uint64]
    places: Places


class Messages:
    """Up to `count` datagrams of up to `octets` each, a row each.

    `names` is how many octets of socket address each has, `control` how many of control messages; a multiple
    of eight.
    """

    def __init__(self, count: int, octets: int, *, names: int = 0, control: int = 0) -> None:
        """Lay them out, all of them zero."""
        self.rows = np.zeros((count, octets), dtype=np.uint8)
        self.names = np.zeros((count, names), dtype=np.uint8)
        self.control = np.zeros((count, control), dtype=np.uint8)
        self._words = self.control.view(np.uint64)
        self._blocks = np.zeros(count, dtype=BLOCK)
        self._blocks["base"], self._blocks["octets"] = addresses(self.rows), octets
        self._headers = np.zeros(count, dtype=MESSAGE)
        self._headers["blocks"], self._headers["block_count"] = addresses(self._blocks), 1
        if names:
            self._headers["name"] = addresses(self.names)
        if control:
            self._headers["control"] = addresses(self.control)
        self._layout: _Layout | None = None
        self._at = [ctypes.c_void_p(int(each)) for each in addresses(self._headers)]

    def __len__(self) -> int:
        return len(self.rows)

    def write_control(self, octets: int) -> None:
        """Have each datagram sent with the first `octets` of its control row."""
        self._headers["control_octets"] = octets

    def write_names(self, octets: int) -> None:
        """Have each datagram sent to the first `octets` of its name row; 0 where the socket is connected."""
        self._headers["name_octets"] = octets

    def send(self, udp: socket.socket, first: int, last: int, octets: int) -> int:
        """Send `octets` of each of these rows; how many the kernel took. Raises OSError where it took none."""
        if octets != self._blocks["octets"][0]:
            self._blocks["octets"] = octets
        return libc.call("sendmmsg", udp.fileno(), self._at[first], last - first, 0)

    def receive(self, udp: socket.socket, flags: int = 0) -> int:
        """Fill rows from the first on with what is there, without waiting; how many. Raises OSError."""
        self._headers["name_octets"] = self.names.shape[1]
        self._headers["control_octets"] = self.control.shape[1]
        flags |= socket.MSG_DONTWAIT
        try:
            return libc.call("recvmmsg", udp.fileno(), self._at[0], len(self), flags, None)
        except BlockingIOError:
            return 0

    def lengths(self, got: int) -> NDArray[np.int64]:
        """How many octets each of the first `got` rows received, shape (got,), at most what it has room for."""
        return (self._headers["octets"][:got] & LOW).astype(np.int64)

    def words(self, got: int, at: int) -> NDArray[np.int64]:
        """The eight octets at a place of each control row, as integers of shape (got,)."""
        return self._words[:got, at // WORD].astype(np.int64)

    def places(self, got: int) -> Places | None:
        """Where the data of each control message stands, by (level, type); None where rows are not alike."""
        layout = self._layout
        if layout is None or not self._is_alike(got, layout):
            layout = self._layout = self._layout_of_first()
            if not self._is_alike(got, layout):
                return None
        return layout.places

    def _is_alike(self, got: int, layout: _Layout) -> bool:
        octets = self._headers["control_octets"][:got]
        return bool(
            (octets == layout.octets).all() and (self._words[:got, layout.at] == layout.heads).all()
        )

    def _layout_of_first(self) -> _Layout:
        octets, raw = self._headers["control_octets"][0], self.control[0].tobytes()
        places, heads, at = {}, [], 0
        while at + CONTROL_HEAD.size <= octets:
            length, level, kind = CONTROL_HEAD.unpack_from(raw, at)
            places[level, kind] = at + CONTROL_HEAD.size
            heads += [at // WORD, at // WORD + 1]
            at += -(-max(length, CONTROL_HEAD.size) // WORD) * WORD
        where = np.array(heads, dtype=np.int64)
        return _Layout(octets, where, self._words[0, where], places)

    def ancillary(self, at: int) -> list[tuple[int, int, bytes]]:
        """The control messages of one row, as `socket.recvmsg` gives them."""
        left, raw = int(self._headers["control_octets"][at]), self.control[at].tobytes()
        found, place = [], 0
        while place + CONTROL_HEAD.size <= left:
            length, level, kind = CONTROL_HEAD.unpack_from(raw, place)
            found.append((level, kind, raw[place + CONTROL_HEAD.size : place + length]))
            place += -(-max(length, CONTROL_HEAD.size) // WORD) * WORD
        return found
