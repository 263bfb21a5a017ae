"""Bulk TCP on loopback: what is counted where it arrives, and far ends that misbehave."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from benchkit.errors import MeasureError
from benchkit.model.samples import GOODPUT_COLUMNS, Samples
from benchkit.model.spec import StreamServerSpec, TcpSpec
from benchkit.probes import stream as probe

LOCAL = "127.0.0.1"
MS = 1_000_000
HEADER = {"path": "a-b", "phase": "up", "up": True, "duration_ns": MS, "congestion": "cubic"}
PATIENCE_S = 10.0


@pytest.fixture(autouse=True)
def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "INTERVAL_NS", 10 * MS)


def free_port() -> int:
    with socket.create_server((LOCAL, 0)) as listener:
        return int(listener.getsockname()[1])


def spec_of(port: int, *, up: bool, phase: str = "load") -> TcpSpec:
    return TcpSpec("a-b", phase, LOCAL, port, up, 60 * MS, "cubic")


def rows_of(batch: Samples) -> list[tuple[int, ...]]:
    columns = [batch.columns[name].tolist() for name in GOODPUT_COLUMNS]
    return list(zip(*columns, strict=True))


async def all_of(batches: AsyncIterator[Samples]) -> list[Samples]:
    """Every batch but the rates that are told on the way."""
    return [batch async for batch in batches if batch.kind != "rate"]


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[int, Callable[[], Any]]]:
    """A stream server: its port, and how to wait for its next batch that is no rate."""
    port = free_port()
    server = probe.stream_server(StreamServerSpec(LOCAL, port))
    assert await anext(server) is None

    async def heard() -> Samples:
        async for batch in server:
            if batch is not None and batch.kind != "rate":
                return batch
        raise AssertionError("the server ended")

    yield port, lambda: asyncio.wait_for(heard(), PATIENCE_S)
    await server.aclose()


@asynccontextmanager
async def pretending(act: Callable[[socket.socket], None]) -> AsyncIterator[int]:
    """A far end that acts on its one connection as told; its port."""
    with socket.create_server((LOCAL, 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as connection:
                assert b"}\n" in connection.recv(2048)
                act(connection)

        acting = asyncio.create_task(asyncio.to_thread(serve))  # noqa: TID251  awaited below
        yield int(listener.getsockname()[1])
        await acting


def talk(port: int, *words: bytes) -> bytes:
    """Say these words in packets of their own, end, and return what is said until the far end hangs up."""
    with socket.create_connection((LOCAL, port), timeout=PATIENCE_S) as ours:
        ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        said = b""
        with suppress(OSError):  # it has hung up, perhaps before it read everything
            for word in words:
                ours.sendall(word)
            ours.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            while got := ours.recv(1 << 16):
                said += got
        return said


def test_what_is_sent_up_is_counted_at_the_far_end_to_the_octet() -> None:
    line = json.dumps(HEADER).encode() + b"\n"
    data = b"\n{}" * 700_000  # much longer than an interval takes, and nothing of it is a header

    async def work() -> Samples:
        async with serving() as (port, heard):
            # The header in pieces, and data close behind it.
            await asyncio.to_thread(talk, port, line[:9], line[9:] + data[:100], data[100:])
            found: Samples = await heard()
            return found

    batch = asyncio.run(work())
    assert (batch.kind, batch.path, batch.phase) == ("goodput", "a-b", "up")
    assert tuple(batch.columns) == GOODPUT_COLUMNS
    rows = rows_of(batch)
    assert sum(octets for _, _, octets in rows) == len(data)


def test_the_rate_is_told_on_the_way_as_the_receiver_counts_it() -> None:
    async def work() -> list[Samples]:
        async with serving() as (port, _):
            spec = replace(spec_of(port, up=False), duration_ns=1_300_000_000)
            return [batch async for batch in probe.stream(spec)]

    *rates, goodput = asyncio.run(work())
    assert goodput.kind == "goodput"
    assert rates
    assert {rate.kind for rate in rates} == {"rate"}
    told = [row for rate in rates for row in rows_of(rate)]
    assert told == rows_of(goodput)[: len(told)]


@pytest.mark.parametrize("up", [True, False])
def test_goodput_comes_from_where_data_arrive_and_tcp_info_from_where_they_leave(up: bool) -> None:
    async def work() -> tuple[list[Samples], Samples]:
        async with serving() as (port, heard):
            ours = await all_of(probe.stream(spec_of(port, up=up)))
            return ours, await heard()

    (ours,), theirs = asyncio.run(work())
    goodput, info = (theirs, ours) if up else (ours, theirs)
    assert (goodput.kind, info.kind) == ("goodput", "tcp_info")
    assert {ours.phase, theirs.phase} == {"load"}
    rows = rows_of(goodput)
    assert len(rows) >= 2
    assert all(end > start and octets > 0 for start, end, octets in rows)
    assert all(earlier[1] == later[0] for earlier, later in pairwise(rows))
    assert all(end - start >= probe.INTERVAL_NS for start, end, _ in rows[:-1])
    assert rows[-1][1] - rows[0][0] >= 20 * MS
    assert tuple(info.columns) == probe.INFO_COLUMNS
    at = info.columns["at_ns"].tolist()
    assert at == sorted(at)
    assert info.columns["segment_octets"][-1] > 500
    assert info.columns["window_segments"][-1] > 0


def test_what_comes_down_is_counted_to_the_octet_across_a_pause() -> None:
    def act(connection: socket.socket) -> None:
        connection.sendall(bytes(300_000))
        asyncio.run(asyncio.sleep(0.08))
        connection.sendall(bytes(5))

    async def work() -> list[Samples]:
        async with pretending(act) as port:
            return await all_of(probe.stream(spec_of(port, up=False)))

    rows = rows_of(asyncio.run(work())[0])
    assert sum(octets for _, _, octets in rows) == 300_005
    assert all(earlier[1] == later[0] for earlier, later in pairwise(rows))
    assert rows[-1][1] - rows[0][0] >= 40 * MS


@pytest.mark.parametrize("up", [True, False])
def test_a_far_end_that_hangs_up_or_falls_silent_ends_the_stream(
    up: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "SILENCE_S", 0.05)

    def act(connection: socket.socket) -> None:
        if not up:
            connection.sendall(b"four")
            connection.recv(1)

    async def work() -> list[Samples]:
        async with pretending(act) as port:
            return await all_of(probe.stream(spec_of(port, up=up)))

    (batch,) = asyncio.run(work())
    if not up:
        assert [octets for _, _, octets in rows_of(batch)] == [4]


def altered(**changes: object) -> bytes:
    return json.dumps({**HEADER, **changes}).encode() + b"\n"


GARBAGE = [
    b"",
    b"GET / HTTP/1.1\r\n\r\n",
    b"\xff\xfe\n",
    b"[1]\n",
    b"null\n",
    b"{" * 1024 + b"\n",
    json.dumps(HEADER).encode(),  # no end of line
    altered(up=1),
    altered(path=None),
    altered(duration_ns=1.5),
    altered(duration_ns=0),
    altered(duration_ns=-1),
    altered(duration_ns=3_600_000_000_001),
    json.dumps({"up": True}).encode() + b"\n",
    altered(path="x" * 1024),
    b"[" * 1000 + b"\n",
]


def test_a_header_that_is_none_is_refused_and_the_next_stream_is_served() -> None:
    async def work() -> Samples:
        async with serving() as (port, heard):
            for words in GARBAGE:
                # Refused before its role begins: a source would have sent something.
                assert await asyncio.to_thread(talk, port, words) == b""
            await asyncio.to_thread(talk, port, altered(phase="good"), b"data")
            found: Samples = await heard()
            return found

    found = asyncio.run(work())
    assert (found.phase, rows_of(found)[0][2]) == ("good", 4)


def test_one_who_says_nothing_is_not_waited_for_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "CONNECT_S", 0.02)

    async def work() -> None:
        async with serving() as (port, _):
            with socket.create_connection((LOCAL, port), timeout=PATIENCE_S) as ours:
                assert await asyncio.to_thread(ours.recv, 1) == b""

    asyncio.run(work())


def test_nobody_there_is_a_measuring_error() -> None:
    port = free_port()
    with pytest.raises(
        MeasureError, match=f"a-b: no TCP connection to {LOCAL} port {port}: .*refuse"
    ):
        asyncio.run(all_of(probe.stream(spec_of(port, up=True))))
