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
from benchkit.linux import tcp, timestamping
from benchkit.linux.timerfd import TimerFd
from benchkit.model.samples import Samples, column
from benchkit.model.spec import ConnectSpec
from benchkit.probes.pacer import until
from benchkit.probes.schedule import due_times

SOON_NS = 20_000_000
# A kernel sends a SYN again after a second: a loss is seen only by who waits a little longer than most time limits.
RETRANSMISSION_NS = 500_000_000


async def connect(spec: ConnectSpec) -> AsyncIterator[Samples]:
    """Open `spec.count` connections on schedule; yield all rows at the end, `network_ns` the kernel's figure.

    `syn_retransmits` tells those apart whose SYN, or its answer, was lost on the way.

    Raises MeasureError when not one came to be.
    """
    due = due_times(monotonic_ns() + SOON_NS, spec.interval_ns, spec.count, spec.schedule)
    sent, received, network, again = (np.zeros(spec.count, dtype=np.int64) for _ in range(4))

    async def one(index: int) -> None:
        sent[index] = monotonic_ns()
        came, took, again[index] = await _handshake(spec)
        if came and came <= due[index] + spec.timeout_ns:
            received[index], network[index] = came, took

    with TimerFd() as timer:
        async with asyncio.TaskGroup() as tasks:
            for index, due_ns in enumerate(due.tolist()):
                await until(timer, due_ns)
                tasks.create_task(one(index))
    if not received.any():
        raise MeasureError(
            f"{spec.path}: none of {spec.count} TCP connections to {spec.address} port {spec.port} came "
            "to be: does anything listen there, and may TCP pass?"
        )
    columns = {
        "sequence": column(np.arange(spec.count)),
        "due_ns": column(due),
        "sent_ns": column(sent, sent == 0),
        "received_ns": column(received, received == 0),
        # A SYN that had to be sent again has no round trip of its own.
        "network_ns": column(network, (received == 0) | (again > 0)),
        "syn_retransmits": column(again),
    }
    yield Samples("rtt", spec.path, spec.phase, columns)


async def _handshake(spec: ConnectSpec) -> tuple[int, int, int]:
    """When it came to be (0: it did not), its round trip by the kernel, and how often its SYN was sent again."""
    loop = asyncio.get_running_loop()
    family = timestamping.family_of(spec.address)
    with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as connection:
        came = 0
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout((spec.timeout_ns + RETRANSMISSION_NS) / NS_PER_S):
                await loop.sock_connect(connection, (spec.address, spec.port))
                came = monotonic_ns()
        info = tcp.info(connection)
        return came, info.rtt_us * NS_PER_US, info.retransmits
