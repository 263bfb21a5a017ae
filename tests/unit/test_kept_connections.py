"""A server that keeps no connection, though its requests are called those over kept ones: it is said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiohttp import web
from loopback import LOCAL
from page_servers import all_of, fine, run, serving

from benchkit.campaign import phases
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.kept_connections import unkept
from benchkit.campaign.phases import Phase
from benchkit.model.place import Path
from benchkit.model.samples import Samples
from benchkit.model.spec import HttpSpec
from benchkit.probes.http import http

MS = 1_000_000
ASKED = Phase(phases.HTTP, "HTTP requests", (Path("a-b", "a", "b", None),), 80 * MS, 250)


async def closing(_: int) -> web.Response:
    return web.Response(headers={"Connection": "close"})


@pytest.mark.parametrize(
    ("answer", "said"), [(fine, []), (closing, ["a-b: HTTP: 20 of 20 answers came over a new"])]
)
def test_a_server_that_closes_after_each_answer_is_told(answer: object, said: list[str]) -> None:
    async def work() -> Samples:
        async with serving(answer) as port:
            url = f"http://{LOCAL}:{port}/"
            return await all_of(http(HttpSpec("a-b", phases.HTTP, url, 20, 4 * MS, 5000 * MS)))

    harvest = Harvest()
    harvest.add(run(work()))
    found = list(unkept(ASKED, harvest))
    assert [line[: len(words)] for line, words in zip(found, said, strict=True)] == said
    assert list(unkept(replace(ASKED, name="http-fresh"), harvest)) == []
    assert list(unkept(ASKED, Harvest())) == []
