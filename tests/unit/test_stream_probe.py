"""Bulk TCP on loopback: what is counted where it arrives, one test at a time, and far ends that misbehave."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from typing import Any

import pytest
from loopback import LOCAL, free_port

from benchkit.errors import MeasureError
from benchkit.linux import bulk
from benchkit.model.bulk_spec import Iperf3Spec, TcpSpec
from benchkit.model.responder_spec import Iperf3ServerSpec, StreamServerSpec
from benchkit.model.samples import Samples
from benchkit.probes import far_end, stream_meter, stream_served, stream_server, stream_session
from benchkit.probes import stream as probe
from benchkit.probes.iperf3_client import iperf3
from benchkit.probes.iperf3_server import iperf3_server
from benchkit.probes.stream_terms import Terms, terms_of
from benchkit.probes.talk import TalkError

MS = 1_000_000
TERMS = Terms("up", 60 * MS, 1, "zero-copy", "cubic")
PATIENCE_S = 10.0


@pytest.fixture(autouse=True)
def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_meter, "INTERVAL_NS", 10 * MS)


def spec_of(port: int, direction: str = "up", **more: Any) -> TcpSpec:
    return TcpSpec("a-b", "load", LOCAL, port, direction, 60 * MS, "cubic", **more)


def rows_of(batch: Samples) -> list[tuple[int, ...]]:
    columns = [batch.columns[name].tolist() for name in stream_meter.RECEIVED_COLUMNS]
    return list(zip(*columns, strict=True))


async def all_of(batches: AsyncIterator[Samples], found: list[Samples]) -> list[Samples]:
    """Every batch but the rates that are told on the way; what came before an error stays."""
    async for batch in batches:
        if batch.kind != "rate":
            found.append(batch)  # noqa: PERF401  as above
    return found


@asynccontextmanager
async def serving(lease: str = "") -> AsyncIterator[int]:
    port = free_port()
    server = stream_server.stream_server(StreamServerSpec(LOCAL, port, lease))
    assert await anext(server) is None
    yield port
    await server.aclose()


def measured(spec_for: Callable[[int], TcpSpec]) -> list[Samples]:
    async def work() -> list[Samples]:
        async with serving() as port:
            return await asyncio.wait_for(all_of(probe.stream(spec_for(port)), []), PATIENCE_S)

    return asyncio.run(work())


@pytest.mark.parametrize("mode", bulk.MODES)
@pytest.mark.parametrize("direction", ["up", "down"])
def test_what_leaves_is_what_arrives_to_the_octet(direction: str, mode: str) -> None:
    goodput, info, streams = measured(lambda port: spec_of(port, direction, mode=mode, streams=2))
    assert [each.kind for each in (goodput, info, streams)] == ["goodput", "tcp_info", "streams"]
    assert {each.phase for each in (goodput, info, streams)} == {"load"}
    rows = rows_of(goodput)
    assert all(end > start for start, end, _, _ in rows)
    assert all(earlier[1] == later[0] for earlier, later in pairwise(rows))
    assert rows[-1][1] - rows[0][0] >= 40 * MS
    sent, received = (streams.columns[name].tolist() for name in ("sent_octets", "received_octets"))
    assert sent == received
    assert min(received) > 0
    assert sum(octets for _, _, octets, _ in rows) == sum(received)
    assert streams.columns["up"].tolist() == [int(direction == "up")] * 2
    assert streams.columns["wrong_octets"].tolist() == [0, 0]
    assert tuple(info.columns) == stream_meter.INFO_COLUMNS
    assert set(info.columns["stream"].tolist()) == {0, 1}
    at = info.columns["at_ns"].tolist()
    assert at == sorted(at)
    assert rows[0][0] - 50 * MS < at[0]
    assert info.columns["window_segments"][-1] > 0
    assert sum(info.columns["given_octets"].tolist()[-2:]) == sum(sent)


@pytest.mark.parametrize("mode", bulk.MODES)
@pytest.mark.parametrize("direction", ["up", "down"])
def test_at_no_time_has_more_arrived_than_was_given(direction: str, mode: str) -> None:
    goodput, info, _ = measured(lambda port: spec_of(port, direction, mode=mode))
    at, given = (info.columns[name].data for name in ("at_ns", "given_octets"))
    arrived = 0
    for _, end, octets, _ in rows_of(goodput):
        arrived += octets
        # What a call has given is counted when it has come back.
        later = given[at >= end]
        assert not later.size or arrived <= later[0] + bulk.MOST_LENT


def test_the_rate_is_told_on_the_way_as_the_receiver_counts_it() -> None:
    async def work() -> list[Samples]:
        async with serving() as port:
            spec = TcpSpec("a-b", "load", LOCAL, port, "down", 300 * MS, "cubic")
            return [batch async for batch in probe.stream(spec)]

    found = asyncio.run(asyncio.wait_for(work(), PATIENCE_S))
    rates = [each for each in found if each.kind == "rate"]
    (goodput,) = (each for each in found if each.kind == "goodput")
    assert rates
    told = [row for each in rates for row in zip(*columns_of(each), strict=True)]
    counted = [row[:3] for row in rows_of(goodput)][:-1]  # the last has grown by a stub
    assert told[: len(counted)] == counted[: len(told)]


def columns_of(batch: Samples) -> list[list[int]]:
    return [values.tolist() for values in batch.columns.values()]


def test_both_directions_at_once_are_two_phases() -> None:
    found = measured(lambda port: spec_of(port, "both"))
    told = [(each.kind, each.phase) for each in found]
    assert told == [
        ("goodput", "load up"),
        ("tcp_info", "load up"),
        ("goodput", "load down"),
        ("tcp_info", "load down"),
        ("streams", "load"),
    ]
    assert found[-1].columns["up"].tolist() == [1, 0]


@pytest.mark.parametrize("direction", ["up", "down"])
def test_changed_content_is_an_error_after_everything_was_measured(
    direction: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = bulk.pattern()

    def changing(connection: socket.socket, tally: bulk.Tally) -> None:
        while tally.running and tally.octets < len(whole):
            at = tally.octets
            piece = bytearray(whole[at : at + 1000])
            if at == 3000:
                piece[7] ^= 1
            tally.octets += connection.send(piece)

    monkeypatch.setitem(bulk.SOURCES, "verify", changing)
    with pytest.raises(MeasureError, match=r"a-b: 1 of 65521 octets arrived with another content"):
        measured(lambda port: spec_of(port, direction, mode="verify"))


def test_a_second_test_hears_who_has_it_and_for_how_long() -> None:
    async def work() -> None:
        async with serving() as port:
            first = TcpSpec("a-b", "load", LOCAL, port, "up", 400 * MS, "cubic")
            running = asyncio.ensure_future(all_of(probe.stream(first), []))
            await asyncio.sleep(0.1)
            with pytest.raises(
                MeasureError,
                match=r"taken by another throughput test, from 127\.0\.0\.1, for 2\.\d s more: .* --wait",
            ):
                await all_of(probe.stream(spec_of(port)), [])
            assert len(await running) == 3
            assert len(await all_of(probe.stream(spec_of(port)), [])) == 3

    asyncio.run(asyncio.wait_for(work(), PATIENCE_S))


def test_the_lease_is_shared_by_all_who_name_its_file(tmp_path: Any) -> None:
    lease = str(tmp_path / "lease")

    async def work() -> None:
        async with serving(lease) as port, serving(lease) as other:
            first = TcpSpec("a-b", "load", LOCAL, port, "up", 300 * MS, "cubic")
            running = asyncio.ensure_future(all_of(probe.stream(first), []))
            await asyncio.sleep(0.1)
            with pytest.raises(MeasureError, match="taken by another"):
                await all_of(probe.stream(spec_of(other)), [])
            await running

    asyncio.run(asyncio.wait_for(work(), PATIENCE_S))


def test_an_iperf3_test_and_ours_take_turns(tmp_path: Any) -> None:
    lease = str(tmp_path / "lease")

    async def work() -> None:
        async with serving(lease) as port:
            other = free_port()
            server = iperf3_server(Iperf3ServerSpec(LOCAL, other, lease))
            assert await anext(server) is None
            ours = TcpSpec("a-b", "load", LOCAL, port, "up", 400 * MS, "cubic")
            running = asyncio.ensure_future(all_of(probe.stream(ours), []))
            await asyncio.sleep(0.15)
            asked = Iperf3Spec("a-b", "load", LOCAL, other, 100 * MS)
            with pytest.raises(MeasureError, match="is busy with another test"):
                await all_of(iperf3(asked), [])
            await running
            assert await all_of(iperf3(asked), [])
            await server.aclose()

    asyncio.run(asyncio.wait_for(work(), PATIENCE_S))


def talk(port: int, *words: bytes) -> bytes:
    """Say these words, end, and return what is said until the far end hangs up."""
    with socket.create_connection((LOCAL, port), timeout=PATIENCE_S) as ours:
        said = b""
        with suppress(OSError):  # it has hung up, perhaps before it read everything
            for word in words:
                ours.sendall(word)
            ours.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            while got := ours.recv(1 << 16):
                said += got
        return said


def line(**changes: object) -> bytes:
    return json.dumps({**TERMS.encoded(), **changes}).encode() + b"\n"


STRANGE: dict[str, bytes] = {
    "nothing": b"",
    "http": b"GET / HTTP/1.1\r\n\r\n",
    "no line": line()[:-1],
    "deep": b"[" * 1000 + b"\n",
    "list": b"{[1]\n",
    "half a head": b"D" + b"0" * 20,
    "an unknown token": probe.head("0" * 16, 0),
    "no number": b"D" + b"x" * 62 + b"\n",
}
REFUSED: dict[str, dict[str, object]] = {
    "direction": {"direction": "sideways"},
    "duration": {"duration_ns": 0},
    "long": {"duration_ns": 3_600_000_000_001},
    "real": {"duration_ns": 1.5},
    "streams": {"streams": 129},
    "truth": {"streams": True},
    "mode": {"mode": "magic"},
    "congestion": {"congestion": "x" * 16},
    "window": {"window_octets": -1},
}


def test_what_is_no_test_is_refused_and_the_next_is_served() -> None:
    async def work() -> None:
        async with serving() as port:
            for name, words in STRANGE.items():
                said = await asyncio.to_thread(talk, port, words)
                assert not said or "broke" in json.loads(said), name
            for name, changes in REFUSED.items():
                said = json.loads(await asyncio.to_thread(talk, port, line(**changes)))
                assert "it sent" in said["refused"], name
            assert len(await all_of(probe.stream(spec_of(port)), [])) == 3

    asyncio.run(asyncio.wait_for(work(), PATIENCE_S))


def test_one_who_hangs_does_not_hold_up_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_served, "STREAMS_S", 0.1)

    async def work() -> None:
        async with serving() as port:
            with socket.create_connection((LOCAL, port), timeout=PATIENCE_S) as silent:
                silent.sendall(line())  # and never opens its streams
                await asyncio.sleep(0.3)
                assert len(await all_of(probe.stream(spec_of(port)), [])) == 3

    asyncio.run(asyncio.wait_for(work(), PATIENCE_S))


@asynccontextmanager
async def pretending(act: Callable[[socket.socket], None]) -> AsyncIterator[int]:
    """A far end that acts on its first connection as told; its port."""
    with socket.create_server((LOCAL, 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as connection:
                act(connection)

        acting = threading.Thread(target=serve)
        acting.start()
        yield int(listener.getsockname()[1])
        await asyncio.to_thread(acting.join, PATIENCE_S)


def test_another_service_is_told_from_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(far_end, "GRANT_S", 0.1)

    def silent(connection: socket.socket) -> None:
        while connection.recv(1000):
            pass

    async def work() -> None:
        async with pretending(silent) as port:
            with pytest.raises(MeasureError, match="does not answer as benchkit's own does"):
                await all_of(probe.stream(spec_of(port)), [])

    asyncio.run(asyncio.wait_for(work(), PATIENCE_S))


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_far_end_that_dies_leaves_what_was_measured(direction: str) -> None:
    found: list[Samples] = []

    async def work() -> None:
        port = free_port()
        server = stream_server.stream_server(StreamServerSpec(LOCAL, port))
        await anext(server)
        spec = TcpSpec("a-b", "load", LOCAL, port, direction, 5_000 * MS, "cubic")
        running = asyncio.ensure_future(all_of(probe.stream(spec), found))
        await asyncio.sleep(0.3)
        await server.aclose()
        await running

    with pytest.raises(MeasureError, match="broke off the test"):
        asyncio.run(asyncio.wait_for(work(), PATIENCE_S))
    assert [each.kind for each in found] == ["goodput", "tcp_info"]
    assert found[0].columns["octets"].sum() > 0


def test_silence_ends_a_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_session, "SILENCE_S", 0.2)

    def stalled(_: socket.socket, tally: bulk.Tally) -> None:
        while tally.running:
            threading.Event().wait(0.02)

    monkeypatch.setitem(bulk.SOURCES, "copy", stalled)
    with pytest.raises(MeasureError, match=r"no data moved for 0\.2 s"):
        measured(
            lambda port: TcpSpec("a-b", "load", LOCAL, port, "up", 5_000 * MS, "cubic", mode="copy")
        )


def test_nobody_there_is_a_measuring_error_that_names_the_port() -> None:
    port = free_port()
    with pytest.raises(
        MeasureError, match=f"a-b: no TCP connection to {LOCAL} port {port}: .*refuse"
    ):
        asyncio.run(all_of(probe.stream(spec_of(port)), []))


def test_a_window_that_the_kernel_does_not_give_is_told_with_both_numbers() -> None:
    with pytest.raises(
        MeasureError, match=r"a window of 500000000 octets was asked and .* gives \d+"
    ):
        measured(lambda port: spec_of(port, window_octets=500_000_000))


def test_terms_survive_the_wire() -> None:
    terms = Terms("both", 5 * MS, 7, "verify", "bbr", 1 << 20)
    assert terms_of(json.loads(json.dumps(terms.encoded()))) == terms


def test_counts_of_another_shape_are_refused() -> None:
    for words in ({}, {"received": [[1, 2]], "sent": []}, {"received": [], "sent": [["a"] * 19]}):
        with pytest.raises(TalkError):
            stream_meter.counts_of(words)


def test_the_last_interval_joins_the_one_before_where_it_is_short() -> None:
    counts = stream_meter.Counts([(0, 10 * MS, 5, 1), (10 * MS, 12 * MS, 3, 1)], [])
    (rows,) = counts.goodput("a-b", "up")
    assert rows_of(rows) == [(0, 12 * MS, 8, 2)]
