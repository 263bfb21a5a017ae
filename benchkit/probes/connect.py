"""Round trips by TCP handshakes: what the kernel itself measured from SYN to SYN-ACK.

For far ends that answer nothing else. Each connection is opened when it is due and closed at once.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator

import numpy as np

from benchkit.clock import NS_PER_S, NS_PER_US, monotonic_ns
from benchkit.errors import MeasureError, told_by_system
from benchkit.linux import tcp
from benchkit.linux.address import family_of
from benchkit.model.samples import Samples, column
from benchkit.model.spec import ConnectSpec
from benchkit.probes.as_settled import Settling, as_settled
from benchkit.probes.pacer import Pacer, lead_of
from benchkit.probes.reachable import see_way_to
from benchkit.probes.schedule import due_times

SOON_NS = 20_000_000
# A kernel sends a SYN again after a second: a loss is seen only by who waits a little longer than most time limits.
RETRANSMISSION_NS = 500_000_000
# What a connection that does not block says once it has begun.
BEGUN = {0, errno.EINPROGRESS}


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
        if handshakes.trouble:
            raise MeasureError(
                f"{spec.path}: no TCP connection could be begun: {handshakes.trouble}: raise the limit (`ulimit -n`), or "
                "connect at a lower rate"
            )
        raise MeasureError(
            f"{spec.path}: none of {spec.count} TCP connections to {spec.address} port {spec.port} came "
            "to be: does anything listen there, and may TCP pass?"
        )


class _Handshakes:
    """Every connection of one session."""

    def __init__(self, spec: ConnectSpec) -> None:
        self._spec, self._family = spec, family_of(spec.address)
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, tuple[socket.socket, asyncio.TimerHandle]] = {}
        self._one_less, self.trouble = asyncio.Event(), ""
        start = monotonic_ns() + SOON_NS
        self._due = due_times(start, spec.interval_ns, spec.count, spec.schedule)
        self._sent, self.received, self._network, self._again = np.zeros(
            (4, spec.count), dtype=np.int64
        )
        self._over = np.zeros(spec.count, dtype=np.bool_)
        self._settling = Settling(spec.count)

    async def open(self) -> None:
        """Open each when it is due, and see what becomes of all."""
        try:
            with Pacer(self._due, self._begin, lead_ns=lead_of(self._spec.interval_ns)) as pacer:
                await pacer.finished.wait()
            while self._waiting:
                self._one_less.clear()
                await self._one_less.wait()
        finally:
            for index in tuple(self._waiting):
                self._end(index)

    def _begin(self, index: int) -> None:
        spec = self._spec
        try:
            connection = socket.socket(self._family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError as error:  # no descriptor is left: this host has not sent it
            self.trouble, self._over[index] = told_by_system(error), True
            return
        self._sent[index] = monotonic_ns()
        refused = connection.connect_ex((spec.address, spec.port)) not in BEGUN
        patience = 0.0 if refused else (spec.timeout_ns + RETRANSMISSION_NS) / NS_PER_S
        timer = self._loop.call_later(patience, self._end, index)
        self._waiting[index] = connection, timer
        if not refused:
            self._loop.add_writer(connection, self._came, index)

    def _came(self, index: int) -> None:
        came = monotonic_ns()
        connection, _ = self._waiting[index]
        is_open = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        self._end(index, came if is_open else 0)

    def _end(self, index: int, came: int = 0) -> None:
        """It came to be then, or never did."""
        connection, timer = self._waiting.pop(index)
        timer.cancel()
        self._loop.remove_writer(connection)
        info = tcp.info(connection)
        connection.close()
        self._again[index] = info.retransmits
        if came and came <= self._sent[index] + self._spec.timeout_ns:
            self.received[index], self._network[index] = came, info.rtt_us * NS_PER_US
        self._over[index] = True
        self._one_less.set()

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
