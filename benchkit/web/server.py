"""One server from its socket to its end."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from benchkit.errors import UnfitError
from benchkit.linux.interrupts import interrupted
from benchkit.probes.reachable import ListenError, listening_at
from benchkit.web.access import Access
from benchkit.web.application import application
from benchkit.web.catalog import Catalog
from benchkit.web.desk import Desk

# Probes of a run on this machine come first, always.
NICE = 10
# A connection on which nothing is asked for so long is closed.
IDLE_S = 75.0
# Records are read in a thread: whoever asks meanwhile must not wait for the interpreter.
SWITCH_S = 0.0005


def serve(results: Path, access: Access, say: Callable[[str], None]) -> None:
    """Serve until interrupted; `say` is told the address once it is open.

    Raises UnfitError where the address cannot be had.
    """
    os.nice(NICE)
    sys.setswitchinterval(SWITCH_S)
    asyncio.run(_serve(results, access, say))


async def _serve(results: Path, access: Access, say: Callable[[str], None]) -> None:
    runner = web.AppRunner(
        application(Desk(Catalog(results), access)),
        access_log=None,
        shutdown_timeout=1.0,
        keepalive_timeout=IDLE_S,
        auto_decompress=False,  # nothing that is sent to us is read
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, access.host, access.port)
        try:
            with listening_at("TCP", access.host, access.port):
                await site.start()
        except ListenError as error:
            raise UnfitError(f"{error} with --bind") from error
        say(access.address(_port(runner)))
        await interrupted()
    finally:
        await runner.cleanup()


def _port(runner: web.AppRunner) -> int:
    return int(runner.addresses[0][1])
