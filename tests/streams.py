"""Our stream test on loopback, both ends of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from loopback import LOCAL, free_port

from benchkit.model.bulk_spec import TcpSpec
from benchkit.model.responder_spec import StreamServerSpec
from benchkit.model.samples import Samples
from benchkit.probes import stream as probe
from benchkit.probes import stream_meter, stream_server
from benchkit.probes.stream_terms import StreamTerms

MS = 1_000_000
TERMS = StreamTerms("up", 60 * MS, 1, "zero-copy", "cubic")
PATIENCE_S = 10.0


def spec_of(port: int, direction: str = "up", **more: Any) -> TcpSpec:
    return TcpSpec("a-b", "load", LOCAL, port, direction, 60 * MS, "cubic", **more)


def rows_of(batch: Samples) -> list[tuple[int, ...]]:
    columns = [batch.columns[name].tolist() for name in stream_meter.RECEIVED_COLUMNS]
    return list(zip(*columns, strict=True))


async def all_of(batches: AsyncIterator[Samples], found: list[Samples]) -> list[Samples]:
    """Every batch but the rates that are told on the way; what came before an error stays."""
    async for batch in batches:
        if batch.kind != "rate":
            found.append(batch)  # noqa: PERF401  as above
    return found


@asynccontextmanager
async def serving(lease: str = "") -> AsyncIterator[int]:
    port = free_port()
    server = stream_server.stream_server(StreamServerSpec(LOCAL, port, lease))
    assert await anext(server) is None
    yield port
    await server.aclose()


def measured(spec_for: Callable[[int], TcpSpec]) -> list[Samples]:
    async def work() -> list[Samples]:
        async with serving() as port:
            return await asyncio.wait_for(all_of(probe.stream(spec_for(port)), []), PATIENCE_S)

    return asyncio.run(work())
