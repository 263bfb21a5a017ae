"""How bulk octets leave and arrive: blocking sockets, few large calls, and what each mode touches of the data.

copy: the sender hands over its memory, the receiver's application gets every octet.
zero-copy: the sender's pages are lent to the kernel (`tee` and `splice`), the receiver discards unread (MSG_TRUNC).
verify: as copy, and the receiver holds every octet against what must be there.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import random
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import numpy as np

from benchkit.linux import libc, tcp

MODES = ("zero-copy", "copy", "verify")
CALL = 1 << 20
COPY_RECEIVE = 256 << 10
# A prime: a piece that is lost, doubled or moved by any usual size does not fit again.
PATTERN_OCTETS = 65_521
F_SETPIPE_SZ = 1031


class Tally(Protocol):
    """What a data loop counts in, read by others meanwhile. The loop ends soon after `running` is false."""

    octets: int
    wrong: int
    running: bool


Loop = Callable[[socket.socket, Tally], None]


class _Block(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("octets", ctypes.c_size_t))


class LentPages:
    """A pipe full of pages that are sent again and again: each `tee` takes references, and copies nothing.

    It is one block many times over, so that it stays in the cache. Raises OSError where the kernel gives no pipe so large.
    """

    def __init__(self) -> None:
        """Fill the pipe once."""
        self._memory = mmap.mmap(-1, tcp.SEND_BLOCK)
        self._memory.write(bytes(tcp.SEND_BLOCK))
        self._pipes = [*os.pipe(), *os.pipe()]
        self._source, sink, self._ready, self._copy = self._pipes
        try:
            for end in (sink, self._copy):
                fcntl.fcntl(end, F_SETPIPE_SZ, CALL)
            start = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
            lent = (_Block * tcp.SEND_BLOCKS)(*[_Block(start, tcp.SEND_BLOCK)] * tcp.SEND_BLOCKS)
            libc.call("vmsplice", sink, lent, tcp.SEND_BLOCKS, 0)
        except OSError:
            self.close()
            raise
        self._left = 0

    def send(self, descriptor: int) -> int:
        """Send up to one call's worth; how many octets that were. Raises what the socket does."""
        if not self._left:
            self._left = libc.call("tee", self._source, self._copy, CALL, 0)
        sent = os.splice(self._ready, descriptor, self._left)
        self._left -= sent
        return sent

    def close(self) -> None:
        """Give back the pipes; the memory goes when nobody sends from it any more."""
        for end in self._pipes:
            os.close(end)


def _lending(connection: socket.socket, tally: Tally) -> None:
    try:
        pages = LentPages()
    except OSError:  # a user may have but so many pages in pipes
        _vectored(connection, tally)
        return
    try:
        descriptor = connection.fileno()
        while tally.running:
            with suppress(BlockingIOError, InterruptedError):
                tally.octets += pages.send(descriptor)
    finally:
        pages.close()


def _vectored(connection: socket.socket, tally: Tally) -> None:
    blocks, send = tcp.send_blocks(), connection.sendmsg
    while tally.running:
        with suppress(BlockingIOError):
            tally.octets += send(blocks)


def pattern() -> bytes:
    """What a verified stream repeats from its first octet on."""
    return random.Random(PATTERN_OCTETS).randbytes(PATTERN_OCTETS)  # noqa: S311  the same at both ends


def _patterned(connection: socket.socket, tally: Tally) -> None:
    repeated = memoryview(pattern() * (CALL // PATTERN_OCTETS + 2))
    while tally.running:
        at = tally.octets % PATTERN_OCTETS
        with suppress(BlockingIOError):
            tally.octets += connection.send(repeated[at : at + CALL])


def _discarding(connection: socket.socket, tally: Tally) -> None:
    buffer, receive = tcp.discard_buffer(), connection.recv_into
    while tally.running:
        with suppress(BlockingIOError):
            got = receive(buffer, tcp.RECEIVE, tcp.MSG_TRUNC)
            if not got:
                return
            tally.octets += got


def _reading(connection: socket.socket, tally: Tally) -> None:
    buffer, receive = bytearray(COPY_RECEIVE), connection.recv_into
    while tally.running:
        with suppress(BlockingIOError):
            got = receive(buffer)
            if not got:
                return
            tally.octets += got


def _verifying(connection: socket.socket, tally: Tally) -> None:
    repeated = np.frombuffer(pattern() * (COPY_RECEIVE // PATTERN_OCTETS + 2), dtype=np.uint8)
    buffer = bytearray(COPY_RECEIVE)
    seen = np.frombuffer(buffer, dtype=np.uint8)
    while tally.running:
        with suppress(BlockingIOError):
            got = connection.recv_into(buffer)
            if not got:
                return
            at = tally.octets % PATTERN_OCTETS
            tally.wrong += int(np.count_nonzero(seen[:got] != repeated[at : at + got]))
            tally.octets += got


SOURCES: dict[str, Loop] = {"zero-copy": _lending, "copy": _vectored, "verify": _patterned}
SINKS: dict[str, Loop] = {"zero-copy": _discarding, "copy": _reading, "verify": _verifying}
