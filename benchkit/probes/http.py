"""HTTP request latency by aiohttp, open loop: each request starts when it is due, whatever became of the last.

The client's own cost, some tenths of a millisecond, is part of the figure: it is what an application sees. What
of it was lookup, connection, handshake, wait and transfer stands beside.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator

import aiohttp
import numpy as np
from aiohttp.hdrs import WWW_AUTHENTICATE
from numpy.typing import NDArray
from yarl import URL

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import MeasureError
from benchkit.model.samples import HTTP_PHASES, Samples, column
from benchkit.model.spec import HttpSpec
from benchkit.probes import http_stages
from benchkit.probes.as_settled import Settling, as_settled
from benchkit.probes.digest import Credentials
from benchkit.probes.http_errors import unanswered
from benchkit.probes.http_key import ShowingConnector, shown
from benchkit.probes.http_server import OCTETS, UNAUTHORIZED
from benchkit.probes.http_stages import Stages, TlsContext
from benchkit.probes.pacer import lead_of, open_loop
from benchkit.probes.schedule import due_times

WARM_UP = 4  # connections opened before the first request that counts
SOON_NS = 20_000_000
FIRST_ERROR = 400
# What our own server never answers: a page of another size.
MISSED = 599


async def http(spec: HttpSpec) -> AsyncIterator[Samples]:
    """Send `spec.count` requests on schedule and yield their rows as they settle.

    They are of kind "http", or "inference" with the octets of each where the spec has a mix.

    Connections are kept, or each request has a new one and looks up its name anew. Raises MeasureError when the
    server cannot be reached at all, or wants another key.
    """
    timeout = aiohttp.ClientTimeout(total=spec.timeout_ns / NS_PER_S)
    connector = _connector(spec)
    if spec.key:
        connector.credentials = await _shown(spec)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        trace_configs=[http_stages.tracing()],
        auto_decompress=False,  # nobody reads it, and a few octets could unpack to any number
    ) as session:
        await _warm_up(session, spec)
        requests = _Requests(session, spec)
        async for rows in as_settled(requests.send(), requests.settle):
            yield rows


def _connector(spec: HttpSpec) -> ShowingConnector:
    # No pool limit: waiting for a free connection would make the open loop a closed one.
    return ShowingConnector(
        limit=0,
        limit_per_host=0,
        force_close=spec.fresh,
        use_dns_cache=not spec.fresh,
        socket_factory=http_stages.open_socket,
        ssl=_tls(spec) or True,
    )


def _tls(spec: HttpSpec) -> TlsContext | None:
    return TlsContext.client() if spec.url.startswith("https:") else None


async def _shown(spec: HttpSpec) -> Credentials | None:
    try:
        return await shown(spec.path, URL(spec.url), spec.key, spec.timeout_ns, tls=_tls(spec))
    except (aiohttp.ClientError, TimeoutError) as error:
        raise _unanswered(spec, error) from error


async def _warm_up(session: aiohttp.ClientSession, spec: HttpSpec) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_tried(session, spec)) for _ in range(WARM_UP)]
    answers = [task.result() for task in tasks]
    errors = [each for each in answers if isinstance(each, Exception)]
    if len(errors) == WARM_UP:  # where a path loses packets, some may
        raise _unanswered(spec, errors[0]) from errors[0]
    if UNAUTHORIZED in answers and not spec.key:
        await _shown(spec)  # where it is an agent that wants a key, that is told


async def _tried(session: aiohttp.ClientSession, spec: HttpSpec) -> int | Exception:
    """The status of an answer, or why there is none."""
    try:
        return await _request(session, spec.url, Stages(), None)
    except (aiohttp.ClientError, TimeoutError) as error:
        return error


# How a connection ends that was let in; the last is raised where it is gone before the request.
_HUNG_UP = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionResetError)


def _unanswered(spec: HttpSpec, error: Exception) -> MeasureError:
    said, remedy = unanswered(error, "is a server running there, and may TCP pass?")
    if isinstance(error, _HUNG_UP) and not isinstance(error, aiohttp.ClientConnectorError):
        remedy = "does a server of HTTP run there, and if it is `benchkit agent`, has its --allow who asks?"
    return MeasureError(f"{spec.path}: {spec.url} does not answer: {said}; {remedy}")


class _Requests:
    """Every request of one session."""

    def __init__(self, session: aiohttp.ClientSession, spec: HttpSpec) -> None:
        self._session, self._spec = session, spec
        start = monotonic_ns() + SOON_NS
        self._due = due_times(start, spec.interval_ns, spec.count, spec.schedule)
        self._sent, self._received, self._status = np.zeros((3, spec.count), dtype=np.int64)
        self._took = np.zeros((spec.count, len(HTTP_PHASES)), dtype=np.int64)
        self._exchanges = _exchanges(spec)
        self._over = np.zeros(spec.count, dtype=np.bool_)
        self._settling = Settling(spec.count)

    async def send(self) -> None:
        """Start each when it is due, and see all to their ends."""
        await open_loop(self._due, self._one, lead_ns=lead_of(self._spec.interval_ns))

    async def _one(self, index: int) -> None:
        self._sent[index] = monotonic_ns()
        stages = Stages()
        try:
            exchange = self._exchanges[index] if self._spec.mix else None
            status = await _request(self._session, self._spec.url, stages, exchange)
        except (aiohttp.ClientError, TimeoutError):
            return  # lost: no answer in time is absent, not a number
        else:
            self._status[index] = status
            if status < FIRST_ERROR:  # a page that says sorry is quick, and no answer
                self._received[index] = stages.ended
                self._took[index] = stages.durations()
        finally:
            self._over[index] = True

    def settle(self, whole: bool) -> Samples | None:  # noqa: FBT001  as `as_settled` calls it
        """The rows that can no longer change, since this was last asked."""
        rows = self._settling.take(self._over, whole=whole)
        return None if rows is None else self._samples(rows)

    def _samples(self, rows: slice) -> Samples:
        spec, received, status = self._spec, self._received[rows], self._status[rows]
        columns = {
            "sequence": column(np.arange(rows.start, rows.stop)),
            "due_ns": column(self._due[rows]),
            "sent_ns": column(self._sent[rows]),
            "received_ns": column(received, received == 0),
            "status": column(status, status == 0),
        }
        for at, name in enumerate(HTTP_PHASES):
            took = self._took[rows, at]
            columns[name] = column(took.copy(), took == 0)
        if not spec.mix:
            return Samples("http", spec.path, spec.phase, columns)
        columns |= {
            name: column(self._exchanges[rows, at].copy())
            for at, name in enumerate(("request_octets", "response_octets"))
        }
        return Samples("inference", spec.path, spec.phase, columns)


def _exchanges(spec: HttpSpec) -> NDArray[np.int64]:
    """Octets asked and answered of each request, (count, 2), drawn by share."""
    if not spec.mix:
        return np.zeros((spec.count, 2), dtype=np.int64)
    shares = np.array([share for share, _, _ in spec.mix])
    sorts = np.array([octets for _, *octets in spec.mix], dtype=np.int64)
    drawn = np.random.default_rng(spec.seed).choice(len(sorts), spec.count, p=shares / shares.sum())
    return np.asarray(sorts[drawn], dtype=np.int64)


async def _request(
    session: aiohttp.ClientSession, url: str, stages: Stages, exchange: NDArray[np.int64] | None
) -> int:
    http_stages.current.set(stages)
    if exchange is None:
        async with session.get(url) as response:
            await _read(response)
            stages.ended = monotonic_ns()
            return _status(session, response)
    asked, answered = (int(octets) for octets in exchange)
    body = io.BytesIO(bytes(asked))  # aiohttp sends a file piece by piece, and all else at once
    async with session.post(url, data=body, params={OCTETS: answered}) as response:
        found = await _read(response)
        stages.ended = monotonic_ns()
        status = _status(session, response)
        return status if found == answered or status == UNAUTHORIZED else MISSED


def _status(session: aiohttp.ClientSession, response: aiohttp.ClientResponse) -> int:
    """What it says; where that is that it knows us no more, the next request shows the key anew."""
    if response.status == UNAUTHORIZED and isinstance(session.connector, ShowingConnector):
        session.connector.renew(response.headers.get(WWW_AUTHENTICATE, ""))
    return response.status


async def _read(response: aiohttp.ClientResponse) -> int:
    """How many octets came, to the last; none is kept, for a server may send without end."""
    octets = 0
    while piece := await response.content.readany():
        octets += len(piece)
    return octets
