"""How a sender without a rate knows what the far end has room for: it is told up to which number it may send.

So whatever is lost, no full receive buffer lost it, and both ends go as fast as the slower of them.
"""

from __future__ import annotations

import select
import socket
import struct
from contextlib import suppress

from benchkit.linux import datagrams

# The test's mark, and the number of the first datagram that is not to be sent yet.
WORD = struct.Struct("=QQ")
# A word may be lost: the far end repeats its last while nothing comes, and after so long one heap goes unasked.
PATIENCE_MS = 100
PARTS = 4


class Granting:
    """The receiver's part."""

    def __init__(self, udp: socket.socket, payload: int, mark: int) -> None:
        """Grant by what the receive buffer of a connected socket holds."""
        self._udp = udp
        self._mark = mark
        self._window = max(1, datagrams.room(udp, payload))
        self._granted = 0

    def grant(self, expected: int) -> None:
        """Say how far the sender may go, once it is worth a word; `expected` is the next number."""
        if expected + self._window - self._granted >= max(1, self._window // PARTS):
            self._granted = expected + self._window
            self.repeat()

    def repeat(self) -> None:
        """Say it again."""
        with suppress(OSError):  # no room for it, or nobody there yet
            self._udp.send(WORD.pack(self._mark, self._granted), socket.MSG_DONTWAIT)


class Granted:
    """The sender's part."""

    def __init__(self, udp: socket.socket, mark: int, heap: int) -> None:
        """Heed what comes to a connected socket; `heap` datagrams go at once or not at all."""
        self._udp = udp
        self._mark = mark
        self._heap = heap
        self._until = 0
        self._poller = select.poll()
        self._poller.register(udp, select.POLLIN)

    def room(self, sent: int, wanted: int) -> int:
        """How many may be sent after so many, up to those wanted; waits for a heap, but not for ever."""
        if self._until - sent < wanted:
            self._listen(0)
        if self._until - sent < self._heap:
            self._listen(PATIENCE_MS)
        return max(self._heap, min(self._until - sent, wanted))

    def _listen(self, patience_ms: int) -> None:
        if patience_ms and not self._poller.poll(patience_ms):
            return
        with suppress(BlockingIOError, InterruptedError, ConnectionRefusedError):
            while True:
                said = self._udp.recv(WORD.size + 1, socket.MSG_DONTWAIT)
                mark, until = WORD.unpack(said) if len(said) == WORD.size else (-1, 0)
                if mark == self._mark:
                    self._until = max(self._until, until)
