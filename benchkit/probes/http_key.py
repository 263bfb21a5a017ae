"""How a client of HTTP shows an agent its key: challenged once for a session, and then in the first request of each connection.

What is asked later on a connection is as it is without a key. The header is made as a connection opens: of a request
over a new one it is some microseconds of hundreds, of all others nothing.
"""

from __future__ import annotations

import ssl
from typing import Any
from weakref import WeakSet

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.hdrs import AUTHORIZATION, WWW_AUTHENTICATE
from yarl import URL

from benchkit.clock import NS_PER_S
from benchkit.errors import KeyRefusedError
from benchkit.probes.digest import Credentials, fields_of, is_ours
from benchkit.probes.http_server import UNAUTHORIZED
from benchkit.probes.talk import unproved


async def shown(
    path: str,
    url: URL,
    key: bytes,
    timeout_ns: int,
    host: str = "",
    tls: ssl.SSLContext | None = None,
) -> Credentials | None:
    """What shows the key to the server at that URL; None where it asks for none of ours.

    Raises KeyRefusedError where it asks for another, or for one where there is none, and aiohttp's errors.
    """
    timeout = aiohttp.ClientTimeout(total=timeout_ns / NS_PER_S)
    headers = {"Host": host} if host else {}
    # One connection, for a server counts those who come and never show anything.
    connector = aiohttp.TCPConnector(limit=1, ssl=tls or True)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, headers=headers, auto_decompress=False
    ) as session:
        status, challenge = await _asked(session, url)
        if status != UNAUTHORIZED or not is_ours(fields_of(challenge)):
            return None
        credentials = Credentials(key)
        if key and credentials.take(challenge):
            header = credentials.header("GET", url.raw_path_qs)
            status, _ = await _asked(session, url, {AUTHORIZATION: header})
        if status == UNAUTHORIZED:
            raise KeyRefusedError(
                f"{path}: {url} refused requests: {unproved('request_key', shown=bool(key))}"
            )
        return credentials


async def _asked(
    session: aiohttp.ClientSession, url: URL, headers: dict[str, str] | None = None
) -> tuple[int, str]:
    async with session.get(url, headers=headers, allow_redirects=False) as response:
        while response.status == UNAUTHORIZED and await response.content.readany():
            pass  # to its end, or the connection could not be kept; and nothing of it is
        return response.status, response.headers.get(WWW_AUTHENTICATE, "")


class ShowingConnector(aiohttp.TCPConnector):
    """Has the first request on each connection show the key, once there are `credentials`."""

    credentials: Credentials | None = None

    def __init__(self, **options: Any) -> None:  # noqa: ANN401  passed on
        """As its parent; nothing is shown yet."""
        super().__init__(**options)
        self._known: WeakSet[ResponseHandler] = WeakSet()

    def renew(self, challenge: str) -> None:
        """Show the key anew from now on: an agent that was started again knows nobody."""
        if self.credentials is not None and self.credentials.take(challenge):
            self._known.clear()

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[aiohttp.tracing.Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  as the parent has it
    ) -> aiohttp.connector.Connection:
        """Take or make a connection, and look whether it is known."""
        made = await super().connect(req, traces, timeout)
        if self.credentials is not None and made.protocol not in self._known:
            if made.protocol is not None:
                self._known.add(made.protocol)
            req.headers[AUTHORIZATION] = self.credentials.header(req.method, req.url.raw_path_qs)
        return made
