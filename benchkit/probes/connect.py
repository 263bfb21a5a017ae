"""Round trips by TCP handshakes: what the kernel itself measured from SYN to SYN-ACK.

For far ends that answer nothing else. Each connection is opened when it is due and closed at once.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import numpy as np

from benchkit.clock import NS_PER_S, NS_PER_US, monotonic_ns
from benchkit.errors import MeasureError
from benchkit.linux import tcp
from benchkit.linux.address import family_of
from benchkit.model.samples import Samples, column
from benchkit.model.spec import ConnectSpec
from benchkit.probes.as_settled import Settling, as_settled
from benchkit.probes.pacer import open_loop
from benchkit.probes.reachable import see_way_to
from benchkit.probes.schedule import due_times

SOON_NS = 20_000_000
# A kernel sends a SYN again after a second: a loss is seen only by who waits a little longer than most time limits.
RETRANSMISSION_NS = 500_000_000


async def connect(spec: ConnectSpec) -> AsyncIterator[Samples]:
    """Open `spec.count` connections on schedule and yield their rows as they settle, `network_ns` the kernel's figure.

    `syn_retransmits` tells those apart whose SYN, or its answer, was lost on the way.

    Raises MeasureError when not one came to be, NoWayError where none could.
    """
    see_way_to(spec.path, spec.address)
    handshakes = _Handshakes(spec)
    async for rows in as_settled(handshakes.open(), handshakes.settle):
        yield rows
    if not handshakes.received.any():
        raise MeasureError(
            f"{spec.path}: none of {spec.count} TCP connections to {spec.address} port {spec.port} came "
            "to be: does anything listen there, and may TCP pass?"
        )


class _Handshakes:
    """Every connection of one session."""

    def __init__(self, spec: ConnectSpec) -> None:
        self._spec = spec
        start = monotonic_ns() + SOON_NS
        self._due = due_times(start, spec.interval_ns, spec.count, spec.schedule)
        self._sent, self.received, self._network, self._again = np.zeros(
            (4, spec.count), dtype=np.int64
        )
        self._over = np.zeros(spec.count, dtype=np.bool_)
        self._settling = Settling(spec.count)

    async def open(self) -> None:
        """Open each when it is due, and see what becomes of all."""
        await open_loop(self._due, self._one)

    async def _one(self, index: int) -> None:
        self._sent[index] = monotonic_ns()
        came, took, self._again[index] = await _handshake(self._spec)
        if came and came <= self._sent[index] + self._spec.timeout_ns:
            self.received[index], self._network[index] = came, took
        self._over[index] = True

    def settle(self, whole: bool) -> Samples | None:  # noqa: FBT001  as `as_settled` calls it
        """The rows that can no longer change, since this was last asked."""
        rows = self._settling.take(self._over, whole=whole)
        if rows is None:
            return None
        sent, received, again = self._sent[rows], self.received[rows], self._again[rows]
        columns = {
            "sequence": column(np.arange(rows.start, rows.stop)),
            "due_ns": column(self._due[rows]),
            "sent_ns": column(sent.copy(), sent == 0),
            "received_ns": column(received.copy(), received == 0),
            # A SYN that had to be sent again has no round trip of its own.
            "network_ns": column(self._network[rows].copy(), (received == 0) | (again > 0)),
            "syn_retransmits": column(again.copy()),
        }
        return Samples("rtt", self._spec.path, self._spec.phase, columns)


async def _handshake(spec: ConnectSpec) -> tuple[int, int, int]:
    """When it came to be (0: it did not), its round trip by the kernel, and how often its SYN was sent again."""
    loop = asyncio.get_running_loop()
    family = family_of(spec.address)
    with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as connection:
        came = 0
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout((spec.timeout_ns + RETRANSMISSION_NS) / NS_PER_S):
                await loop.sock_connect(connection, (spec.address, spec.port))
                came = monotonic_ns()
        info = tcp.info(connection)
        return came, info.rtt_us * NS_PER_US, info.retransmits
