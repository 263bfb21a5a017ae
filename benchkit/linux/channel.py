"""How batches come home: a Unix socket that one process listens on and every probe process connects to.

The address is a plain tuple, so that it crosses a process border; the connection also tells a probe to
stop, by a word or by its end, so that no probe outlives the campaign it belongs to.
"""

from __future__ import annotations

import queue
import select
import threading
from contextlib import suppress
from multiprocessing.connection import Client, Connection, Listener
from typing import Any, NamedTuple, Self

from benchkit.linux import leftovers

STOP = "stop"
PREFIX = leftovers.PREFIX


class SinkAddress(NamedTuple):
    """Where a probe sends its batches, and by which token the campaign knows them."""

    socket: str
    token: str


class Message(NamedTuple):
    """One thing a probe sent. `kind` is "ready", "batch" or "end"."""

    token: str
    kind: str
    body: Any


class Channel:
    """The campaign's end. Messages of all probes arrive in one queue, in each probe's order."""

    def __init__(self) -> None:
        """Listen on a socket in a private folder of its own."""
        leftovers.remove_dead_folders()
        self._folder = leftovers.HeldFolder()
        self._listener = Listener(f"{self._folder.path}/sink", family="AF_UNIX", backlog=128)
        self._connections: dict[str, Connection] = {}
        self._lock = threading.Lock()
        self.messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        threading.Thread(target=self._accept, name="channel", daemon=True).start()

    def address(self, token: str) -> SinkAddress:
        """Give the address for the probe that this token stands for."""
        return SinkAddress(str(self._listener.address), token)

    def stop(self, token: str) -> None:
        """Ask a probe to stop. One that has already ended is left alone."""
        with self._lock:
            connection = self._connections.get(token)
        if connection is not None:
            with suppress(OSError):
                connection.send(STOP)

    def close(self) -> None:
        """Hang up on every probe and remove the socket."""
        with suppress(OSError):
            self._listener.close()
        with self._lock:
            for connection in self._connections.values():
                connection.close()
            self._connections.clear()
        self._folder.close()

    def _accept(self) -> None:
        while True:
            try:
                connection = self._listener.accept()
            except OSError:
                return
            try:
                token = connection.recv()
            except (OSError, EOFError):
                continue  # a probe that was killed before it said who it was
            with self._lock:
                self._connections[token] = connection
            threading.Thread(
                target=self._read, args=(token, connection), name=f"channel-{token}", daemon=True
            ).start()

    def _read(self, token: str, connection: Connection) -> None:
        # close() may take the connection away in the middle of a read: that shows as a TypeError.
        with suppress(OSError, EOFError, TypeError):
            while True:
                kind, body = connection.recv()
                self.messages.put(Message(token, kind, body))
        with self._lock:
            if self._connections.get(token) is connection:  # close() may have been here first
                self._connections.pop(token).close()
        self.messages.put(Message(token, "end", None))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Sink:
    """A probe's end of the channel."""

    def __init__(self, address: SinkAddress) -> None:
        """Connect and say who we are."""
        self._connection = Client(address.socket, family="AF_UNIX")
        # A loop that watches a descriptor makes it non-blocking, and a batch larger than the socket's buffer
        # would fail half sent: the loop gets one of its own.
        self._watched = select.epoll()
        self._watched.register(self._connection.fileno(), select.EPOLLIN)
        self._connection.send(address.token)

    def fileno(self) -> int:
        """Readable means stop: the campaign said so, or is gone. May be watched by any loop."""
        return self._watched.fileno()

    def ready(self, body: object = None) -> None:
        """Say that the far end may be used."""
        self._connection.send(("ready", body))

    def send(self, batch: object) -> None:
        """Send what was measured."""
        self._connection.send(("batch", batch))

    def close(self) -> None:
        """Hang up."""
        self._watched.close()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
