"""One bulk TCP connection."""

from __future__ import annotations

import socket
import zlib
from typing import Any

from benchkit.clock import monotonic_ns
from benchkit.errors import MeasureError
from benchkit.linux import host, tcp
from benchkit.linux.bulk import SINKS, SOURCES
from benchkit.probes.data_thread import DataThread
from benchkit.probes.stream_terms import StreamTerms


class StreamFlow(DataThread):
    """`wrong` is how many octets were not what was sent, where that is looked at."""

    def __init__(
        self,
        number: int,
        connection: socket.socket,
        terms: StreamTerms,
        *,
        sends: bool,
        token: str = "",
    ) -> None:
        """Own a connected socket. `token` names the test, alike at both ends."""
        super().__init__(number, connection, sends=sends)
        self.wrong = 0
        self.streams = len(terms.flows)
        self._core = zlib.crc32(token.encode()) + number
        self._loop = (SOURCES if sends else SINKS)[terms.mode]

    def move(self) -> None:
        """Send until told to end and say so, or receive until the other end says so.

        One of several streams keeps to a processor, the same at both ends of a test on one machine, and each test begins at
        another. Left to the kernel, senders often shared one and left the other half idle: four streams over veth then came to
        half of what they do so.
        """
        if self.streams > 1:
            host.keep_to_core(self._core)
        self._loop(self.connection, self)
        if self.sends:
            self.connection.shutdown(socket.SHUT_WR)

    def info(self) -> tuple[int, ...]:
        """A row of TCP_INFO, with what was given to the kernel and the thread's processor time."""
        known = tcp.info(self.connection)
        return (self.number, monotonic_ns(), *known, self.octets, self.cpu_ns())

    def total(self) -> dict[str, Any]:
        """What there is to tell the other end."""
        return {"octets": self.octets, "wrong": self.wrong}


def prepare(connection: socket.socket, terms: StreamTerms) -> tuple[str, int]:
    """Give a data socket what the terms ask of it; the congestion control in force, and the window, 0 for the kernel's.

    The window must be set before the connection is made, or the peer is never told that it can be so large.
    """
    window = 0
    if terms.window_octets:
        window = tcp.set_window(connection, terms.window_octets)
    return tcp.set_congestion_control(connection, terms.congestion), window


def too_small_a_window(path: str, asked: int, given: int) -> MeasureError:
    """That this kernel gives less than was asked for."""
    return MeasureError(
        f"{path}: a window of {asked} octets was asked and this kernel gives {given}: ask "
        "for less, or raise net.core.rmem_max and net.core.wmem_max"
    )
