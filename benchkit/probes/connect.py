"""Round trips by TCP handshakes: what the kernel itself measured from SYN to SYN-ACK.

For far ends that answer nothing else. Each connection is opened when it is due and closed at once.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import numpy as np

from benchkit.clock import NS_PER_S, NS_PER_US, monotonic_ns
from benchkit.errors import MeasureError
from benchkit.linux import tcp, timestamping
from benchkit.linux.timerfd import TimerFd
from benchkit.model.samples import Samples, column
from benchkit.model.spec import ConnectSpec
from benchkit.probes.pacer import until
from benchkit.probes.schedule import periodic

SOON_NS = 20_000_000


async def connect(spec: ConnectSpec) -> AsyncIterator[Samples]:
    """Open `spec.count` connections on schedule; yield all rows at the end, `network_ns` the kernel's figure.

    Raises MeasureError when not one came to be.
    """
    due = periodic(monotonic_ns() + SOON_NS, spec.interval_ns, spec.count)
    sent, received, network = (np.zeros(spec.count, dtype=np.int64) for _ in range(3))

    async def one(index: int) -> None:
        sent[index] = monotonic_ns()
        took = await _handshake_ns(spec)
        if took is not None:
            received[index], network[index] = monotonic_ns(), took

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
        "network_ns": column(network, received == 0),
    }
    yield Samples("rtt", spec.path, spec.phase, columns)


async def _handshake_ns(spec: ConnectSpec) -> int | None:
    loop = asyncio.get_running_loop()
    family = timestamping.family_of(spec.address)
    with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as connection:
        try:
            async with asyncio.timeout(spec.timeout_ns / NS_PER_S):
                await loop.sock_connect(connection, (spec.address, spec.port))
        except (OSError, TimeoutError):
            return None
        info = tcp.info(connection)
        # A SYN that had to be sent again has no round trip of its own: then it is no answer.
        return info.rtt_us * NS_PER_US if not info.retransmits else None
