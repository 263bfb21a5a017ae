"""HTTP requests by a client that costs next to nothing: a uvloop protocol with a real parser, over kept connections.

Open loop: a request leaves when it is due, over a free connection or else a new one, so that no pool holds it back.
Closed loop: each connection asks again as soon as it is answered.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import cast

import aiohttp
import httptools
from yarl import URL

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import IN_TIME, MeasureError, told_by_system
from benchkit.linux.address import bracketed
from benchkit.model.samples import Samples
from benchkit.model.spec import HttpLoadSpec
from benchkit.probes.as_settled import as_settled
from benchkit.probes.digest import Credentials
from benchkit.probes.http_key import shown
from benchkit.probes.http_load_rows import Integers, LoadRows
from benchkit.probes.http_server import UNAUTHORIZED
from benchkit.probes.pacer import Pacer, lead_of
from benchkit.probes.schedule import due_times

SOON_NS = 20_000_000
# A sleeper wakes 40 to 70 us late, which is as long as a request takes on a good path.
FIRST_ERROR = 400
AWAY_S = 0.1  # after which a closed loop looks again for a server that was away
WARMING, IDLE = -2, -1


class _Connection(asyncio.Protocol):
    """One connection, and which request it carries."""

    def __init__(self, load: _Load) -> None:
        self.load = load
        self.carries = WARMING
        self.transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass
        self._write = self.transport.write
        # The first request warms the connection, and counts for nothing. It shows the key, which no later one need.
        self._write(self.load.greeting())

    def ask(self, index: int) -> None:
        """Send request `index`, over a connection that is made."""
        self.carries = index
        self.load.sent[index] = monotonic_ns()
        self._write(self.load.request)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            assert self.transport is not None  # noqa: S101  it received
            self.transport.abort()  # what it carries is lost

    def on_message_complete(self) -> None:
        """The parser has seen the whole answer. In a closed loop this is all that happens between two requests."""
        load, index = self.load, self.carries
        if index >= 0:
            load.status[index] = status = self._parser.get_status_code()
            now = monotonic_ns()
            if status < FIRST_ERROR:  # a page that says sorry is quick, and no answer
                load.received[index] = now
            following = load.following
            if 0 < following < load.count and self._parser.should_keep_alive():
                load.following, self.carries = following + 1, following
                load.sent[following] = now
                self._write(load.request)
                return
            load.is_over()
        elif index == WARMING and self._parser.get_status_code() == UNAUTHORIZED:
            load.is_refused = True
            if load.renew() and self.transport is not None:
                self.transport.close()  # the next one is made by who is known
                return
        self.carries = IDLE
        if self._parser.should_keep_alive():
            self.load.is_free(self)
        elif self.transport is not None:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002  the protocol's signature
        self.load.is_gone(self)


class _Load:
    """Every request of one session, and the connections that carry them."""

    def __init__(self, spec: HttpLoadSpec, credentials: Credentials | None) -> None:
        self._spec, self.count = spec, spec.count
        head = f"GET {spec.resource} HTTP/1.1\r\nHost: {spec.host}\r\nUser-Agent: benchkit\r\n"
        self.request = f"{head}\r\n".encode("ascii")
        self._head, self._credentials, self.is_refused = head, credentials, False
        self.rows = rows = LoadRows(spec)
        self.sent, self.received, self.status = rows.sent, rows.received, rows.status
        self._free: list[_Connection] = []
        self._waiting: deque[int] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self._all: set[_Connection] = set()
        self.following = 0  # of a closed loop that has begun, which request is next
        self.outstanding = 0
        self.quiet = asyncio.Event()  # nothing is outstanding
        self._warm = asyncio.Event()
        self._trouble = ""
        self._loop = asyncio.get_running_loop()
        self._renewal: asyncio.Task[None] | None = None

    def renew(self) -> bool:
        """Show the key anew, once for all connections: an agent that was started again knows nobody. False without a key."""
        if self._credentials is not None and self._renewal is None:
            self._renewal = self._loop.create_task(self._renewed())
        return self._credentials is not None

    async def _renewed(self) -> None:
        try:
            self._credentials = await _shown(self._spec)
        except MeasureError:  # it has another key now: what is asked is lost
            self._credentials = None
        self._renewal = None
        self._open_one()

    def greeting(self) -> bytes:
        """The first request on a connection."""
        if self._credentials is None:
            return self.request
        shown = self._credentials.header("GET", self._spec.resource)
        return f"{self._head}Authorization: {shown}\r\n\r\n".encode("ascii")

    async def open(self, count: int) -> None:
        """Open connections and see each answer once. Raises MeasureError when none does in time."""
        for _ in range(count):
            self._open_one()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(self._spec.timeout_ns / NS_PER_S, 1)):
                await self._warm.wait()
        if not self._free:
            raise _unanswered(self._spec, self._trouble or IN_TIME)

    def _open_one(self) -> None:
        async def connect() -> None:
            loop, spec = self._loop, self._spec
            made = _Connection(self)
            if self._renewal is not None:
                await asyncio.wait([self._renewal])
            while made.transport is None:
                try:
                    await loop.create_connection(lambda: made, spec.address, spec.port)
                    self._all.add(made)
                except OSError as error:
                    self._trouble = told_by_system(error)
                    self._warm.set()
                    if not self._goes_on:
                        return
                    await asyncio.sleep(AWAY_S)

        task = self._loop.create_task(connect())
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def due(self, index: int) -> None:
        """Send it now: over a free connection, or over a new one."""
        self._add()
        if self._free:
            self._free.pop().ask(index)
            return
        self._waiting.append(index)
        if len(self._opening) < len(self._waiting):
            self._open_one()

    def ask_again(self) -> None:
        """Closed loop: have every free connection ask the next, for as long as there are requests left."""
        while self._free and self.following < self._spec.count:
            self._add()
            self._free.pop().ask(self.following)
            self.following += 1

    @property
    def _goes_on(self) -> bool:
        """A closed loop has begun, and has requests left."""
        return 0 < self.following < self._spec.count

    def is_free(self, connection: _Connection) -> None:
        """Give it what waits, or keep it for later."""
        if self._waiting:
            connection.ask(self._waiting.popleft())
        elif self._goes_on:
            self._add()
            connection.ask(self.following)
            self.following += 1
        else:
            self._free.append(connection)
            if len(self._free) >= self._spec.connections:
                self._warm.set()

    def is_gone(self, connection: _Connection) -> None:
        """A connection has ended; what it carried is lost."""
        self._all.discard(connection)
        if connection in self._free:
            self._free.remove(connection)
        if connection.carries >= 0:
            self.is_over()
        if self._goes_on:
            self._open_one()

    def _add(self) -> None:
        if not self.outstanding:
            self.quiet.clear()
        self.outstanding += 1

    def is_over(self) -> None:
        """A request has come to its end."""
        self.outstanding -= 1
        if not self.outstanding and not self._goes_on:
            self.quiet.set()

    def close(self) -> None:
        """Close every connection."""
        for task in (*self._opening, *filter(None, [self._renewal])):
            task.cancel()
        for connection in tuple(self._all):
            if connection.transport is not None:
                connection.transport.abort()

    def done(self) -> int:
        """How many requests are no longer outstanding."""
        return self.rows.asked() - self.outstanding


async def http_load(spec: HttpLoadSpec) -> AsyncIterator[Samples]:
    """Send `spec.count` GET requests, on schedule or as fast as answers come; yield their rows as they settle.

    Raises MeasureError when the server cannot be reached at all, or wants another key.
    """
    load = _Load(spec, await _shown(spec) if spec.key else None)
    try:
        await load.open(spec.connections)
        if load.is_refused and not spec.key:
            await _shown(spec)  # where it is an agent that wants a key, that is told
        due = None
        if spec.interval_ns:
            start = monotonic_ns() + SOON_NS
            due = due_times(start, spec.interval_ns, spec.count, spec.schedule)
        work = _closed_loop(load, spec) if due is None else _open_loop(load, spec, due)
        async for rows in as_settled(work, lambda whole: load.rows.settle(due, whole=whole)):
            yield rows
    finally:
        load.close()


async def _shown(spec: HttpLoadSpec) -> Credentials | None:
    url = URL(f"http://{bracketed(spec.address)}:{spec.port}{spec.resource}", encoded=True)
    try:
        return await shown(spec.path, url, spec.key, spec.timeout_ns, spec.host)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise _unanswered(spec, told_by_system(error)) from error


def _unanswered(spec: HttpLoadSpec, said: str) -> MeasureError:
    return MeasureError(
        f"{spec.path}: http://{spec.host}{spec.resource} does not answer: {said}; "
        "is a server running there, may TCP pass, and if it is `benchkit agent`, has its --allow who asks?"
    )


async def _open_loop(load: _Load, spec: HttpLoadSpec, due: Integers) -> None:
    with Pacer(due, load.due, lead_ns=lead_of(spec.interval_ns)) as pacer:
        await pacer.finished.wait()
    left_ns = int(due[-1]) + spec.timeout_ns - monotonic_ns()
    with suppress(TimeoutError):
        async with asyncio.timeout(left_ns / NS_PER_S):
            await load.quiet.wait()


async def _closed_loop(load: _Load, spec: HttpLoadSpec) -> None:
    """Until every request is answered, or none is for as long as one may take."""
    load.ask_again()
    seen = -1
    while seen != (seen := load.done()):
        with suppress(TimeoutError):
            async with asyncio.timeout(spec.timeout_ns / NS_PER_S):
                await load.quiet.wait()
                return
