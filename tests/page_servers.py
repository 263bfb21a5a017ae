"""Small HTTP servers on loopback, and all that a probe says of them."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvloop
from aiohttp import web
from loopback import LOCAL, free_port

from benchkit.model.samples import Samples, concatenate


def run(work: Awaitable[Any]) -> Any:
    """What the work comes to, in an event loop of its own."""

    async def whole() -> Any:
        return await work

    return uvloop.run(whole())


async def all_of(batches: AsyncIterator[Samples]) -> Samples:
    """Every row of a probe."""
    return concatenate([batch async for batch in batches])


@asynccontextmanager
async def serving(
    answer: Callable[[int], Awaitable[web.Response]],
    context: ssl.SSLContext | None = None,
    *,
    port: int = 0,
) -> AsyncIterator[int]:
    """An HTTP server that is told the number of each request; its port."""
    served = -1

    async def handle(_: web.BaseRequest) -> web.Response:
        nonlocal served
        served += 1
        return await answer(served)

    runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0)
    await runner.setup()
    port = port or free_port()
    try:
        await web.TCPSite(runner, LOCAL, port, ssl_context=context).start()
        yield port
    finally:
        await runner.cleanup()


async def fine(_: int) -> web.Response:
    return web.Response(body=b"fine")
