"""Packets flown over loopback, and what arrives."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import uvloop
from loopback import LOCAL

from benchkit.clock import NS_PER_S
from benchkit.linux import timestamping
from benchkit.model.responder_spec import ReflectorSpec
from benchkit.model.samples import Samples, concatenate
from benchkit.model.spec import StampSpec
from benchkit.probes.stamp import stamp
from benchkit.probes.stamp_reflector import Reflector, reflecting


def run(work: Coroutine[Any, Any, Samples]) -> Samples:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def arrivals(udp: socket.socket) -> Iterator[tuple[bytes, Any]]:
    while True:
        try:
            yield udp.recvfrom(2048)
        except BlockingIOError:
            return
        except ConnectionRefusedError:
            continue


@asynccontextmanager
async def far_end(port: int = 0) -> AsyncIterator[int]:
    with timestamping.stamped_udp_socket() as udp:
        udp.bind((LOCAL, port))
        with reflecting(udp, Reflector(udp, ReflectorSpec(LOCAL, 0))):
            yield int(udp.getsockname()[1])


async def flown(port: int, count: int, rate: int, *, timeout_ns: int = NS_PER_S) -> Samples:
    spec = StampSpec("a-b", "idle", LOCAL, port, 7, count, NS_PER_S // rate, timeout_ns)
    return concatenate([rows async for rows in stamp(spec) if rows.kind == "rtt"])


def lost(rows: Samples) -> set[int]:
    return set(np.flatnonzero(np.ma.getmaskarray(rows.columns["received_ns"])).tolist())
