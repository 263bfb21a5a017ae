"""Requests and answers over one TCP connection: round trips as an application with an open connection has them.

What TCP sends again is part of the figure. The kernel stamps when it hands the last octet of a request to the driver
and when the last octet of an answer arrives. Where the far end wants a key, that is shown before the first request.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

from benchkit.clock import NS_PER_S
from benchkit.errors import KeyRefusedError, MeasureError, told_by_system
from benchkit.linux import timestamping
from benchkit.linux.address import family_of
from benchkit.linux.timestamping import Received, Sent
from benchkit.model.samples import Samples
from benchkit.model.spec import RequestSpec
from benchkit.probes.flight import fly
from benchkit.probes.flight_rows import Answer, Kept
from benchkit.probes.hello import (
    HELLO_S,
    REFUSAL,
    RefusedError,
    introduce,
)
from benchkit.probes.talk import TalkError, unproved
from benchkit.units import show_count

OCTETS = 64
MOST_AT_ONCE = 64 << 10


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

    def __init__(self, where: str) -> None:
        self._where = where
        self._begun = b""

    def receive(self, connection: socket.socket) -> Iterator[Received]:
        for received in self._came(connection):
            octets = self._begun + received.payload
            whole = len(octets) // OCTETS * OCTETS
            self._begun = octets[whole:]
            for at in range(0, whole, OCTETS):
                yield received._replace(payload=octets[at : at + OCTETS])

    def _came(self, connection: socket.socket) -> Iterator[Received]:
        try:
            for received in timestamping.receive(connection, MOST_AT_ONCE):
                if not received.payload:
                    raise self._hung_up()
                yield received
        except ConnectionError as error:
            raise self._hung_up() from error

    def _hung_up(self) -> MeasureError:
        if self._begun == REFUSAL:
            return KeyRefusedError(
                f"{self._where} refused requests: {unproved('request_key', shown=False)}"
            )
        return MeasureError(
            f"{self._where} hung up while requests were due: start its agent again, and see that its --allow has who asks"
        )

    def transmit_stamps(self, connection: socket.socket) -> Iterator[Sent]:
        for sent in timestamping.transmit_stamps(connection):
            yield sent._replace(identity=sent.identity // OCTETS)  # TCP counts octets


async def request(spec: RequestSpec) -> AsyncIterator[Samples]:
    """Send `spec.count` requests on schedule over one connection and yield their rows as they settle.

    Raises MeasureError when the far end cannot be reached, hangs up, or answers nothing.
    """
    family = family_of(spec.address)
    with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as connection:
        await _connect(connection, spec)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if spec.key:
            await _introduce(connection, spec)
        timestamping.stamp(connection, stream=True)  # octets count from here
        unanswered = f"{spec.path}: none of {show_count(spec.count, 'request')} to {spec.address} was answered"
        async for rows in fly(spec, _Requests(), connection, unanswered, _Records(_where(spec))):
            yield rows


async def _connect(connection: socket.socket, spec: RequestSpec) -> None:
    try:
        async with asyncio.timeout(spec.timeout_ns / NS_PER_S):
            loop = asyncio.get_running_loop()
            await loop.sock_connect(connection, (spec.address, spec.port))
    except (OSError, TimeoutError) as error:
        raise MeasureError(
            f"{spec.path}: no TCP connection to {spec.address} port {spec.port}: "
            f"{told_by_system(error)}; does `benchkit agent` run there, and may TCP pass?"
        ) from error


async def _introduce(connection: socket.socket, spec: RequestSpec) -> None:
    where = _where(spec)
    try:
        async with asyncio.timeout(HELLO_S):
            await introduce(connection, spec.key)
    except RefusedError as error:
        raise KeyRefusedError(f"{where} refused requests: {error}") from error
    except (TalkError, OSError, TimeoutError) as error:
        raise MeasureError(
            f"{where} does not answer as benchkit's own does: {told_by_system(error)}; is it "
            "`benchkit agent` of this version that listens there, and has its --allow who asks?"
        ) from error


def _where(spec: RequestSpec) -> str:
    return f"{spec.path}: the far end at {spec.address} TCP port {spec.port}"
