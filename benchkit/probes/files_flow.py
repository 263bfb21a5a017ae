"""Files over one connection: each behind its size, and answered for by the receiver once all of it has come."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.linux import tcp
from benchkit.probes.data_thread import DataThread

# Number and octets of a file; the answer is its number. An announcement of no octets ends the connection's work.
ANNOUNCEMENT, ANSWER = struct.Struct("!QQ"), struct.Struct("!Q")
LARGEST_FILE = 1 << 44
PIECE = 1 << 20
NAP_S = 0.05


class Agenda:
    """The files that are to be sent, in order, shared by all connections: (number, due in ns after the start, octets)."""

    def __init__(self, files: Sequence[tuple[int, int, int]]) -> None:
        """Nothing is taken yet."""
        self._files = list(reversed(files))
        self._lock = threading.Lock()
        self.began_ns = 0
        self.done: list[tuple[int, int, int, int, int]] = []

    def take(self) -> tuple[int, int, int] | None:
        """The next file for whoever is free, None when there is none."""
        with self._lock:
            return self._files.pop() if self._files else None


class FileSource(DataThread):
    """Sends files as they fall due, and waits for the answer to each."""

    def __init__(self, number: int, connection: socket.socket, agenda: Agenda) -> None:
        """Own a connected socket."""
        super().__init__(number, connection, sends=True)
        self._agenda = agenda

    def move(self) -> None:
        """Send until the agenda is empty. Raises OSError where another file than the one sent is answered for."""
        piece = tcp.source(PIECE)
        while self.running and (file := self._agenda.take()) is not None:
            number, due, octets = file
            due_ns = self._agenda.began_ns + due
            self._await(due_ns)
            sent_ns = monotonic_ns()
            self._send_all(ANNOUNCEMENT.pack(number, octets))
            left = octets
            while left and self.running:
                with suppress(BlockingIOError):
                    sent = self.connection.send(piece[: min(left, PIECE)])
                    left -= sent
                    self.octets += sent
            (answered,) = ANSWER.unpack(exactly(self, ANSWER.size))
            if answered != number:
                raise OSError(f"file {number} was sent and {answered} was answered for")
            self._agenda.done.append((number, due_ns, sent_ns, monotonic_ns(), octets))
        self._send_all(ANNOUNCEMENT.pack(0, 0))

    def _await(self, due_ns: int) -> None:
        while self.running and (early := due_ns - monotonic_ns()) > 0:
            time.sleep(min(early / NS_PER_S, NAP_S))

    def _send_all(self, words: bytes) -> None:
        while words and self.running:
            with suppress(BlockingIOError):
                words = words[self.connection.send(words) :]

    def info(self) -> tuple[int, ...]:
        """A row of TCP_INFO, as for a stream."""
        known = tcp.info(self.connection)
        return (self.number, monotonic_ns(), *known, self.octets, self.cpu_ns())


class FileSink(DataThread):
    """Receives files, reads every octet, and answers for each."""

    def __init__(self, number: int, connection: socket.socket) -> None:
        """Own a connected socket."""
        super().__init__(number, connection, sends=False)

    def move(self) -> None:
        """Receive until told that there are no more.

        Raises OSError for a file that is larger than any may be, or breaks off.
        """
        buffer = memoryview(tcp.receive_buffer(PIECE))
        while self.running:
            number, octets = ANNOUNCEMENT.unpack(exactly(self, ANNOUNCEMENT.size))
            if not octets:
                return
            if octets > LARGEST_FILE:
                raise OSError(f"a file of {octets} octets was announced")
            left = octets
            while left and self.running:
                with suppress(BlockingIOError):
                    place = self.octets % tcp.PAGE
                    got = self.connection.recv_into(buffer[place:], min(left, PIECE))
                    if not got:
                        raise OSError("it hung up in the middle of a file")
                    left -= got
                    self.octets += got
            self.connection.sendall(ANSWER.pack(number))

    def total(self) -> dict[str, Any]:
        """How many octets of files came."""
        return {"octets": self.octets}


def exactly(thread: DataThread, octets: int) -> bytes:
    """So many octets, however long they take, while the thread runs. Raises OSError when the other end goes."""
    found = b""
    while len(found) < octets:
        if not thread.running:
            raise OSError("it was ended before its work was done")
        with suppress(BlockingIOError):
            got = thread.connection.recv(octets - len(found))
            if not got:
                raise OSError("it hung up")
            found += got
    return found
