"""Who may ask the dashboard, with what, and that nothing they send breaks it."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp.test_utils import TestClient
from dashboards import asked, got
from synthetic_runs import run_id

from benchkit.store.live import LiveLog
from benchkit.web.access import Access, is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "[::1]", "127.9.9.9"])
def test_loopback_is_known_by_every_name_it_has(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["::", "", "evil.example", "localhost.evil.example", "10.0.0.1"])
def test_and_by_no_other(host: str) -> None:
    assert not is_loopback(host)


def test_the_foot_says_who_reaches_it_and_with_what() -> None:
    alone = "Reached from this machine alone: it listens on loopback"
    assert Access("127.0.0.1", 0).words == f"{alone}, and asks for no token."
    assert Access("127.0.0.1", 0, "abc").words == f"{alone}; every request needs the token."
    assert Access("192.0.2.2", 0, "abc").words.startswith("Reached from other machines (192.0.2.2)")


def test_on_loopback_a_name_of_elsewhere_is_refused(tmp_path: Path) -> None:
    async def ask(client: TestClient[Any, Any]) -> list[int]:
        hosts = ("evil.example", "localhost:1", "127.0.0.1")
        return [(await client.get("/", headers={"Host": host})).status for host in hosts]

    assert asked(tmp_path, ask) == [421, 200, 200]


def test_elsewhere_a_token_is_needed_for_everything_but_health(tmp_path: Path) -> None:
    async def ask(client: TestClient[Any, Any]) -> list[int]:
        found = [(await client.get(each)).status for each in ("/", "/api/runs", "/metrics")]
        found.append((await client.get("/healthz")).status)
        found.append((await client.get("/api/runs?token=wrong")).status)
        bearer = {"Authorization": "Bearer secret"}
        found.append((await client.get("/api/runs", headers=bearer)).status)
        opened = await client.get("/?token=secret")
        found.append(opened.status)
        assert "HttpOnly" in opened.headers["Set-Cookie"]
        assert "needs the token" in await opened.text()
        found.append((await client.get("/api/runs")).status)  # the cookie
        return found

    access = Access("192.0.2.1", 0, "secret")
    assert asked(tmp_path, ask, access) == [401, 401, 401, 200, 401, 200, 200, 200]


def test_nothing_but_reading_is_answered(tmp_path: Path) -> None:
    async def ask(client: TestClient[Any, Any]) -> list[int]:
        return [
            (await client.request(method, "/api/runs")).status
            for method in ("POST", "PUT", "DELETE")
        ]

    assert asked(tmp_path, ask) == [405, 405, 405]


@pytest.mark.parametrize("head", [b"Authorization: Bearer \xff", b"Cookie: benchkit-token=\xff"])
def test_octets_that_are_no_text_are_no_token(
    tmp_path: Path, head: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def ask(client: TestClient[Any, Any]) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        writer.write(b"GET /api/runs HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n" % head)
        answer = await reader.readline()
        writer.close()
        return answer

    with caplog.at_level(logging.ERROR):
        assert b" 401 " in asked(tmp_path, ask, Access("192.0.2.1", 0, "secret"))
    assert not caplog.records


def test_the_address_that_is_told_brings_the_token_whatever_is_in_it() -> None:
    token = "a&b c#d=%41ä"  # noqa: S105  a test's
    address = Access("127.0.0.1", 0, token).address(8642)
    assert parse_qs(urlsplit(address).query) == {"token": [token]}


def test_a_number_of_thousands_of_digits_is_refused_in_words(tmp_path: Path) -> None:
    ((status, text),) = got(tmp_path, f"/api/runs?offset={'0' * 12}{'9' * 4400}")
    assert status == 400
    assert "whole number" in json.loads(text)["detail"]


def test_who_leaves_a_live_view_is_no_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = LiveLog(tmp_path, run_id(30))

    async def ask(client: TestClient[Any, Any]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        address = f"/api/live/{run_id(30)}/events"
        writer.write(f"GET {address} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert b" 200 " in await reader.readline()
        writer.transport.abort()
        for _ in range(5):  # it is not known to have gone before something is sent
            log.write({"event": "said", "text": "on we go"})
            await asyncio.sleep(0.12)

    with caplog.at_level(logging.ERROR):
        asked(tmp_path, ask)
    log.close()
    assert not caplog.records


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104  what is asked for
def test_where_all_addresses_are_listened_at_the_machine_is_named(host: str) -> None:
    told = Access(host, 8642, "word").address(8642)
    assert told == f"http://{socket.gethostname()}:8642/?token=word"
