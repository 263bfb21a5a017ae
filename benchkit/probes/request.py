"""Requests and answers over one TCP connection: round trips as an application with an open connection has them.

What TCP sends again is part of the figure. The kernel stamps when it hands the last octet of a request to the driver
and when the last octet of an answer arrives.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from typing import cast

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import MeasureError
from benchkit.linux import timestamping
from benchkit.linux.address import family_of
from benchkit.linux.refusals import Refusals
from benchkit.linux.timestamping import Received, Sent
from benchkit.model.responder_spec import RequestServerSpec
from benchkit.model.samples import Samples
from benchkit.model.spec import RequestSpec
from benchkit.probes.admission import Admission
from benchkit.probes.crowd import Crowd, peer_of
from benchkit.probes.flight import fly
from benchkit.probes.flight_rows import Answer, Kept
from benchkit.probes.reachable import listening_at

OCTETS = 64
MOST_AT_ONCE = 64 << 10
# Of all sources together, where one of them is limited; and how long one may say nothing.
MOST_CONNECTIONS, IDLE_S = 4096, 900.0


class _Requests:
    """Records of one size, told apart by their number."""

    far_columns: tuple[str, ...] = ()
    kept: Kept = ()

    def pack(self, index: int) -> bytes:
        return index.to_bytes(8, "big").ljust(OCTETS, b"\0")

    def read(self, received: Received) -> Answer:
        return Answer(int.from_bytes(received.payload[:8], "big"))


class _Records:
    """A stream of octets cut into records, each with the stamp of its last octet."""

    def __init__(self) -> None:
        self._begun = b""

    def receive(self, connection: socket.socket) -> Iterator[Received]:
        for received in timestamping.receive(connection, MOST_AT_ONCE):
            if not received.payload:
                raise MeasureError(
                    "the far end hung up while requests were due: start its agent again"
                )
            octets = self._begun + received.payload
            whole = len(octets) // OCTETS * OCTETS
            self._begun = octets[whole:]
            for at in range(0, whole, OCTETS):
                yield received._replace(payload=octets[at : at + OCTETS])

    def transmit_stamps(self, connection: socket.socket) -> Iterator[Sent]:
        for sent in timestamping.transmit_stamps(connection):
            yield sent._replace(identity=sent.identity // OCTETS)  # TCP counts octets


async def request(spec: RequestSpec) -> AsyncIterator[Samples]:
    """Send `spec.count` requests on schedule over one connection and yield their rows as they settle.

    Raises MeasureError when the far end cannot be reached, hangs up, or answers nothing.
    """
    family = family_of(spec.address)
    with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as connection:
        try:
            async with asyncio.timeout(spec.timeout_ns / NS_PER_S):
                loop = asyncio.get_running_loop()
                await loop.sock_connect(connection, (spec.address, spec.port))
        except (OSError, TimeoutError) as error:
            raise MeasureError(
                f"{spec.path}: no TCP connection to {spec.address} port {spec.port}: "
                f"{str(error) or 'nothing came in time'}; does `benchkit agent` run there, and may TCP pass?"
            ) from error
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        timestamping.stamp(connection, stream=True)
        unanswered = f"{spec.path}: none of {spec.count} requests to {spec.address} was answered"
        async for rows in fly(spec, _Requests(), connection, unanswered, _Records()):
            yield rows


class _Door:
    """Who may come in, for all connections of one server."""

    def __init__(self, spec: RequestServerSpec) -> None:
        self.admission, self.refusals = Admission(spec.allowed), Refusals()
        self.crowd = Crowd(MOST_CONNECTIONS if spec.connections else 0, spec.connections)

    def refuses(self, peer: str) -> bool:
        if not self.admission.admits(peer, monotonic_ns()):
            self.refusals.add(peer, "requests from a network not allowed")
        elif not self.crowd.enter(peer):
            self.refusals.add(peer, "requests, too many connections")
        else:
            return False
        return True


class _GivesBack(asyncio.Protocol):
    def __init__(self, door: _Door) -> None:
        self._door = door
        self._peer = ""
        self._heard_ns = monotonic_ns()
        self._look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass
        peer = peer_of(transport)
        if self._door.refuses(peer):
            transport.close()
            return
        self._peer = peer
        self._await_more()

    def data_received(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._heard_ns = monotonic_ns()
            self._transport.write(data)

    def pause_writing(self) -> None:
        """It does not take its answers: no more is read, or they would fill the memory."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002  the protocol's signature
        if self._peer:
            self._door.crowd.leave(self._peer)
        if self._look is not None:
            self._look.cancel()

    def _await_more(self) -> None:
        """Hang up on who has said nothing for long, and look again at others."""
        left_s = IDLE_S - (monotonic_ns() - self._heard_ns) / NS_PER_S
        if left_s <= 0:
            self._transport.abort()
        else:
            self._look = asyncio.get_running_loop().call_later(left_s, self._await_more)


async def request_server(spec: RequestServerSpec) -> AsyncIterator[None]:
    """Give back what comes until cancelled. Yields once it listens."""
    loop = asyncio.get_running_loop()
    door = _Door(spec)
    with listening_at("TCP", spec.address, spec.port):
        server = await loop.create_server(lambda: _GivesBack(door), spec.address, spec.port)
    async with server:
        yield None
        await asyncio.Event().wait()
