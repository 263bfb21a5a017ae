"""Transfers of files on loopback: each is answered for, and what is missing is told."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from benchkit.errors import MeasureError
from benchkit.model.bulk_spec import FilesSpec
from benchkit.model.responder_spec import StreamServerSpec
from benchkit.model.samples import Samples
from benchkit.probes import files as probe
from benchkit.probes import files_flow
from benchkit.probes.files_terms import FileTerms, terms_of
from benchkit.probes.stream_server import stream_server
from benchkit.probes.talk import TalkError

LOCAL = "127.0.0.1"
MS = 1_000_000
PATIENCE_S = 20.0


@asynccontextmanager
async def serving() -> AsyncIterator[int]:
    with socket.create_server((LOCAL, 0)) as listener:
        port = int(listener.getsockname()[1])
    server = stream_server(StreamServerSpec(LOCAL, port))
    assert await anext(server) is None
    yield port
    await server.aclose()


def transferred(
    files: tuple[tuple[int, int, int], ...], streams: int, found: list[Samples], limit_ns: int
) -> dict[str, Samples]:
    async def work() -> None:
        async with serving() as port:
            spec = FilesSpec("a-b", "work", LOCAL, port, files, streams, limit_ns, "cubic")
            async for batch in probe.files(spec):
                found.append(batch)  # noqa: PERF401  what came before an error stays

    asyncio.run(asyncio.wait_for(work(), PATIENCE_S))
    return {each.kind: each for each in found}


@pytest.mark.parametrize("streams", [1, 3])
def test_every_file_is_answered_for(streams: int) -> None:
    files = tuple((number, 0, 100_000 + number) for number in range(12))
    found = transferred(files, streams, [], 10_000 * MS)
    assert found.keys() == {"goodput", "tcp_info", "files"}
    rows = found["files"].columns
    assert tuple(rows) == probe.FILE_COLUMNS
    assert rows["number"].tolist() == list(range(12))
    assert rows["octets"].tolist() == [octets for _, _, octets in files]
    assert not rows["done_ns"].mask.any()
    assert (rows["done_ns"] > rows["sent_ns"]).all()
    assert int(found["goodput"].columns["octets"].sum()) == sum(octets for *_, octets in files)


def test_a_file_is_not_sent_before_it_is_due() -> None:
    files = ((0, 0, 1000), (1, 80 * MS, 1000))
    rows = transferred(files, 2, [], 10_000 * MS)["files"].columns
    assert rows["due_ns"][1] - rows["due_ns"][0] == 80 * MS
    assert (rows["sent_ns"] >= rows["due_ns"]).all()


def test_what_is_not_done_in_time_is_told_and_the_rest_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(files_flow, "NAP_S", 0.01)
    files = ((0, 0, 1000), (1, 60_000 * MS, 1000))
    found: list[Samples] = []
    with pytest.raises(MeasureError, match="a-b: "):
        transferred(files, 1, found, 300 * MS)
    rows = next(each for each in found if each.kind == "files").columns
    assert rows["done_ns"].mask.tolist() == [False, True]


def test_terms_survive_the_wire_and_others_are_refused() -> None:
    terms = FileTerms(4, 5, 6, "cubic")
    assert terms_of(terms.encoded()) == terms
    for wrong in ({"streams": 0}, {"idle_ns": -1}, {"congestion": 7}):
        with pytest.raises(TalkError):
            terms_of({**terms.encoded(), **wrong})
