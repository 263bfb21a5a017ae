"""The JSON of /api: the same rows, records, comparisons and histories as the command line gives."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from typing import Any

from aiohttp import web

from benchkit.campaign.comparing import compare_runs, load_runs
from benchkit.campaign.history import choices_of, histories, wanted_of
from benchkit.errors import AskedWronglyError
from benchkit.model.comparison_json import dump_comparison
from benchkit.model.history import METRICS, Choices, History
from benchkit.model.record_json import dump_plain, dump_record
from benchkit.reports import FORMATS, render
from benchkit.stats.comparable import ASPECTS
from benchkit.web.desk import DESK, Desk
from benchkit.web.openapi import document
from benchkit.web.query import (
    LONGEST_HISTORY,
    USUAL_HISTORY,
    answer,
    once,
    one_of,
    query_of,
    whole,
)
from benchkit.web.row import Row

JSON = "application/json"
CONTENT_TYPES = {"json": JSON, "csv": "text/csv", "junit": "application/xml"}
MOST_COMPARED = 40


async def runs(request: web.Request) -> web.Response:
    """One page of the list. Raises AskedWronglyError for a query that means nothing."""
    query = query_of(request.query)
    listing = await request.app[DESK].listing()
    page = answer(query, listing.rows)
    return _json(
        {
            "total": page.total,
            "matched": page.matched,
            "unread": listing.unread,
            "offset": query.offset,
            "limit": query.limit,
            "targets": page.targets,
            "verdicts": page.verdicts,
            "runs": [plain_row(row) for row in page.rows],
        }
    )


async def record(request: web.Request) -> web.Response:
    """One record, as it was written, but for where files lie on this machine. Raises NoSuchRunError."""
    desk, run = request.app[DESK], request.match_info["run"]
    text = await desk.made(("record", run), lambda: dump_record(desk.record(run)))
    return web.Response(text=text, content_type=JSON)


async def report(request: web.Request) -> web.Response:
    """One run in a format of `benchkit report`. Raises AskedWronglyError for another, NoSuchRunError where it is not there."""
    desk, run, form = request.app[DESK], request.match_info["run"], request.match_info["format"]
    if form not in FORMATS:
        raise AskedWronglyError(f"no format {form}: there are {', '.join(FORMATS)}")
    text = await desk.made((form, run), lambda: render(desk.record(run), form))
    return web.Response(text=text, content_type=CONTENT_TYPES.get(form, "text/plain"))


async def comparison(request: web.Request) -> web.Response:
    """Candidates held against bases, as `benchkit compare --format json` does it.

    Raises AskedWronglyError where a side has no run, for a run that is named twice, and for aspects that are none.
    """
    desk = request.app[DESK]
    base, candidate = request.query.getall("base", []), request.query.getall("candidate", [])
    despite = tuple(request.query.getall("despite", []))
    if not base or not candidate:
        raise AskedWronglyError("compare: give at least one `base` and one `candidate`")
    check_compared([*base, *candidate], despite)

    def make() -> str:
        sides = [load_runs(desk.catalog.results, _known(desk, side)) for side in (base, candidate)]
        return dump_comparison(compare_runs(*sides, allowed=despite))

    key = ("comparison", tuple(base), tuple(candidate), despite)
    return web.Response(text=await desk.made(key, make), content_type=JSON)


async def history(request: web.Request) -> web.Response:
    """One figure over all runs of a target. Raises AskedWronglyError as `histories_of`."""
    found, _ = await histories_of(request)
    listed = [json.loads(dump_plain(each, "history")) for each in found]
    return _json({"histories": listed})


async def openapi(request: web.Request) -> web.Response:  # noqa: ARG001  a handler's signature
    """What /api has."""
    return _json(document())


async def histories_of(request: web.Request) -> tuple[tuple[History, ...], Choices]:
    """The histories that the parameters of a request ask for, and what else there is to choose.

    Raises AskedWronglyError where they ask for none that is.
    """
    desk, given = request.app[DESK], once(request.query, "path")
    listing = await desk.listing()
    readable = [row.target for row in listing.rows if row.state in ("kept", "unread")]
    target = given.get("target") or next(iter(readable), "")
    targets = tuple(sorted({each for each in readable if each}))
    asked = {"metric": one_of(given, "metric", METRICS)}
    asked |= {name: given.get(name) or "" for name in ("phase", "statistic")}
    paths = tuple(request.query.getall("path", []))
    most = whole(given, "limit", USUAL_HISTORY, least=1, most=LONGEST_HISTORY)
    newest = next((row.run for row in listing.rows if row.target == target), "")

    def make() -> tuple[tuple[History, ...], Choices]:
        records = desk.records(target, most)
        if target and not records:
            raise AskedWronglyError(f"history: no run of target {target} can be read")
        choices = replace(choices_of(records, target), targets=targets)
        return histories(records, wanted_of(choices, paths, **asked), target or None), choices

    key = ("history", target, targets, *asked.values(), paths, most, newest)
    found: tuple[tuple[History, ...], Choices] = await desk.made(key, make)
    return found


def check_compared(runs: list[str], despite: tuple[str, ...]) -> None:
    """Raises AskedWronglyError for what cannot be compared at once."""
    if len(runs) > MOST_COMPARED:
        raise AskedWronglyError(f"{len(runs)} runs: at most {MOST_COMPARED} are compared at once")
    unknown = [each for each in despite if each not in ASPECTS]
    if unknown:
        raise AskedWronglyError(f"despite {unknown[0]}: there are {', '.join(ASPECTS)}")


def plain_row(row: Row) -> dict[str, Any]:
    """The row in plain values; what is empty has no key."""
    found = {field.name: getattr(row, field.name) for field in fields(row) if field.name != "words"}
    found["paths"] = [_filled(asdict(path)) for path in row.paths]
    return _filled(found)


def _known(desk: Desk, runs: list[str]) -> list[str]:
    for run in runs:
        desk.catalog.folder(run)
    return runs


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in ("", None, [], ())}


def _json(value: object) -> web.Response:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return web.Response(text=text + "\n", content_type=JSON)
