"""The application: its routes in one literal table, and the one task that keeps the catalog up to date."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from contextlib import suppress

from aiohttp import web

from benchkit import __version__
from benchkit.errors import AskedWronglyError, BenchkitError
from benchkit.store.mirror import pull
from benchkit.store.mirror_folder import is_mirror
from benchkit.web import api, live, pages
from benchkit.web.desk import DESK, Desk
from benchkit.web.guard import admitted, told
from benchkit.web.metrics import Exposition

LOOK_S, REST_S = 2.0, 0.02
# How often runs that live at a URL are looked for there.
PULL_S = 30.0


def application(desk: Desk) -> web.Application:
    """Everything that the dashboard answers."""
    app = web.Application(middlewares=[told, admitted])
    app[DESK] = desk
    app.add_routes(
        [
            web.get("/", pages.index),
            web.get("/runs/{run}", pages.run),
            web.get("/compare", pages.compare),
            web.get("/history", pages.history),
            web.get("/live", live.newest),
            web.get("/live/{run}", live.page),
            web.get("/static/{digest}/{name}", pages.asset),
            web.get("/api/runs", api.runs),
            web.get("/api/runs/{run}", api.record),
            web.get("/api/runs/{run}/reports/{format}", api.report),
            web.get("/api/compare", api.comparison),
            web.get("/api/history", api.history),
            web.get("/api/live", live.listed),
            web.get("/api/live/{run}/events", live.Watchers().events),
            web.get("/api/openapi.json", api.openapi),
            web.get("/metrics", Exposition().metrics),
            web.get("/grafana.json", pages.grafana),
            web.get("/healthz", healthz),
        ]
    )
    app.cleanup_ctx.append(_keep_looking)
    return app


async def healthz(request: web.Request) -> web.Response:
    """Whether the folder can be listed; open to everybody, and silent about what is in it."""
    await request.app[DESK].listing()
    body = json.dumps({"status": "ok", "version": __version__})
    return web.Response(text=body + "\n", content_type="application/json")


async def _keep_looking(app: web.Application) -> AsyncIterator[None]:
    """Read what is unread in strides, then look now and then for what is new."""

    async def look() -> None:
        settled = False
        while True:
            try:
                listing = await asyncio.to_thread(app[DESK].catalog.look)
                cold = not listing.unread and await asyncio.to_thread(app[DESK].warm)
                rest = REST_S if listing.unread or cold else LOOK_S
                if rest == LOOK_S and not settled:
                    # The rows are here to stay: going through them all again would hold up whoever asks just then.
                    gc.freeze()
                    settled = True
            except AskedWronglyError:  # whoever asks is told; it may come back
                rest = LOOK_S
            await asyncio.sleep(rest)

    async def fetch() -> None:
        while is_mirror(app[DESK].catalog.results):
            await asyncio.sleep(PULL_S)
            with suppress(BenchkitError):  # it may be back the next time
                await asyncio.to_thread(pull, app[DESK].catalog.results)

    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(each()) for each in (look, fetch)]
        yield
        for task in running:
            task.cancel()
    gc.unfreeze()  # or what is frozen is never collected, and DuckDB's bindings complain of it at the end
