"""The far end of HTTP requests: a small fixed answer, or as many octets as a query asks; bounded in all that a peer may ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from benchkit.clock import monotonic_ns
from benchkit.linux.refusals import Refusals
from benchkit.model.responder_spec import HttpServerSpec
from benchkit.probes.admission import Admission
from benchkit.probes.crowd import Crowd, peer_of
from benchkit.probes.reachable import listening_at

ANSWER = b"benchkit\n"
OCTETS = "octets"
# What is sent and what is answered at most, and within which time.
LARGEST, LONGEST_S = 64 << 20, 3600.0
# A connection on which nothing is asked for so long is closed, also one that has never asked.
IDLE_S = 75.0
# Of all sources together, where one of them is limited.
MOST_CONNECTIONS = 4096
BAD_REQUEST, TOO_LARGE = 400, 413
# What is sent of, again and again: an answer takes no memory of its own, however slowly it is read.
PIECE = memoryview(bytes(1 << 20))


async def http_server(spec: HttpServerSpec) -> AsyncIterator[None]:
    """Serve until cancelled. Yields once it listens.

    Raises UnfitError where the port cannot be had.
    """
    server = _Server(spec)
    runner = web.ServerRunner(server)
    await runner.setup()
    try:
        with listening_at("TCP", spec.address, spec.port):
            await web.TCPSite(runner, spec.address, spec.port).start()
        yield None
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


class _Server(web.Server):
    """Lets connections in before anything is read of them."""

    def __init__(self, spec: HttpServerSpec) -> None:
        super().__init__(_answer, access_log=None, auto_decompress=False, keepalive_timeout=IDLE_S)
        self._admission, self._refusals = Admission(spec.allowed), Refusals()
        self._crowd = Crowd(MOST_CONNECTIONS if spec.connections else 0, spec.connections)
        self._peers: dict[RequestHandler, str] = {}

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        peer = peer_of(transport)
        if not self._admission.admits(peer, monotonic_ns()):
            self._refusals.add(peer, "HTTP from a network not allowed")
        elif not self._crowd.enter(peer):
            self._refusals.add(peer, "HTTP, too many connections")
        else:
            self._peers[handler] = peer
            return
        handler.force_close()
        transport.abort()

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        peer = self._peers.pop(handler, None)
        if peer is not None:
            self._crowd.leave(peer)


async def _answer(request: web.BaseRequest) -> web.StreamResponse:
    async with asyncio.timeout(LONGEST_S):
        came = 0
        while piece := await request.content.readany():
            came += len(piece)
            if came > LARGEST:
                return _refused(TOO_LARGE)
        asked = request.query.get(OCTETS, "")
        if not asked:
            return web.Response(body=ANSWER)
        if not asked.isdecimal() or len(asked) > len(str(LARGEST)):
            return _refused(BAD_REQUEST)
        octets = min(int(asked), LARGEST)
        if octets <= len(PIECE):
            return web.Response(body=bytes(PIECE[:octets]))
        return await _sent(request, octets)


def _refused(status: int) -> web.Response:
    """No, and the connection ends: what else was to come on it is not read."""
    answer = web.Response(status=status)
    answer.force_close()
    return answer


async def _sent(request: web.BaseRequest, octets: int) -> web.StreamResponse:
    """A large answer, piece by piece as it is taken."""
    response = web.StreamResponse(headers={"Content-Length": str(octets)})
    await response.prepare(request)
    while octets:
        piece = PIECE[:octets]
        await response.write(piece)
        octets -= len(piece)
    await response.write_eof()
    return response
