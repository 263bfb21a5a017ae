"""Who may ask, and what every answer carries: the token, the host that was asked for, policy, and errors in words."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web

from benchkit.errors import AskedWronglyError, BenchkitError
from benchkit.web.access import COOKIE, is_loopback
from benchkit.web.catalog import NoSuchRunError
from benchkit.web.desk import DESK, Desk

OPEN = ("/healthz",)
# Nothing inline, nothing from elsewhere. Reports bring a stricter policy of their own.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_LOG = logging.getLogger("benchkit.web")


@web.middleware
async def told(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what went wrong in words: as JSON below /api, else as a page. No trace leaves the server."""
    desk = request.app[DESK]
    try:
        response = await handler(request)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        response = _refusal(request, desk, error.status, _worded(request, error))
    except NoSuchRunError as error:
        response = _refusal(request, desk, HTTPStatus.NOT_FOUND, desk.catalog.worded(error))
    except AskedWronglyError as error:
        response = _refusal(request, desk, HTTPStatus.BAD_REQUEST, desk.catalog.worded(error))
    except BenchkitError as error:
        response = _refusal(
            request, desk, HTTPStatus.SERVICE_UNAVAILABLE, desk.catalog.worded(error)
        )
    except MemoryError as error:
        said = f"out of memory: {desk.catalog.worded(error)}: ask for less, or give the server more"
        response = _refusal(request, desk, HTTPStatus.SERVICE_UNAVAILABLE, said)
    except Exception:  # noqa: BLE001  whatever it was, whoever asked gets an answer
        _LOG.exception("%s %s failed", request.method, request.path)
        said = "the server failed at this; its own output says more"
        response = _refusal(request, desk, HTTPStatus.INTERNAL_SERVER_ERROR, said)
    if not response.prepared:
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("Cache-Control", "no-cache")
        response.headers.update(HEADERS)
    return response


@web.middleware
async def admitted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let in who brings the token; on loopback, who asks for this machine by a name of its own.

    A page elsewhere can make a browser ask loopback under a name it controls: such a name is refused. Raises
    HTTPUnauthorized and HTTPMisdirectedRequest.
    """
    access = request.app[DESK].access
    if request.path not in OPEN and not access.knows(request):
        raise web.HTTPUnauthorized(
            text="this needs the token: open the address that `benchkit serve` printed, or send it as "
            "`Authorization: Bearer …`",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if access.token is None and not is_loopback(request.url.host or ""):
        raise web.HTTPMisdirectedRequest(
            text="the dashboard is for this machine alone: ask for it as localhost or 127.0.0.1"
        )
    response = await handler(request)
    if access.token is not None and "token" in request.query and not response.prepared:
        response.set_cookie(COOKIE, access.token, httponly=True, samesite="Strict", path="/")
    return response


def _worded(request: web.Request, error: web.HTTPException) -> str:
    """What a handler of ours said of it; where none took the request, what there is instead."""
    if request.match_info.http_exception is None:
        return error.text or error.reason
    if error.status == HTTPStatus.METHOD_NOT_ALLOWED:
        return f"{request.method} {request.path}: nothing here is changed by a request: ask by GET"
    if request.path.startswith("/api"):
        return f"there is no {request.path}: /api/openapi.json says what there is"
    return (
        f"there is no page {request.path}: there are / with all runs, /history, /compare and /live"
    )


def _refusal(request: web.Request, desk: Desk, status: int, said: str) -> web.Response:
    title = HTTPStatus(status).phrase
    if request.path.startswith(("/api/", "/metrics", "/healthz", "/grafana.json")):
        body = json.dumps({"title": title, "status": int(status), "detail": said})
        return web.Response(
            text=body + "\n", status=status, content_type="application/problem+json"
        )
    page = desk.page("trouble.html.j2", title=title, said=said, status=int(status))
    return web.Response(text=page, status=status, content_type="text/html")
