"""Far ends of HTTP and of requests with a key serve those alone who know it, and are shown nothing that is good twice."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvloop
from aiohttp.hdrs import AUTHORIZATION, WWW_AUTHENTICATE
from click.testing import CliRunner
from loopback import LOCAL, free_port

from benchkit.campaign import agent as agents
from benchkit.cli import cli
from benchkit.errors import MeasureError
from benchkit.model.responder_spec import HttpServerSpec, RequestServerSpec
from benchkit.model.samples import Samples, concatenate
from benchkit.model.spec import HttpLoadSpec, HttpSpec, RequestSpec
from benchkit.probes import flight, request_server
from benchkit.probes.digest import Credentials
from benchkit.probes.door import PROBES
from benchkit.probes.hello import REFUSAL

KEY, OTHER, MS = b"k" * 32, b"x" * 32, 1_000_000
SERVERS: dict[type, Any] = {
    RequestSpec: RequestServerSpec,
    HttpSpec: HttpServerSpec,
    HttpLoadSpec: HttpServerSpec,
}
SHAPE = (12, 2 * MS, 2000 * MS)


def asks(port: int, key: bytes) -> Iterator[Any]:
    """Every probe that a request key is for."""
    url = f"http://{LOCAL}:{port}/"
    yield RequestSpec("a-b", "request", LOCAL, port, *SHAPE, key=key)
    yield HttpSpec("a-b", "http", url, *SHAPE, key=key)
    yield HttpSpec("a-b", "http", url, *SHAPE, fresh=True, key=key)
    yield HttpSpec("a-b", "work", url, *SHAPE, mix=((1.0, 300_000, 2_000_000),), key=key)
    yield HttpLoadSpec("a-b", "http-load", LOCAL, port, "/", "far", *SHAPE, 3, key=key)
    yield HttpLoadSpec("a-b", "http-load", LOCAL, port, "/", "far", 12, 0, 2000 * MS, 3, key=key)


WAYS = ["request", "http", "http-fresh", "inference", "http-load", "http-load closed"]


@asynccontextmanager
async def served(spec: Any) -> AsyncIterator[None]:
    server: Any = PROBES[type(spec)](spec)
    await anext(server)
    try:
        yield
    finally:
        await server.aclose()


async def all_of(batches: AsyncIterator[Samples]) -> Samples:
    return concatenate([batch async for batch in batches])


def rows_of(way: str, theirs: bytes, ours: bytes) -> Samples:
    """What one probe brings home from a far end with a key, or none."""

    async def work() -> Samples:
        port = free_port()
        spec = list(asks(port, ours))[WAYS.index(way)]
        async with served(SERVERS[type(spec)](LOCAL, port, key=theirs)):
            return await all_of(PROBES[type(spec)](spec))

    return uvloop.run(work())


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight, "BATCH_S", 0.02)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("theirs", [KEY, b""], ids=["wanted", "not wanted"])
def test_who_knows_the_key_is_served_and_not_told_of(
    way: str, theirs: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    rows = rows_of(way, theirs, KEY)
    assert rows.columns["received_ns"].count() == 12
    if "status" in rows.columns:
        assert set(rows.columns["status"].tolist()) == {200}
    else:  # the kernel's stamps are counted from behind the hello
        assert (rows.columns["t1_ns"] >= rows.columns["sent_ns"].min()).all()
        assert rows.columns["t1_ns"].count() == rows.columns["t4_ns"].count() == 12
        assert (rows.columns["t1_ns"] < rows.columns["t4_ns"]).all()
    assert "refused" not in caplog.text


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("key", "says"),
    [
        (b"", "it serves those alone who know its key: give the site as its request_key"),
        (OTHER, "it does not know the key that this site's request_key names: give the site"),
    ],
    ids=["none", "another"],
)
def test_who_does_not_is_refused_and_told_of(
    way: str, key: bytes, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.WARNING, "benchkit"),
        pytest.raises(MeasureError) as error,
    ):
        rows_of(way, KEY, key)
    (line,) = str(error.value).splitlines()
    assert line.startswith("a-b: ")
    assert f"refused requests: {says}" in line
    assert "refused 127.0.0.1: " in caplog.text
    assert "without the key of this agent" in caplog.text
    assert "Exception" not in caplog.text


async def asked(
    session: aiohttp.ClientSession, url: str, shown: str = "", **more: Any
) -> tuple[int, str, str]:
    headers = {AUTHORIZATION: shown} if shown else {}
    method = more.pop("method", "GET")
    async with session.request(method, url, headers=headers, **more) as answer:
        return answer.status, answer.headers.get(WWW_AUTHENTICATE, ""), await answer.text()


def of_http(work: Callable[[str, aiohttp.ClientSession], Any]) -> Any:
    """What `work` returns of the URL of a server with KEY, and a session that makes a new connection each time."""

    async def whole() -> Any:
        port = free_port()
        connector = aiohttp.TCPConnector(force_close=True)
        async with (
            served(HttpServerSpec(LOCAL, port, key=KEY)),
            aiohttp.ClientSession(connector=connector) as session,
        ):
            return await work(f"http://{LOCAL}:{port}/", session)

    return asyncio.run(whole())


def test_an_authorization_is_good_once_and_for_what_it_was_made() -> None:
    async def work(url: str, session: aiohttp.ClientSession) -> list[int]:
        _, challenge, said = await asked(session, url)
        assert said.endswith("\n")
        assert "give the site its request_key" in said
        ours = Credentials(KEY)
        assert ours.take(challenge)
        first = ours.header("GET", "/")
        found = [(await asked(session, url, first))[0] for _ in range(2)]
        found.append((await asked(session, f"{url}?octets=5", ours.header("GET", "/")))[0])
        found.append((await asked(session, url, ours.header("GET", "/"), method="POST"))[0])
        found.append((await asked(session, url, first.replace("nc=00000001", "nc=0000ffff")))[0])
        late, early = ours.header("GET", "/"), ours.header("GET", "/")
        return found + [(await asked(session, url, each))[0] for each in (early, late)]

    assert of_http(work) == [200, 401, 401, 401, 401, 200, 200]


def test_a_nonce_of_an_agent_that_was_here_before_is_stale_and_another_is_given() -> None:
    async def work(url: str, session: aiohttp.ClientSession) -> tuple[int, str]:
        ours = Credentials(KEY)
        ours.take(f'Digest realm="benchkit", nonce="{"0" * 48}", algorithm=SHA-256, qop="auth"')
        status, challenge, _ = await asked(session, url, ours.header("GET", "/"))
        assert (status, challenge[-12:]) == (401, ", stale=true")
        ours.take(challenge)
        return (await asked(session, url, ours.header("GET", "/")))[0], challenge

    assert of_http(work)[0] == 200


@pytest.mark.parametrize("by", [HttpSpec, HttpLoadSpec])
def test_an_agent_that_was_started_again_meanwhile_is_shown_the_key_anew(
    by: type[HttpSpec | HttpLoadSpec],
) -> None:
    async def work() -> Samples:
        port = free_port()
        spec: HttpSpec | HttpLoadSpec
        if by is HttpSpec:
            url = f"http://{LOCAL}:{port}/"
            spec = HttpSpec("a-b", "http", url, 80, 10 * MS, 2000 * MS, key=KEY)
        else:
            shape = (80, 10 * MS, 2000 * MS, 3)
            spec = HttpLoadSpec("a-b", "http", LOCAL, port, "/", "far", *shape, key=KEY)
        first: Any = PROBES[HttpServerSpec](HttpServerSpec(LOCAL, port, key=KEY))
        await anext(first)
        async with asyncio.TaskGroup() as tasks:
            measured = tasks.create_task(all_of(PROBES[by](spec)))
            await asyncio.sleep(0.3)
            await first.aclose()
            async with served(HttpServerSpec(LOCAL, port, key=KEY)):
                return await measured

    status = uvloop.run(work()).columns["status"].filled(0).tolist()
    assert (401 in status) == (by is HttpSpec)  # a load shows it before it asks anything
    assert status[-10:] == [200] * 10


def test_a_stranger_s_body_is_not_read() -> None:
    async def work(url: str, _: aiohttp.ClientSession) -> tuple[bytes, bytes]:
        port = int(url.split(":")[2].strip("/"))
        reader, writer = await asyncio.open_connection(LOCAL, port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")  # before any of it was sent
        writer.close()
        return head[:12], head

    status, head = of_http(work)
    assert status == b"HTTP/1.1 401"
    assert b"Connection: close" in head


def test_other_clients_of_rfc_7616_get_in_by_the_same_key() -> None:
    async def work(url: str, session: aiohttp.ClientSession) -> list[int]:
        found = []
        for key in (KEY, OTHER):
            digest = aiohttp.DigestAuthMiddleware("benchkit", key.hex())
            found.append((await asked(session, url, middlewares=(digest,)))[0])
        return found

    assert of_http(work) == [200, 401]


def test_a_connection_that_has_shown_the_key_shows_it_no_more() -> None:
    async def work(url: str, _: aiohttp.ClientSession) -> list[int]:
        async with aiohttp.ClientSession() as kept:
            _, challenge, _ = await asked(kept, url)
            ours = Credentials(KEY)
            ours.take(challenge)
            found = [(await asked(kept, url, ours.header("GET", "/")))[0]]
            return [*found, (await asked(kept, url))[0]]

    assert of_http(work) == [200, 200]


@pytest.mark.parametrize(
    ("said", "then"),
    [(b"", b""), (b'{"hello": "ab', b""), (b'{"hello": "ab', b" ")],
    ids=["silent", "half", "dripping"],
)
def test_a_half_sent_hello_is_given_up(
    monkeypatch: pytest.MonkeyPatch, said: bytes, then: bytes
) -> None:
    monkeypatch.setattr(request_server, "HELLO_S", 0.2)

    async def work() -> None:
        port = free_port()
        async with served(RequestServerSpec(LOCAL, port, key=KEY)), asyncio.timeout(3):
            reader, writer = await asyncio.open_connection(LOCAL, port)
            writer.write(said)
            with suppress(ConnectionError):  # as which hanging up may show
                while not reader.at_eof():
                    writer.write(then)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(0.05):
                            assert await reader.read(100) == b""
            writer.close()

    uvloop.run(work())


def test_with_a_key_for_everything_nobody_need_be_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    posts: list[agents.Post] = []
    monkeypatch.setattr(agents, "run_agent", lambda post, *_: posts.append(post))
    (tmp_path / "key").write_text(KEY.hex())
    words = ["agent", "--bind", "192.0.2.1"]
    for name in ("--stamp-key", "--stream-key", "--request-key"):
        assert CliRunner().invoke(cli, words).exception
        words += [name, str(tmp_path / "key")]
    assert not posts
    CliRunner().invoke(cli, words, catch_exceptions=False)
    (post,) = posts
    assert post.stream_key == post.request_key == KEY
    assert not post.twamp


def test_requests_without_a_hello_are_not_given_back() -> None:
    async def work() -> bytes:
        port = free_port()
        async with served(RequestServerSpec(LOCAL, port, key=KEY)):
            loop = asyncio.get_running_loop()
            with socket.create_connection((LOCAL, port)) as end:
                end.setblocking(False)
                await loop.sock_sendall(end, bytes(64))
                return await loop.sock_recv(end, 1000)

    assert uvloop.run(work()) == REFUSAL
    assert len(REFUSAL) < 64, "or it would be taken for an answer"
