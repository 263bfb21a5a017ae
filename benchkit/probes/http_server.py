"""The far end of HTTP requests: a small fixed answer, or as many octets as a query asks; bounded in all that a peer may ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.hdrs import AUTHORIZATION, WWW_AUTHENTICATE
from aiohttp.web_protocol import RequestHandler

from benchkit.clock import monotonic_ns
from benchkit.linux.refusals import Refusals
from benchkit.model.responder_spec import HttpServerSpec
from benchkit.probes.admission import Admission
from benchkit.probes.crowd import NOBODY, Crowd, peer_of
from benchkit.probes.digest import Challenger, UnprovedError
from benchkit.probes.reachable import listening_at

ANSWER = b"benchkit\n"
OCTETS = "octets"
# What is sent and what is answered at most, and within which time.
LARGEST, LONGEST_S = 64 << 20, 3600.0
# A connection on which nothing is asked for so long is closed, also one that has never asked.
IDLE_S = 75.0
# What comes behind an answer that was early is read for so long, and thrown away.
LINGER_S = 10.0
# Of all sources together, where one of them is limited.
MOST_CONNECTIONS = 4096
BAD_REQUEST, UNAUTHORIZED, TOO_LARGE = 400, 401, 413
UNPROVED = "without the key of this agent"
REMEDY = (
    "this agent serves those alone who know its key: give the site its request_key, or "
    "`curl --digest --user benchkit` with the digits of the key as password\n"
)
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
        server.tell_rest()


class _Server(web.Server):
    """Lets connections in before anything is read of them."""

    def __init__(self, spec: HttpServerSpec) -> None:
        self._challenger = Challenger(spec.key)
        super().__init__(
            self._answer_to_holder if spec.key else _answer,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=IDLE_S,
            # What a stranger sends behind a request is not even read to be thrown away.
            lingering_time=0.0 if spec.key else LINGER_S,
        )
        self._admission, self._refusals = Admission(spec.allowed), Refusals()
        self._crowd = Crowd(MOST_CONNECTIONS if spec.connections else 0, spec.connections)
        self._peers: dict[RequestHandler, str] = {}
        # Whose key is known: a connection shows it once, and then costs no more than one where none is wanted.
        self._holders: set[RequestHandler] = set()
        # Who was told to show it, and has not.
        self._asked: set[RequestHandler] = set()

    def tell_rest(self) -> None:
        """Tell of those who were refused and not yet told of."""
        self._refusals.tell_rest()

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
        # Not at once: aiohttp's task, which begins after this, fails with a traceback where the connection is lost by then.
        asyncio.get_running_loop().call_soon(transport.abort)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        peer = self._peers.pop(handler, None)
        if peer is not None:
            self._crowd.leave(peer)
        if handler in self._asked and peer is not None:
            self._refusals.add(peer, f"HTTP {UNPROVED}")
        self._holders.discard(handler)
        self._asked.discard(handler)

    async def _answer_to_holder(self, request: web.BaseRequest) -> web.StreamResponse:
        """Look for the key before anything is read of what else was sent."""
        handler, said = request.protocol, request.headers.get(AUTHORIZATION)
        if said is None:
            if handler in self._holders:
                return await _answer(request)
            may_ask_again = handler not in self._asked
            self._asked.add(handler)
            return self._challenge(request, may_ask_again=may_ask_again)
        try:
            self._challenger.check(said, request.method, request.raw_path)
        except UnprovedError as error:
            if not error.is_stale:
                self._asked.discard(handler)  # it is told of now
                self._refusals.add(self._peers.get(handler, NOBODY), f"HTTP {error}")
            return self._challenge(request, may_ask_again=error.is_stale, is_stale=error.is_stale)
        self._holders.add(handler)
        self._asked.discard(handler)
        return await _answer(request)

    def _challenge(
        self, request: web.BaseRequest, *, may_ask_again: bool, is_stale: bool = False
    ) -> web.Response:
        """Who may ask again does so on the same connection, unless there is more on it that nobody shall read."""
        answer = web.Response(status=UNAUTHORIZED, text=REMEDY)
        answer.headers[WWW_AUTHENTICATE] = self._challenger.challenge(is_stale=is_stale)
        if request.can_read_body or not may_ask_again:
            answer.force_close()
        return answer


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
