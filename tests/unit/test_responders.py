"""A responder whose address is taken says so in one line."""

from __future__ import annotations

import asyncio
import socket

import pytest

from benchkit.errors import UnfitError
from benchkit.model.responder_spec import HttpServerSpec, ReflectorSpec, StreamServerSpec
from benchkit.probes.door import PROBES


async def first(spec: object) -> None:
    async for _ in PROBES[type(spec)](spec):
        return


@pytest.mark.parametrize(
    ("kind", "protocol", "spec"),
    [
        (socket.SOCK_DGRAM, "UDP", ReflectorSpec),
        (socket.SOCK_STREAM, "TCP", HttpServerSpec),
        (socket.SOCK_STREAM, "TCP", StreamServerSpec),
    ],
)
def test_an_address_that_is_taken(kind: int, protocol: str, spec: type) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            UnfitError, match=f"127.0.0.1 {protocol} port {port}: .*in use: stop what"
        ):
            asyncio.run(first(spec("127.0.0.1", port)))
