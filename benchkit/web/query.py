"""Which rows of the list are asked for, in which order, and which page of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from multidict import MultiMapping

from benchkit.errors import AskedWronglyError
from benchkit.web.row import Row

USUAL_LIMIT, LARGEST_LIMIT = 50, 500
LARGEST_OFFSET = 10**9
# Digits; a number of thousands of them is none to Python either.
LONGEST_NUMBER = 12
USUAL_HISTORY, LONGEST_HISTORY = 100, 2000
TROUBLE = "trouble"
# An ISO time in UTC, to any exactness.
MOMENT = (
    "[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01])"
    "([T ]([01][0-9]|2[0-3])(:[0-5][0-9](:[0-5][0-9])?)?)?)?)?(Z|[+ ]00:00)?"
)
VERDICTS = ("pass", "fail", "inconclusive", "unfit", TROUBLE)
ORDERS: Mapping[str, Callable[[Row], str | float]] = {
    "started": lambda row: row.started,
    "target": lambda row: row.target,
    "name": lambda row: row.name,
    "verdict": lambda row: row.verdict,
    "duration": lambda row: row.duration_s or 0.0,
}


@dataclass(frozen=True)
class Query:
    """Empty text asks for everything. `since` and `until` are ISO times or their beginnings, both inclusive."""

    q: str = ""
    target: str = ""
    verdict: str = ""
    path: str = ""
    since: str = ""
    until: str = ""
    order: str = "-started"
    offset: int = 0
    limit: int = USUAL_LIMIT


@dataclass(frozen=True)
class Page:
    """The rows of one page, how many match in all, and how many rows each target and verdict has."""

    rows: tuple[Row, ...]
    matched: int
    total: int
    targets: Mapping[str, int]
    verdicts: Mapping[str, int]


def query_of(given: MultiMapping[str]) -> Query:
    """The query that the parameters of an address mean. Raises AskedWronglyError for one that means nothing."""
    values = once(given)
    plain = {name: values.get(name, "").strip() for name in ("q", "target", "verdict", "path")}
    if plain["verdict"] and plain["verdict"] not in VERDICTS:
        raise AskedWronglyError(
            f"verdict {plain['verdict']}: there are {', '.join(VERDICTS)}: ask for one of them"
        )
    order = values.get("order") or "-started"
    if order.removeprefix("-") not in ORDERS:
        raise AskedWronglyError(
            f"order {order}: there are {', '.join(ORDERS)}, each also with - before it"
        )
    return Query(
        **plain,
        since=moment(values, "since"),
        until=moment(values, "until"),
        order=order,
        offset=whole(values, "offset", 0, least=0, most=LARGEST_OFFSET),
        limit=whole(values, "limit", USUAL_LIMIT, least=1, most=LARGEST_LIMIT),
    )


def once(values: MultiMapping[str], *several: str) -> dict[str, str]:
    """The parameters of an address, but `several`, by name. Raises AskedWronglyError for one given twice."""
    found: dict[str, str] = {}
    for name, value in values.items():
        if name in found:
            raise AskedWronglyError(f"{name} is given more than once: give the one that is meant")
        if name not in several:
            found[name] = value
    return found


def one_of(values: Mapping[str, str], name: str, allowed: Sequence[str]) -> str:
    """What is given for a name; empty where nothing is. Raises AskedWronglyError for what is not allowed."""
    text = values.get(name) or ""
    if text and text not in allowed:
        raise AskedWronglyError(
            f"{name} {text}: there are {', '.join(allowed)}: ask for one of them"
        )
    return text


def whole(values: Mapping[str, str], name: str, usual: int, *, least: int, most: int) -> int:
    """A whole number within its bounds. Raises AskedWronglyError for anything else."""
    text = values.get(name) or str(usual)
    plain = text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER
    if not plain or not least <= int(text) <= most:
        raise AskedWronglyError(f"{name} {text}: a whole number from {least} to {most} is wanted")
    return int(text)


def moment(values: Mapping[str, str], name: str) -> str:
    """An ISO time in UTC or the beginning of one, as records have it; empty for none. Raises AskedWronglyError for another.

    >>> moment({"since": "2026-11-23 10:15"}, "since")
    '2026-11-23T10:15'
    """
    text = values.get(name, "")
    if text and not re.fullmatch(MOMENT, text):
        raise AskedWronglyError(
            f"{name} {text}: give a day or a time in UTC, as 2026-11-23 or 2026-11-23T10:15"
        )
    # A plus sign in an address is a blank by the time that it is read.
    return re.sub(r"(Z|[+ ]00:00)$", "", text).replace(" ", "T")


def answer(query: Query, rows: Sequence[Row]) -> Page:
    """The page. `targets` and `verdicts` count all rows, whatever is asked for."""
    found = [row for row in rows if _matches(query, row)]
    ordered = _ordered(found, query.order)
    return Page(
        rows=tuple(ordered[query.offset : query.offset + query.limit]),
        matched=len(found),
        total=len(rows),
        targets=dict(sorted(Counter(row.target for row in rows if row.target).items())),
        verdicts=dict(Counter(_verdict(row) for row in rows)),
    )


def _verdict(row: Row) -> str:
    return row.verdict or TROUBLE


def _matches(query: Query, row: Row) -> bool:
    started = row.started
    return (
        (not query.target or row.target == query.target)
        and (not query.verdict or _verdict(row) == query.verdict)
        and (not query.since or started >= query.since)
        and (not query.until or started[: len(query.until)] <= query.until)
        and (not query.path or query.path.lower() in row.words)
        and all(word in row.words for word in query.q.lower().split())
    )


def _ordered(found: list[Row], order: str) -> list[Row]:
    """Rows come newest first; those alike stay so, or stand the other way round in a rising order."""
    falling = order.startswith("-")
    if order == "-started":
        return found
    # By the key alone: ten thousand pairs for the rest set off a collection of everything that is kept.
    return sorted(
        found if falling else reversed(found),
        key=ORDERS[order.removeprefix("-")],
        reverse=falling,
    )
