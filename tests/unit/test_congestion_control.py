"""Which congestion control a data socket has, and that it brings nothing along from another."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from benchkit.linux import tcp
from benchkit.model.spec import Iperf3ServerSpec, Iperf3Spec, StreamServerSpec, TcpSpec
from benchkit.probes import iperf3_served, stream_served
from benchkit.probes.iperf3_client import iperf3
from benchkit.probes.iperf3_server import iperf3_server
from benchkit.probes.stream import stream
from benchkit.probes.stream_server import stream_server

LOCAL = "127.0.0.1"
MS = 1_000_000
PATIENCE_S = 10.0


def of_the_system() -> str:
    with socket.socket() as fresh:
        return tcp.congestion_control(fresh)


def free_port() -> int:
    with socket.create_server((LOCAL, 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("name", ["", "no such"])
def test_without_a_name_or_with_an_unknown_one_it_is_the_systems_own(name: str) -> None:
    with socket.socket() as connection:
        assert tcp.set_congestion_control(connection, "reno") == "reno"
        assert tcp.set_congestion_control(connection, name) == of_the_system()


def test_who_is_accepted_has_one_that_does_not_pace() -> None:
    with (
        tcp.listener_at(LOCAL, 0, 1) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert tcp.congestion_control(accepted) == "reno"


async def drained(batches: AsyncIterator[Any]) -> None:
    async for _ in batches:
        pass


@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize("asked", ["cubic", ""])
def test_a_download_starts_unpaced_and_goes_with_what_is_asked(
    monkeypatch: pytest.MonkeyPatch, ours: bool, asked: str
) -> None:
    """A sender that is accepted: what it had before, and what it has then."""
    served = stream_served if ours else iperf3_served
    prepare, seen = served.prepare, []

    def watched(connection: socket.socket, terms: Any) -> Any:
        before = tcp.congestion_control(connection)
        told = prepare(connection, terms)
        seen.append((before, tcp.congestion_control(connection)))
        return told

    monkeypatch.setattr(served, "prepare", watched)
    port = free_port()

    async def work() -> None:
        if ours:
            server: AsyncIterator[Any] = stream_server(StreamServerSpec(LOCAL, port))
            test = stream(TcpSpec("a-b", "load", LOCAL, port, "down", 50 * MS, asked))
        else:
            server = iperf3_server(Iperf3ServerSpec(LOCAL, port))
            test = iperf3(Iperf3Spec("a-b", "load", LOCAL, port, 50 * MS, "down", congestion=asked))
        await anext(server)
        await asyncio.wait_for(drained(test), PATIENCE_S)
        await server.aclose()  # type: ignore[attr-defined]

    asyncio.run(work())
    assert seen == [("reno", asked or of_the_system())]
