"""Clients that hang, die or talk nonsense to our iperf3 server: whoever comes next is served."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest
from iperf3_clients import MS, PATIENCE_S, hurry, measured, spec_of, wait_for
from loopback import LOCAL, free_port

from benchkit.errors import BenchkitError, TakenError, UnfitError
from benchkit.model.responder_spec import Iperf3ServerSpec
from benchkit.probes import iperf3_client, iperf3_flow, iperf3_served, iperf3_server

COOKIE = b"a" * 36 + b"\0"
TERMS = {"tcp": True, "time": 1, "parallel": 1, "len": 1000}


async def served_well(port: int) -> None:
    """A good client, which waits as long as a busy machine takes, gets all of a test."""
    with pytest.MonkeyPatch.context() as patch:
        wait_for(patch, PATIENCE_S)
        spec = replace(spec_of(port), duration_ns=50 * MS)
        kinds = [batch.kind async for batch in iperf3_client.iperf3(spec)]
    assert kinds == ["goodput", "tcp_info", "iperf3"]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@asynccontextmanager
async def serving() -> AsyncIterator[int]:
    """Our server; its port. At the end it must still serve a good client."""
    port = free_port()
    server = iperf3_server.iperf3_server(Iperf3ServerSpec(LOCAL, port))
    assert await anext(server) is None
    try:
        yield port
        await served_well(port)
    finally:
        await server.aclose()


def told(port: int, *words: bytes) -> bytes:
    """Say these words and return all that is said until the server hangs up."""
    with socket.create_connection((LOCAL, port), timeout=PATIENCE_S) as ours:
        for word in words:
            ours.sendall(word)
        heard = b""
        with suppress(ConnectionResetError):
            while got := ours.recv(1000):
                heard += got
        return heard


def framed(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


GOOD_TERMS = framed(json.dumps(TERMS).encode())
REFUSED = b"\x09\xfe" + struct.pack(">ii", 114, 22)


@pytest.mark.parametrize(
    ("words", "heard"),
    [
        (b"", b""),
        (COOKIE[:20], b""),
        (COOKIE, b"\x09" + REFUSED[1:]),
        (COOKIE + b"\x00\x00", REFUSED),
        (COOKIE + struct.pack(">I", 1 << 30), REFUSED),
        (COOKIE + framed(b"{]"), REFUSED),
        (COOKIE + framed(b'{"tcp":true,"parallel":1000000}'), REFUSED),
        (COOKIE + framed(b'{"tcp":true,"window":536870912}'), b"\x09\xfe" + struct.pack(">ii", 141, 105)),
        (COOKIE + framed(b'{"tcp":true,"congestion":"nosuch"}'), b"\x09\xfe" + struct.pack(">ii", 134, 2)),
        (COOKIE + GOOD_TERMS, b"\x09\x0a"),
    ],
)  # fmt: skip
def test_a_client_that_hangs_or_talks_nonsense_holds_nobody_up(words: bytes, heard: bytes) -> None:
    async def work() -> bytes:
        async with serving() as port:
            return await asyncio.wait_for(asyncio.to_thread(told, port, words), PATIENCE_S)

    assert asyncio.run(work()) == heard


def test_who_comes_during_a_test_is_told_that_it_is_busy() -> None:
    async def work() -> tuple[bytes, BenchkitError | None]:
        async with serving() as port:
            with socket.create_connection((LOCAL, port), timeout=PATIENCE_S) as first:
                first.sendall(COOKIE)
                assert await asyncio.to_thread(first.recv, 1) == b"\x09"
                second = await asyncio.to_thread(told, port, b"b" * 37)
                _, error = await asyncio.to_thread(measured, spec_of(port))
            await asyncio.sleep(0.1)
            return second, error

    second, error = asyncio.run(work())
    assert second == b"\xff"
    assert "busy with another test" in str(error)


def test_who_comes_while_a_test_lets_go_of_its_streams_is_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Slow(iperf3_flow.Flow):
        def close(self) -> None:
            time.sleep(0.3)
            super().close()

    monkeypatch.setattr(iperf3_served, "Flow", Slow)

    async def work() -> None:
        async with serving() as port:
            await served_well(port)

    asyncio.run(work())


def test_a_client_that_dies_meanwhile_ends_its_test() -> None:
    async def work() -> None:
        async with serving() as port:
            with (
                socket.create_connection((LOCAL, port)) as control,
                socket.create_connection((LOCAL, port)) as stream,
            ):
                control.sendall(COOKIE + GOOD_TERMS)
                assert control.recv(2, socket.MSG_WAITALL) == b"\x09\x0a"
                stream.sendall(COOKIE)
                assert control.recv(2, socket.MSG_WAITALL) == b"\x01\x02"
            await asyncio.sleep(0.3)

    asyncio.run(work())


def test_an_address_that_is_taken() -> None:
    async def work(port: int) -> None:
        await anext(iperf3_server.iperf3_server(Iperf3ServerSpec(LOCAL, port)))

    with socket.create_server((LOCAL, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UnfitError, match=f"{LOCAL} TCP port {port}: .*in use: stop what"):
            asyncio.run(work(port))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_client_that_goes_before_its_streams_come_lets_go_at_once(
    monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    monkeypatch.setattr(iperf3_served, "STREAMS_S", 10 * PATIENCE_S)
    rest = {name: value for name, value in TERMS.items() if name != "tcp"}
    asked = framed(json.dumps({**rest, transport: True}).encode())

    def come_and_go(port: int) -> None:
        with socket.create_connection((LOCAL, port), timeout=PATIENCE_S) as ours:
            ours.sendall(COOKIE + asked)
            heard = b""
            while len(heard) < 2:
                heard += ours.recv(2)
        assert heard == b"\x09\x0a"

    async def work() -> None:
        async with serving() as port:
            await asyncio.to_thread(come_and_go, port)
            served = False
            while not served:
                with suppress(TakenError):  # until it has looked
                    await served_well(port)
                    served = True

    asyncio.run(asyncio.wait_for(work(), PATIENCE_S))
