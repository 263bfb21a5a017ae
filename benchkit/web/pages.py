"""The pages for people: the list, reports, comparisons and histories. All work without a script, and better with one."""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web

from benchkit.campaign.comparing import compare_runs, load_runs
from benchkit.campaign.publishing import html_of
from benchkit.errors import AskedWronglyError
from benchkit.model.comparison import Comparison
from benchkit.reports.html import policy, render_comparisons, render_histories
from benchkit.stats.comparable import ASPECTS
from benchkit.web.api import check_compared, histories_of
from benchkit.web.desk import DESK, STATICS, Desk, static, static_address
from benchkit.web.query import VERDICTS, Query, answer, query_of

HTML = "text/html"
FEWEST = 2
A_YEAR = "max-age=31536000, immutable"


async def index(request: web.Request) -> web.Response:
    """The list of runs. Raises AskedWronglyError for a query that means nothing."""
    desk = request.app[DESK]
    query = query_of(request.query)
    listing = await desk.listing()
    page = answer(query, listing.rows)
    asked = {name: value for name, value in request.query.items() if value and name != "token"}

    def address(**changed: object) -> str:
        return "/?" + urlencode({**asked, **changed})

    text = desk.page(
        "runs.html.j2",
        query=query,
        page=page,
        unread=listing.unread,
        verdicts=VERDICTS,
        before=address(offset=max(0, query.offset - query.limit)) if query.offset else "",
        after=address(offset=query.offset + query.limit)
        if query.offset + query.limit < page.matched
        else "",
        orders={name: address(order=_turned(query, name), offset=0) for name in _SORTED},
    )
    return web.Response(text=text, content_type=HTML)


_SORTED = ("verdict", "name", "target", "started", "duration")


def _turned(query: Query, name: str) -> str:
    """The order that a press on a column's head asks for: falling for times, rising for words, then the other."""
    falling = query.order == name or (query.order != f"-{name}" and name in ("started", "duration"))
    return f"-{name}" if falling else name


async def run(request: web.Request) -> web.Response:
    """A run's report. Raises NoSuchRunError."""
    desk, name = request.app[DESK], request.match_info["run"]

    def make() -> str:
        return html_of(desk.catalog.folder(name), desk.record(name), home="/")

    return _report(await desk.made(("page", name), make))


async def compare(request: web.Request) -> web.Response:
    """Runs side by side: each but the base held against the base, which is the oldest unless one is named.

    Raises AskedWronglyError for fewer than two runs, one that is not there, and aspects that are none.
    """
    desk = request.app[DESK]
    runs = list(dict.fromkeys(request.query.getall("run", [])))
    despite = tuple(request.query.getall("despite", []))
    base = request.query.get("base") or min(runs, default="")
    others = [each for each in runs if each != base]
    if not base or not others:
        raise AskedWronglyError("compare: tick two runs or more in the list, then compare them")
    check_compared([base, *others], despite)
    made = await desk.made(
        ("compare", base, tuple(others), despite), lambda: _compared(desk, base, others, despite)
    )
    return _report(made)


def _compared(desk: Desk, base: str, others: list[str], despite: tuple[str, ...]) -> str:
    for each in (base, *others):
        desk.catalog.folder(each)
    results = desk.catalog.results
    stored = load_runs(results, [base])
    found: list[Comparison] = [
        compare_runs(stored, load_runs(results, [each]), allowed=despite) for each in others
    ]
    asked = [("base", base), *(("run", each) for each in others)]
    allowed = urlencode([*asked, *(("despite", each) for each in ASPECTS)])
    return render_comparisons(found, home="/", despite=f"/compare?{allowed}")


async def history(request: web.Request) -> web.Response:
    """One figure of a target's paths over all its runs. Raises AskedWronglyError as `histories_of`."""
    found, choices = await histories_of(request)
    desk = request.app[DESK]
    made = await desk.made(
        ("histories", found, choices), lambda: render_histories(found, "/", choices)
    )
    return _report(made)


async def asset(request: web.Request) -> web.Response:
    """A script or a style sheet of ours. Raises HTTPNotFound for a name or an address of an older one."""
    name = request.match_info["name"]
    if name not in STATICS or request.path != static_address(name):
        raise web.HTTPNotFound(text=f"there is no {name} at this address")
    headers = {"Cache-Control": A_YEAR}
    return web.Response(
        body=static(name), content_type=STATICS[name], charset="utf-8", headers=headers
    )


async def grafana(_: web.Request) -> web.Response:
    """A dashboard for Grafana over what /metrics gives, to be imported there."""
    return web.Response(body=static("grafana.json"), content_type="application/json")


def _report(text: str) -> web.Response:
    headers = {"Content-Security-Policy": f"{policy()}; frame-ancestors 'none'"}
    return web.Response(text=text, content_type=HTML, headers=headers)
