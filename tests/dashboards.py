"""A dashboard over a folder of runs, asked without a browser."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from benchkit.web.access import Access
from benchkit.web.application import application
from benchkit.web.catalog import Catalog
from benchkit.web.desk import Desk

LOOPBACK = Access("127.0.0.1", 0)
Ask = Callable[[TestClient[Any, Any]], Awaitable[Any]]


def asked(results: Path, ask: Ask, access: Access = LOOPBACK) -> Any:
    """What `ask` makes of a dashboard over these results."""
    catalog = Catalog(results)
    catalog.look(budget_ns=10**11)  # however busy the machine is

    async def served() -> Any:
        app = application(Desk(catalog, access))
        async with TestClient(TestServer(app, host="127.0.0.1")) as client:
            return await ask(client)

    return asyncio.run(served())


def got(results: Path, *addresses: str) -> list[tuple[int, str]]:
    """The status and the text of each address, and that each carries the headers."""

    async def ask(client: TestClient[Any, Any]) -> list[tuple[int, str]]:
        found = []
        for address in addresses:
            response = await client.get(address)
            check_headers(response)
            found.append((response.status, await response.text()))
        return found

    found: list[tuple[int, str]] = asked(results, ask)
    return found


def check_headers(response: ClientResponse) -> None:
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe-eval" not in policy
    assert "script-src 'unsafe-inline'" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def page_of(results: Path, parameters: str = "") -> dict[str, Any]:
    ((status, text),) = got(results, f"/api/runs?{parameters}")
    assert status == 200, text
    found: dict[str, Any] = json.loads(text)
    return found
