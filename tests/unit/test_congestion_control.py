"""Which congestion control a data socket has, and that it brings nothing along from another."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from loopback import LOCAL, free_port
from plans import plan_of

from benchkit.campaign.throughput import Setting, goodput
from benchkit.linux import tcp
from benchkit.model.bulk_spec import Iperf3Spec, TcpSpec
from benchkit.model.place import Path
from benchkit.model.responder_spec import Iperf3ServerSpec, StreamServerSpec
from benchkit.model.samples import Samples, column
from benchkit.probes import iperf3_served, stream_served
from benchkit.probes.iperf3_client import iperf3
from benchkit.probes.iperf3_server import iperf3_server
from benchkit.probes.stream import stream
from benchkit.probes.stream_server import stream_server

MS = 1_000_000
PATIENCE_S = 10.0
PLAN = plan_of(MS, 1)


def of_the_system() -> str:
    with socket.socket() as fresh:
        return tcp.congestion_control(fresh)


@pytest.mark.parametrize("name", ["", "no such"])
def test_without_a_name_or_with_an_unknown_one_it_is_the_systems_own(name: str) -> None:
    with socket.socket() as connection:
        assert tcp.set_congestion_control(connection, "reno") == "reno"
        assert tcp.set_congestion_control(connection, name) == of_the_system()


@pytest.mark.parametrize("name", ["", "bbr", "cubic", "westwood"])
def test_a_name_survives_as_a_number(name: str) -> None:
    assert tcp.name_of(tcp.word_of(name)) == name
    assert tcp.word_of(name) < 2**63


def test_the_senders_kernel_says_which_is_in_force() -> None:
    with socket.create_server((LOCAL, 0)) as listener, socket.socket() as connection:
        tcp.set_congestion_control(connection, "reno")
        connection.connect(listener.getsockname())
        assert tcp.name_of(tcp.info(connection).congestion) == "reno"


@pytest.mark.parametrize(
    ("in_force", "said"),
    [
        (["cubic"], "1 stream, zero-copy, cubic"),
        (["reno"], "1 stream, zero-copy, reno for want of cubic"),
        (None, "1 stream, zero-copy, cubic"),
    ],
)
def test_a_report_says_what_was_in_force_and_not_what_was_asked(
    in_force: list[str] | None, said: str
) -> None:
    counted = dict.fromkeys(("start_ns", "octets", "cpu_ns"), column([0, 100, 200]))
    rows = Samples("goodput", "a-b", "up", {**counted, "end_ns": column([100, 200, 300])})
    words = column([tcp.word_of(each) for each in in_force or []])
    info = Samples("tcp_info", "a-b", "up", {"at_ns": column([5]), "congestion": words})
    within = Setting(Path("a-b", "a", "b", None), PLAN, 0, None)
    metric, _ = goodput(within, "up", rows, info if in_force else None)
    assert metric.setup == said


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
    with socket.socket() as trial:
        if asked and tcp.set_congestion_control(trial, asked) != asked:
            pytest.skip(f"this user may not ask for {asked}")
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
