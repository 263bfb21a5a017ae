"""The load client, on loopback: every request that was due has an answer, or is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web
from loopback import LOCAL, free_port
from page_servers import all_of, fine, run, serving

from benchkit.errors import MeasureError
from benchkit.model.samples import Samples
from benchkit.model.spec import HttpLoadSpec
from benchkit.probes.http_load import http_load

MS = 1_000_000


def load_spec(
    port: int, count: int, interval_ns: int, connections: int = 3, **rest: Any
) -> HttpLoadSpec:
    shape = (count, interval_ns, rest.pop("timeout_ns", 3000 * MS))
    return HttpLoadSpec("a", "http-load", LOCAL, port, "/", LOCAL, *shape, connections)


@pytest.mark.parametrize("interval_ns", [2 * MS, 0])
def test_the_load_client_answers_for_every_request(interval_ns: int) -> None:
    async def work() -> Samples:
        async with serving(fine) as port:
            return await all_of(http_load(load_spec(port, 60, interval_ns)))

    rows = run(work())
    assert rows.columns["received_ns"].count() == 60
    assert set(rows.columns["status"].tolist()) == {200}
    assert (rows.columns["due_ns"] <= rows.columns["sent_ns"]).all()


def test_no_pool_holds_a_due_request_back() -> None:
    """All connections hang; what is due meanwhile leaves over new ones."""

    async def slow_at_first(number: int) -> web.Response:
        if 3 <= number < 6:  # the first after the three that warm the connections
            await asyncio.sleep(0.5)
        return web.Response()

    async def work() -> Samples:
        async with serving(slow_at_first) as port:
            return await all_of(http_load(load_spec(port, 30, 5 * MS)))

    rows = run(work())
    took = (rows.columns["received_ns"] - rows.columns["due_ns"]).compressed()
    assert len(took) == 30
    assert int((took > 400 * MS).sum()) == 3


def test_errors_and_hanging_answers_are_lost_to_the_load_client() -> None:
    async def fickle(number: int) -> web.Response:
        if number == 10:
            await asyncio.sleep(1)
        return web.Response(status=503 if number == 12 else 200)

    async def work() -> Samples:
        async with serving(fickle) as port:
            return await all_of(http_load(load_spec(port, 30, 4 * MS, timeout_ns=300 * MS)))

    rows = run(work())
    assert rows.columns["received_ns"].count() == 28
    assert rows.columns["status"].tolist().count(503) == 1


def test_nobody_there_is_a_measuring_error_of_the_load_client() -> None:
    with pytest.raises(
        MeasureError, match="does not answer: Connection refused; is a server running"
    ):
        run(all_of(http_load(load_spec(free_port(), 3, MS))))


def test_a_closed_loop_outlasts_a_server_that_is_away_for_a_moment() -> None:
    """All its connections are cut, and nobody listens for longer than it waits to look again."""

    async def work() -> Samples:
        port, is_cut = free_port(), asyncio.Event()

        async def answer(number: int) -> web.Response:
            if number == 20:
                is_cut.set()
            return web.Response()

        async with asyncio.TaskGroup() as tasks:
            async with serving(answer, port=port):
                rows = tasks.create_task(all_of(http_load(load_spec(port, 3000, 0))))
                await is_cut.wait()
            await asyncio.sleep(0.25)
            assert not rows.done()
            async with serving(fine, port=port):
                return await rows

    rows = run(work())
    answered = int(rows.columns["received_ns"].count())
    assert 2990 <= answered < 3000
