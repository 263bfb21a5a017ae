"""HTTP request latency by aiohttp, open loop: each request starts when it is due, whatever became of the last.

The client's own cost, around a millisecond, is part of the figure: it is what an application sees.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import numpy as np
from aiohttp import web

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import MeasureError
from benchkit.linux.timerfd import TimerFd
from benchkit.model.samples import Samples, column
from benchkit.model.spec import HttpServerSpec, HttpSpec
from benchkit.probes.pacer import until
from benchkit.probes.reachable import listening_at
from benchkit.probes.schedule import periodic

WARM_UP = 4  # connections opened before the first request that counts
SOON_NS = 20_000_000
FIRST_ERROR = 400
ANSWER = b"benchkit\n"


async def http(spec: HttpSpec) -> AsyncIterator[Samples]:
    """Send `spec.count` GET requests on schedule over kept-alive connections; yield all rows at the end.

    Raises MeasureError when the server cannot be reached at all.
    """
    timeout = aiohttp.ClientTimeout(total=spec.timeout_ns / NS_PER_S)
    # No pool limit: waiting for a free connection would make the open loop a closed one.
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=timeout
    ) as session:
        await _warm_up(session, spec)
        yield await _measure(session, spec)


async def _warm_up(session: aiohttp.ClientSession, spec: HttpSpec) -> None:
    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WARM_UP):
                tasks.create_task(_request(session, spec.url))
    except* (aiohttp.ClientError, TimeoutError) as group:
        said = str(group.exceptions[0]) or "nothing came in time"
        raise MeasureError(
            f"{spec.path}: {spec.url} does not answer: {said}; is a server running there, and may TCP pass?"
        ) from group


async def _measure(session: aiohttp.ClientSession, spec: HttpSpec) -> Samples:
    due = periodic(monotonic_ns() + SOON_NS, spec.interval_ns, spec.count)
    sent, received, status = (np.zeros(spec.count, dtype=np.int64) for _ in range(3))

    async def one(index: int) -> None:
        sent[index] = monotonic_ns()
        try:
            status[index] = await _request(session, spec.url)
        except (aiohttp.ClientError, TimeoutError):
            return  # lost: no answer in time is absent, not a number
        if status[index] < FIRST_ERROR:  # a page that says sorry is quick, and no answer
            received[index] = monotonic_ns()

    with TimerFd() as timer:
        async with asyncio.TaskGroup() as tasks:
            for index, due_ns in enumerate(due.tolist()):
                await until(timer, due_ns)
                tasks.create_task(one(index))
    columns = {
        "sequence": column(np.arange(spec.count)),
        "due_ns": column(due),
        "sent_ns": column(sent),
        "received_ns": column(received, received == 0),
        "status": column(status, status == 0),
    }
    return Samples("http", spec.path, spec.phase, columns)


async def _request(session: aiohttp.ClientSession, url: str) -> int:
    async with session.get(url) as response:
        await response.read()
        return response.status


async def http_server(spec: HttpServerSpec) -> AsyncIterator[None]:
    """Serve a small fixed answer until cancelled. Yields once it listens."""

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(body=ANSWER)

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    try:
        with listening_at("TCP", spec.address, spec.port):
            await web.TCPSite(runner, spec.address, spec.port).start()
        yield None
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
