"""HTTP latency on loopback: against our own server, and against ones that fail now and then."""

from __future__ import annotations

import asyncio
import gc
import socket
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import pairwise

import aiohttp
import numpy as np
import pytest
import uvloop
from aiohttp import web
from loopback import LOCAL, free_port

from benchkit.errors import MeasureError
from benchkit.model.responder_spec import HttpServerSpec
from benchkit.model.samples import HTTP_COLUMNS, Samples, concatenate
from benchkit.model.spec import HttpSpec
from benchkit.probes import as_settled
from benchkit.probes import http as probe
from benchkit.probes import http_server as serving
from benchkit.probes.http_server import http_server

MS = 1_000_000


def spec_of(port: int, count: int = 1, timeout_ns: int = 120 * MS) -> HttpSpec:
    return HttpSpec("a-b", "http", f"http://{LOCAL}:{port}/", count, 4 * MS, timeout_ns)


async def rows_of(spec: HttpSpec) -> Samples:
    return concatenate([batch async for batch in probe.http(spec)])


@asynccontextmanager
async def fickle(behaviour: dict[int, str]) -> AsyncIterator[int]:
    """A server whose answers are told by their number, counted after the warm-up; its port."""
    served, over = -probe.WARM_UP, asyncio.Event()

    async def answer(_: web.BaseRequest) -> web.Response:
        nonlocal served
        number, served = served, served + 1
        what = behaviour.get(number, "")
        if what == "hang":
            await over.wait()
        return web.Response(status=503 if what == "error" else 200)

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0)
    await runner.setup()
    port = free_port()
    try:
        await web.TCPSite(runner, LOCAL, port).start()
        yield port
    finally:
        over.set()
        await runner.cleanup()


def test_every_request_has_its_row() -> None:
    async def work() -> Samples:
        port = free_port()
        server = http_server(HttpServerSpec(LOCAL, port))
        await anext(server)
        rows = await rows_of(spec_of(port, 20, timeout_ns=5000 * MS))
        await server.aclose()
        return rows

    rows = asyncio.run(work())
    assert (rows.kind, rows.path, rows.phase) == ("http", "a-b", "http")
    assert tuple(rows.columns) == HTTP_COLUMNS
    times = {name: values.filled(0).tolist() for name, values in rows.columns.items()}
    assert times["sequence"] == list(range(20))
    assert times["status"] == [200] * 20
    assert {later - earlier for earlier, later in pairwise(times["due_ns"])} == {4 * MS}
    for due, sent, received in zip(
        times["due_ns"], times["sent_ns"], times["received_ns"], strict=True
    ):
        assert due <= sent < received


def test_no_answer_in_time_and_one_that_is_an_error_are_holes_and_hold_up_no_other() -> None:
    async def work() -> Samples:
        async with fickle({2: "hang", 5: "error"}) as port:
            return await rows_of(spec_of(port, 8))

    rows = asyncio.run(work())
    received, status = rows.columns["received_ns"], rows.columns["status"]
    assert np.ma.getmaskarray(received).tolist() == [at in {2, 5} for at in range(8)]
    assert status.filled(0).tolist() == [200, 200, 0, 200, 200, 503, 200, 200]
    assert np.ma.count_masked(rows.columns["sent_ns"]) == 0
    # All others were answered before that one was given up.
    assert received.max() < rows.columns["due_ns"][2] + 120 * MS


def test_rows_come_as_they_settle_while_others_are_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(as_settled, "BATCH_S", 0.01)

    async def work() -> list[Samples]:
        async with fickle({4: "hang"}) as port:
            return [batch async for batch in probe.http(spec_of(port, 20, timeout_ns=600 * MS))]

    batches = asyncio.run(work())
    numbers = [batch.columns["sequence"].tolist() for batch in batches]
    assert [each for batch in numbers for each in batch] == list(range(20))
    assert max(numbers[0]) < 4, "the answered ones before the one that hangs come first"
    assert np.ma.count_masked(concatenate(batches).columns["received_ns"]) == 1


def test_nobody_there_is_a_measuring_error() -> None:
    port = free_port()
    with pytest.raises(
        MeasureError, match=rf"a-b: http://{LOCAL}:{port}/ does not answer: Connection refused; is"
    ):
        asyncio.run(rows_of(spec_of(port)))


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (aiohttp.ServerDisconnectedError(), "has its --allow who asks"),
        (aiohttp.ClientConnectionResetError("Cannot write to closing transport"), "--allow"),
        (TimeoutError(), "is a server running there, and may TCP pass"),
    ],
)
def test_who_is_hung_up_on_is_asked_whether_he_is_let_in(error: Exception, remedy: str) -> None:
    assert remedy in str(probe._unanswered(spec_of(80), error))


def test_a_server_that_never_answers_is_a_measuring_error() -> None:
    with socket.create_server((LOCAL, 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(
            MeasureError, match="does not answer: nothing came in time; is a server"
        ):
            asyncio.run(rows_of(spec_of(port, timeout_ns=30 * MS)))


def test_a_mix_of_requests_is_answered_in_its_sizes() -> None:
    port = free_port()
    mix = ((3.0, 100, 5000), (1.0, 3_000_000, 20))

    async def work() -> Samples:
        server = http_server(HttpServerSpec(LOCAL, port))
        await anext(server)
        url = f"http://{LOCAL}:{port}/"
        spec = HttpSpec("a-b", "work ask", url, 20, 4 * MS, 2_000 * MS, mix=mix, seed=3)
        found = await rows_of(spec)
        await server.aclose()
        return found

    rows = asyncio.run(work())
    assert rows.kind == "inference"
    pairs = set(
        zip(
            rows.columns["request_octets"].tolist(),
            rows.columns["response_octets"].tolist(),
            strict=True,
        )
    )
    assert pairs == {(100, 5000), (3_000_000, 20)}
    assert rows.columns["status"].tolist() == [200] * 20
    assert not rows.columns["received_ns"].mask.any()


def test_a_page_without_end_costs_no_memory() -> None:
    """It sends until the time is over, and says that it is packed: nothing is kept, and nothing unpacked."""

    async def flood(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Encoding": "gzip"})
        await response.prepare(request)
        with suppress(ConnectionError):
            while True:
                await response.write(bytes(1 << 16))
        return response

    async def work() -> int:
        runner = web.ServerRunner(web.Server(flood), shutdown_timeout=0)
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, LOCAL, port).start()
        tracemalloc.start()
        with pytest.raises(MeasureError, match="nothing came in time"):
            await rows_of(spec_of(port, timeout_ns=300 * MS))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        await runner.cleanup()
        return most

    assert asyncio.run(work()) < 16 << 20


def test_who_is_not_let_in_and_who_comes_too_often_is_cut_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def work(spec: HttpServerSpec) -> list[bytes]:
        server = http_server(spec)
        await anext(server)
        said = []
        ends = [await asyncio.open_connection(LOCAL, spec.port) for _ in range(3)]
        for reader, writer in ends:
            with suppress(ConnectionError):
                writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                said.append((await reader.read(15))[-6:])
        for _, writer in ends:
            writer.close()
        await asyncio.sleep(0.05)
        reader, writer = await asyncio.open_connection(LOCAL, spec.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with suppress(ConnectionError):
            said.append((await reader.read(15))[-6:])  # whoever has gone makes room
        writer.close()
        await server.aclose()
        return [each for each in said if each]

    crowded = asyncio.run(work(HttpServerSpec(LOCAL, free_port(), connections=2)))
    assert crowded == [b"200 OK"] * 3
    assert "too many connections" in caplog.text
    assert asyncio.run(work(HttpServerSpec(LOCAL, free_port(), ("192.0.2.0/24",)))) == []
    assert "not allowed" in caplog.text


@pytest.mark.parametrize("loop_factory", [None, uvloop.new_event_loop])
def test_who_is_not_let_in_leaves_nothing_but_the_line_that_counts_it(
    caplog: pytest.LogCaptureFixture, loop_factory: Callable[[], asyncio.AbstractEventLoop] | None
) -> None:
    async def work(spec: HttpServerSpec) -> None:
        server = http_server(spec)
        await anext(server)
        for _ in range(3):
            reader, writer = await asyncio.open_connection(LOCAL, spec.port)
            with suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()
        await server.aclose()
        gc.collect()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(work(HttpServerSpec(LOCAL, free_port(), ("192.0.2.0/24",))))
    assert [each.getMessage() for each in caplog.records if each.name == "asyncio"] == []


@pytest.mark.parametrize(
    ("query", "body", "status"),
    [
        ("?octets=99999999999", 0, 400),
        ("?octets=-1", 0, 400),
        ("?octets=1e3", 0, 400),
        ("", 200, 413),
    ],
)
def test_what_is_asked_is_bounded(
    monkeypatch: pytest.MonkeyPatch, query: str, body: int, status: int
) -> None:
    monkeypatch.setattr(serving, "LARGEST", 100)

    async def work() -> int:
        port = free_port()
        server = http_server(HttpServerSpec(LOCAL, port))
        await anext(server)
        url = f"http://{LOCAL}:{port}/{query}"
        async with aiohttp.ClientSession() as session, session.post(url, data=bytes(body)) as said:
            found = said.status
        await server.aclose()
        return found

    assert asyncio.run(work()) == status


def test_who_never_asks_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "IDLE_S", 0.1)

    async def work() -> bytes:
        port = free_port()
        server = http_server(HttpServerSpec(LOCAL, port))
        await anext(server)
        reader, writer = await asyncio.open_connection(LOCAL, port)
        writer.write(b"GET / HTTP/1.1\r\nHost:")
        async with asyncio.timeout(3):
            found = await reader.read()
        writer.close()
        await server.aclose()
        return found

    assert asyncio.run(work()) == b""


def test_a_server_that_answers_some_of_the_first_requests_is_measured() -> None:
    """Where a path loses packets one of them may come to nothing; the others show that there is a server."""

    async def work() -> Samples:
        async with fickle({-probe.WARM_UP: "hang", -1: "hang"}) as port:
            return await rows_of(spec_of(port, 8))

    assert len(asyncio.run(work())) == 8
