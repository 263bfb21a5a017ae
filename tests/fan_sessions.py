"""Sessions of a fan on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

import uvloop
from loopback import LOCAL

from benchkit.clock import NS_PER_MS, NS_PER_S
from benchkit.model.spec import StampSpec

COUNT, INTERVAL_NS, TIMEOUT_NS = 20, 10 * NS_PER_MS, NS_PER_S
GATHER_NS = 5 * NS_PER_MS


def session(name: str, port: int, ssid: int, **changes: object) -> StampSpec:
    spec = StampSpec(name, "idle", LOCAL, port, ssid, COUNT, INTERVAL_NS, TIMEOUT_NS)
    return replace(spec, **changes)  # type: ignore[arg-type]


def run(work: Awaitable[None]) -> None:
    async def whole() -> None:
        await work

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(whole())
