"""Bulk TCP: one to many streams, up, down or both, goodput counted where it arrives, TCP_INFO where it leaves.

The client opens a control connection and says what it wants; the far end grants it alone, or says who is at it and
for how long. Then come the data connections, each told by a token. Bytes move in blocking sockets on threads that
do nothing else; the far end's counts come home while it counts them, put on this end's clock.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import numpy as np

from benchkit.errors import MeasureError
from benchkit.model.bulk_spec import StreamKeySpec, TcpSpec
from benchkit.model.samples import Samples, column
from benchkit.probes.far_end import FarEnd, FarTest
from benchkit.probes.outbox import Item, tested
from benchkit.probes.stream_flow import StreamFlow, prepare, too_small_a_window
from benchkit.probes.stream_meter import rate_of
from benchkit.probes.stream_session import BulkSession
from benchkit.probes.stream_terms import terms_from, whole
from benchkit.probes.talk import TalkError, clock_offset_ns

# Between the last data connection and the word that all of them have arrived.
OPEN_S = 12.0
# So many intervals make a figure for whoever watches.
TOLD_EVERY = 5
# What opens a data connection: "D", the token, the stream's number, blanks, end of line.
HEAD_OCTETS = 64
TOTAL_COLUMNS = ("stream", "up", "sent_octets", "received_octets", "wrong_octets")


def head(token: str, number: int) -> bytes:
    """The first octets of a data connection."""
    return f"D{token} {number}".ljust(HEAD_OCTETS - 1).encode() + b"\n"


async def stream(spec: TcpSpec) -> AsyncIterator[Samples]:
    """Run one test; yield goodput and TCP_INFO for each direction, and the totals of each stream ("streams").

    With both directions at once the phase is "PHASE up" and "PHASE down". Raises MeasureError where the far end
    cannot be reached, is taken, or goes, after all that was measured.
    """
    async for batch in tested(lambda put: StreamTest(spec, put)):
        yield batch


async def stream_key(spec: StreamKeySpec) -> AsyncIterator[Samples]:
    """Show the key, and hang up: no data move, and there are no rows.

    Raises KeyRefusedError where the key is not the far end's own, ShutError where it cannot be reached.
    """
    far = FarEnd(spec.path, spec.address, spec.port, spec.key)
    try:
        await asyncio.to_thread(far.try_key)
    finally:
        far.close()
    rows: tuple[Samples, ...] = ()
    for batch in rows:
        yield batch


class StreamTest(FarTest[StreamFlow]):
    """One test, on a thread."""

    def __init__(self, spec: TcpSpec, put: Callable[[Item], None]) -> None:
        """Know what is asked, and where what is measured goes."""
        super().__init__(FarEnd(spec.path, spec.address, spec.port, spec.key))
        self._spec = spec
        self._terms = terms_from(spec)
        self._put = put
        self._told = {True: 0, False: 0}

    def _measure(self) -> None:
        talk, token = self._far.granted(self._terms.encoded())
        offset_ns = clock_offset_ns(talk)
        for number, sends in enumerate(self._terms.flows):
            self._flows.append(self._stream(token, number, sends=sends))
        if talk.hear(OPEN_S).get("open") != len(self._flows):
            raise TalkError("it did not see all streams open")
        talk.say({"begin": True})
        session = BulkSession(
            talk, self._terms.duration_ns, self._flows, heard=lambda: self._tell(session)
        )
        try:
            session.run(tells=False)
        finally:
            self._put_counts(session, offset_ns)
        self._put_totals(session.their_end or ())
        self._far.await_release()

    def _stream(self, token: str, number: int, *, sends: bool) -> StreamFlow:
        connection = socket.socket(self._far.family, socket.SOCK_STREAM)
        _, window = prepare(connection, self._terms)
        asked = self._terms.window_octets
        if window < asked:
            connection.close()
            raise too_small_a_window(self._spec.path, asked, window)
        self._far.connected(connection, head(token, number))
        connection.settimeout(None)
        return StreamFlow(number, connection, self._terms, sends=sends, token=token)

    def _tell(self, session: BulkSession) -> None:
        """The rate of every half second, while it is measured."""
        for up in self._ways:
            rows = (session.theirs if up else session.ours).received
            while len(rows) - self._told[up] >= TOLD_EVERY:
                first = self._told[up]
                last = self._told[up] = first + TOLD_EVERY
                self._put(rate_of(self._spec.path, self._phase(up=up), rows[first:last]))

    def _put_counts(self, session: BulkSession, offset_ns: int) -> None:
        theirs = session.theirs.shifted(-offset_ns)
        for up in self._ways:
            arrived, left = (theirs, session.ours) if up else (session.ours, theirs)
            where = self._spec.path, self._phase(up=up)
            for rows in (*arrived.goodput(*where), *left.tcp_info(*where)):
                self._put(rows)

    @property
    def _ways(self) -> tuple[bool, ...]:
        """The directions in which data go: up is True."""
        named = {"up": (True,), "down": (False,), "both": (True, False)}
        return named[self._terms.direction]

    def _phase(self, *, up: bool) -> str:
        if self._terms.direction != "both":
            return self._spec.phase
        return f"{self._spec.phase} {'up' if up else 'down'}"

    def _put_totals(self, theirs: Sequence[Mapping[str, Any]]) -> None:
        rows = [_total(flow, each) for flow, each in zip(self._flows, theirs, strict=True)]
        columns = {
            name: column(np.array([row[at] for row in rows]))
            for at, name in enumerate(TOTAL_COLUMNS)
        }
        self._put(Samples("streams", self._spec.path, self._spec.phase, columns))
        wrong = sum(row[-1] for row in rows)
        if wrong:
            received = sum(row[3] for row in rows)
            raise MeasureError(
                f"{self._spec.path}: {wrong} of {received} octets arrived with another content than was sent: "
                "something on the path changes data that TCP's checksum does not hold; measure each part of it"
            )


def _total(flow: StreamFlow, theirs: Mapping[str, Any]) -> tuple[int, int, int, int, int]:
    """One stream, put together from both ends. Raises TalkError for what are no totals."""
    octets, wrong = (whole(theirs, key, 0, 2**62) for key in ("octets", "wrong"))
    if flow.sends:
        return flow.number, 1, flow.octets, octets, wrong
    return flow.number, 0, octets, flow.octets, flow.wrong
