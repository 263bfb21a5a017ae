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
from benchkit.linux.refusals import Refusals
from benchkit.linux.timestamping import Received, Sent
from benchkit.model.responder_spec import RequestServerSpec
from benchkit.model.samples import Samples
from benchkit.model.spec import RequestSpec
from benchkit.probes.admission import Admission
from benchkit.probes.flight import fly
from benchkit.probes.flight_rows import Answer
from benchkit.probes.reachable import listening_at

OCTETS = 64
MOST_AT_ONCE = 64 << 10


class _Requests:
    """Records of one size, told apart by their number."""

    far_columns: tuple[str, ...] = ()

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
    family = timestamping.family_of(spec.address)
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


class _GivesBack(asyncio.Protocol):
    def __init__(self, admission: Admission, refusals: Refusals) -> None:
        self._admission, self._refusals = admission, refusals

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass
        peer = str(transport.get_extra_info("peername")[0])
        if not self._admission.admits(peer, monotonic_ns()):
            self._refusals.add(peer, "requests from a network not allowed")
            transport.close()

    def data_received(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


async def request_server(spec: RequestServerSpec) -> AsyncIterator[None]:
    """Give back what comes until cancelled. Yields once it listens."""
    loop = asyncio.get_running_loop()
    admission, refusals = Admission(spec.allowed), Refusals()
    with listening_at("TCP", spec.address, spec.port):
        server = await loop.create_server(
            lambda: _GivesBack(admission, refusals), spec.address, spec.port
        )
    async with server:
        yield None
        await asyncio.Event().wait()
