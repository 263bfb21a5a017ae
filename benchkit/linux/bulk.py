"""How bulk octets leave and arrive: blocking sockets, few large calls, and what each mode touches of the data.

zero-copy: the sender's pages are lent to the kernel (`tee` and `splice`), the receiver discards unread (MSG_TRUNC).
copy: the sender lends as above, as who serves files does; the receiver's application gets every octet in memory of its own.
verify: every octet is copied at both ends, and the receiver holds each against what must be there.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Protocol

import numpy as np

from benchkit.clock import NS_PER_MS, monotonic_ns
from benchkit.linux import libc, tcp

MODES = ("zero-copy", "copy", "verify")
CALL = 1 << 20
COPY_RECEIVE = 256 << 10
# What a stream lends whose receiver reads: what is read again and again, and stays in a processor's own cache.
READ_LENT = 1 << 20
# What one stream lends at most otherwise, and all of them. As much as that goes in one call where a call's worth takes a millisecond.
MOST_LENT, ALL_LENT, FAST_NS = 4 << 20, 16 << 20, NS_PER_MS
# A prime: a piece that is lost, doubled or moved by any usual size does not fit again.
PATTERN_OCTETS = 65_521
F_SETPIPE_SZ = 1031
# So much written at once to a UNIX socket lies in one piece of memory, the largest that the kernel takes for it, and begins a
# page. 64 KB lay in several pieces that did not: a packet holds 17 pages or parts of them, so packets were shorter, and one stream
# over loopback came to 0.89 of the rate at 1.1 of the processor time.
PIECE = 32 << 10
# A receiver that sleeps at its socket is woken for every 64 KB, 33,000 times a second at 50 Gbit/s, and each wake costs the
# sender's processor, which is the full one. So the receiver of a fast stream sleeps for a moment by the clock, and takes what has
# piled up. Against blocking receives, medians of pairs on two processors: zero-copy over veth 1.31 times the rate at 0.58 of
# the processor time for an octet, copy over loopback 1.33 at 0.81. 30 to 120 us differ little, 250 are too many. Each of
# several streams keeps to a processor, where a sender of this machine and its receiver take turns: naps only cost there.
NAP_S, WORTH_A_NAP = 60e-6, 64 << 10
# Of the room that the kernel has for the receiver, no more may fill meanwhile: a sender that waits for a window measures the
# nap. Without this bound the window never grew beyond a nap's worth, and loopback fell from 139 to 5 Gbit/s.
MOST_OF_ROOM = 1 / 8


class Tally(Protocol):
    """What a data loop counts in, read by others meanwhile. The loop ends soon after `running` is false.

    `streams` is how many there are like it, for they share this machine's memory.
    """

    streams: int
    octets: int
    wrong: int
    running: bool


Loop = Callable[[socket.socket, Tally], None]


class LentPages:
    """A pipe full of memory that is sent again and again: each `tee` takes references, and copies nothing.

    Raises OSError where the kernel gives no pipe so large.
    """

    def __init__(self, octets: int) -> None:
        """Fill the pipe once, with so much or what it holds."""
        self._pipes: list[int] = []
        try:
            for _ in range(2):
                self._pipes += os.pipe()
            self._source, sink, self._ready, self._copy = self._pipes
            for end in (sink, self._copy):
                fcntl.fcntl(end, F_SETPIPE_SZ, CALL)
            self._octets = _filled(sink, octets)
        except OSError:
            self.close()
            raise
        self._left = 0

    def send(self, descriptor: int, most: int) -> int:
        """Send up to so many octets; how many that were. Raises what the socket does."""
        if not self._left:
            self._left = libc.call("tee", self._source, self._copy, self._octets, 0)
        sent = os.splice(self._ready, descriptor, min(self._left, most))
        self._left -= sent
        return sent

    def close(self) -> None:
        """Give back the pipes; the memory goes when nobody sends from it any more."""
        for end in self._pipes:
            os.close(end)


def _filled(sink: int, octets: int) -> int:
    """Put so much into a pipe by way of a UNIX socket, or what it holds: there it lies in large pieces.

    A process's own memory would lie there page by page, each with references to take and to give back.
    """
    near, far = socket.socketpair()
    block, moved = bytes(PIECE), 0
    with near, far, suppress(BlockingIOError):
        while moved < octets:
            near.sendall(block)
            left = len(block)
            while left:
                piece = os.splice(far.fileno(), sink, left, flags=os.SPLICE_F_NONBLOCK)
                left, moved = left - piece, moved + piece
    return moved


def _lending(connection: socket.socket, tally: Tally) -> None:
    _lend(connection, tally, max(CALL, min(MOST_LENT, ALL_LENT // tally.streams)))


def _lending_to_a_reader(connection: socket.socket, tally: Tally) -> None:
    _lend(connection, tally, READ_LENT)


def _lend(connection: socket.socket, tally: Tally, octets: int) -> None:
    try:
        pages = LentPages(octets)
    except OSError:  # a user may have but so many pages in pipes
        _vectored(connection, tally)
        return
    try:
        descriptor, most = connection.fileno(), CALL
        began = monotonic_ns()
        while tally.running:
            sent = 0
            with suppress(BlockingIOError, InterruptedError):
                sent = pages.send(descriptor, most)
                tally.octets += sent
            now = monotonic_ns()
            # A call that takes long would be counted late, and the test end late.
            is_fast = sent * FAST_NS >= CALL * (now - began)
            most, began = MOST_LENT if is_fast else CALL, now
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


def _arrivals(
    connection: socket.socket, tally: Tally, buffer: mmap.mmap, flags: int = 0
) -> Iterator[slice]:
    """Receive to the end, and count; where in the buffer the octets just counted lie.

    A lone stream that brings much in little time is let pile up between calls, any other is counted as it comes.
    """
    receive, most, is_alone = connection.recv_into, len(buffer) - tcp.PAGE, tally.streams == 1
    places = memoryview(buffer)
    libc.wake_on_time()
    while tally.running:
        # A call begins in its page where the last one ended, so that target and source of the kernel's copying lie to
        # each other as they did (`tcp.PAGE`). Calls that all began at one place met the slow case at random, and kept to it
        # once they were full, for a full call is whole pages: runs at a quarter of the rate.
        got, begin = 0, tally.octets % tcp.PAGE
        with suppress(BlockingIOError):
            got = receive(places[begin:], most, flags)
            if not got:
                return
            tally.octets += got
            yield slice(begin, begin + got)
        is_fast = is_alone and WORTH_A_NAP <= got < most
        if is_fast and got <= MOST_OF_ROOM * tcp.receive_room(connection):
            time.sleep(NAP_S)


def _discarding(connection: socket.socket, tally: Tally) -> None:
    for _ in _arrivals(connection, tally, tcp.receive_buffer(tcp.RECEIVE), tcp.MSG_TRUNC):
        pass


def _reading(connection: socket.socket, tally: Tally) -> None:
    for _ in _arrivals(connection, tally, tcp.receive_buffer(COPY_RECEIVE)):
        pass


def _verifying(connection: socket.socket, tally: Tally) -> None:
    repeated = np.frombuffer(pattern() * (COPY_RECEIVE // PATTERN_OCTETS + 2), dtype=np.uint8)
    buffer = tcp.receive_buffer(COPY_RECEIVE)
    seen = np.frombuffer(buffer, dtype=np.uint8)
    for place in _arrivals(connection, tally, buffer):
        got = seen[place]
        at = (tally.octets - len(got)) % PATTERN_OCTETS
        tally.wrong += int(np.count_nonzero(got != repeated[at : at + len(got)]))


SOURCES: dict[str, Loop] = {
    "zero-copy": _lending,
    "copy": _lending_to_a_reader,
    "verify": _patterned,
}
SINKS: dict[str, Loop] = {"zero-copy": _discarding, "copy": _reading, "verify": _verifying}
