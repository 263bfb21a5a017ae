"""Runs in progress: which there are, and the lines of their live logs as server-sent events.

Every watcher reads the log for itself, at most ten times a second, and gets its lines as they are: nothing is parsed
or kept for anybody. An event's id is the place behind it in the file, so a browser that reconnects goes on from there.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from io import BufferedReader

from aiohttp import web

from benchkit.campaign.telling import end_of
from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.store.live import is_written, live_logs
from benchkit.web.api import JSON
from benchkit.web.catalog import NoSuchRunError
from benchkit.web.desk import DESK, Desk

LOOK_S = 0.1
QUIET_NS = 10 * NS_PER_S
MOST_WATCHERS = 200
ENDED = b'"event":"ended"'


async def listed(request: web.Request) -> web.Response:
    """GET /api/live."""
    listing = await request.app[DESK].listing()
    found = [
        {"run": row.run, "target": row.target, "started": row.started}
        for row in listing.rows
        if row.state == "running"
    ]
    return web.Response(text=json.dumps({"live": found}) + "\n", content_type=JSON)


async def newest(request: web.Request) -> web.Response:
    """The newest run in progress, or the list where none is. Raises HTTPFound, with the address of either."""
    found = next(iter(live_logs(request.app[DESK].catalog.results)), None)
    raise web.HTTPFound("/" if found is None else f"/live/{found}")


async def page(request: web.Request) -> web.Response:
    """The page of a run in progress; of one that is kept by now, its report.

    Raises HTTPFound, with the address of that, and NoSuchRunError.
    """
    desk, run = request.app[DESK], request.match_info["run"]
    if run not in live_logs(desk.catalog.results):
        desk.catalog.folder(run)
        raise web.HTTPFound(f"/runs/{run}")
    return web.Response(text=desk.page("live.html.j2", run=run), content_type="text/html")


class Watchers:
    """Who watches just now; so many that the server stays quick."""

    def __init__(self) -> None:
        """Have none yet."""
        self._count = 0

    async def events(self, request: web.Request) -> web.StreamResponse:
        """GET /api/live/{run}/events. Raises HTTPServiceUnavailable where as many watch already as may."""
        desk, run = request.app[DESK], request.match_info["run"]
        if self._count >= MOST_WATCHERS:
            raise web.HTTPServiceUnavailable(
                text=f"{MOST_WATCHERS} watch already: close a page of the live view"
            )
        self._count += 1
        try:
            response = web.StreamResponse(
                headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
            )
            with suppress(ConnectionResetError):  # who watched has left, as everybody does
                await _send(request, response, desk, run)
            return response
        finally:
            self._count -= 1


async def _send(request: web.Request, response: web.StreamResponse, desk: Desk, run: str) -> None:
    log = live_logs(desk.catalog.results).get(run)
    if log is None:
        last = await asyncio.to_thread(_ended, desk, run)
        await response.prepare(request)
        await response.write(_event(last.encode(), 0))
        return
    with log.open("rb") as opened:
        opened.seek(_resumed(request))
        await response.prepare(request)
        await _follow(opened, response)


async def _follow(opened: BufferedReader, response: web.StreamResponse) -> None:
    """Pass on whole lines until the one that says the end, or until the writer is gone."""
    place, rest, quiet_since = opened.tell(), b"", monotonic_ns()
    while True:
        *lines, rest = (rest + opened.read()).split(b"\n")
        if lines:
            told = []
            for line in lines:
                place += len(line) + 1
                told.append(_event(line, place))
            await response.write(b"".join(told))
            if ENDED in lines[-1]:
                return
            quiet_since = monotonic_ns()
        elif monotonic_ns() - quiet_since > QUIET_NS:
            if not is_written(opened):
                await response.write(_event(b'{"event":"ended"}', place))
                return
            await response.write(b":\n\n")  # keeps what lies between from hanging up
            quiet_since = monotonic_ns()
        await asyncio.sleep(LOOK_S)


def _event(line: bytes, place: int) -> bytes:
    return b"id: %d\ndata: %s\n\n" % (place, line)


def _resumed(request: web.Request) -> int:
    text = request.headers.get("Last-Event-ID", "0")
    return int(text[:12]) if text.isascii() and text.isdecimal() else 0


def _ended(desk: Desk, run: str) -> str:
    """The last event of a run that is kept. Raises NoSuchRunError for any other."""
    record = desk.record(run)
    if record.run != run:
        raise NoSuchRunError(f"no run {run} is in progress")
    return json.dumps(end_of(record))
