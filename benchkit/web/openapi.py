"""What /api has, as an OpenAPI document. A test holds it to the routes and to what they answer."""

from __future__ import annotations

from typing import Any

from benchkit import __version__
from benchkit.model.comparison import WORDS
from benchkit.model.history import METRICS
from benchkit.model.record import VERDICTS
from benchkit.reports import FORMATS
from benchkit.stats.comparable import ASPECTS
from benchkit.web import query

JSON = "application/json"
Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
_MOMENT: Schema = {**TEXT, "pattern": f"^{query.MOMENT}$"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer", "minimum": 0}
COUNTS: Schema = {"type": "object", "additionalProperties": WHOLE}


def document() -> Schema:
    """The document, OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "benchkit",
            "version": __version__,
            "description": "Runs, comparisons and histories. Read-only. Absent is no key, never null.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": _paths(),
        "components": {
            "schemas": {
                "Row": _row(),
                "Page": _page(),
                "Record": _record(),
                "Comparison": _comparison(),
                "History": _history(),
                "Problem": _object(
                    ("title", "status", "detail"), title=TEXT, status=WHOLE, detail=TEXT
                ),
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _paths() -> Schema:
    run = _parameter("run", TEXT, "The whole id of a run.", where="path")
    form = _parameter("format", {"enum": list(FORMATS)}, "As `benchkit report`.", where="path")
    return {
        "/api/runs": _get("The runs, a page of them.", _ref("Page"), *_list_parameters()),
        "/api/runs/{run}": _get("The record of a run.", _ref("Record"), run),
        "/api/runs/{run}/reports/{format}": _text(
            "A run in any format of `benchkit report`.", ("text/*", "the report"), run, form
        ),
        "/api/compare": _get(
            "Candidates held against bases.",
            _ref("Comparison"),
            _parameter("base", _list(TEXT, least=1), "A run; may be repeated.", required=True),
            _parameter("candidate", _list(TEXT, least=1), "A run; may be repeated.", required=True),
            _parameter("despite", _list({"enum": list(ASPECTS)}), "Compare although this differs."),
        ),
        "/api/history": _get(
            "One figure over all runs of a target.",
            _object(("histories",), histories=_list(_ref("History"))),
            _parameter("target", TEXT, "The newest run's without one."),
            _parameter("path", _list(TEXT), "Only this path; may be repeated."),
            _parameter("metric", {"enum": list(METRICS)}, "rtt without it, or what there is."),
            _parameter("phase", TEXT, "idle; of rates up; a workload's name."),
            _parameter("statistic", TEXT, "p95; of rates mean; also loss."),
            _parameter("limit", _whole(1, query.LONGEST_HISTORY), "So many of the newest runs."),
        ),
        "/api/live": _get(
            "Runs in progress.",
            _object(("live",), live=_list(_object(("run",), run=TEXT, target=TEXT, started=TEXT))),
        ),
        "/api/live/{run}/events": _text(
            "A run in progress as server-sent events; `id` resumes after a break.",
            ("text/event-stream", "events until the run has ended"),
            run,
        ),
        "/api/openapi.json": _get("This document.", {"type": "object"}),
    }


def _text(summary: str, answer: tuple[str, str], *parameters: Schema) -> Schema:
    """What is answered as text: of which type, and what it is."""
    kind, description = answer
    content = {kind: {"schema": TEXT}}
    return {
        "get": {
            "summary": summary,
            "parameters": list(parameters),
            "responses": {"200": {"description": description, "content": content}, **_refused()},
        }
    }


def _list_parameters() -> list[Schema]:
    orders = [f"{sign}{name}" for name in query.ORDERS for sign in ("", "-")]
    return [
        _parameter("q", TEXT, "Words, each of which the run's names must have."),
        _parameter("target", TEXT, "Exactly this target."),
        _parameter("verdict", {"enum": list(query.VERDICTS)}, "`trouble`: what cannot be read."),
        _parameter("path", TEXT, "A part of a path's name."),
        _parameter("since", _MOMENT, "A time in UTC, or the beginning of one; inclusive."),
        _parameter("until", _MOMENT, "Likewise."),
        _parameter("order", {"enum": orders}, "-started without it."),
        _parameter("offset", _whole(0, query.LARGEST_OFFSET), "Rows to pass over."),
        _parameter("limit", _whole(1, query.LARGEST_LIMIT), "Rows of the page."),
    ]


def _row() -> Schema:
    judged = _object(
        ("path", "verdict"),
        path=TEXT,
        verdict=TEXT,
        word=TEXT,
        figure=TEXT,
        value=NUMBER,
        limit=NUMBER,
        unit=TEXT,
    )
    states = ("kept", "damaged", "newer", "unfinished", "running", "unread")
    return _object(
        ("run", "state", "started"),
        run=TEXT,
        state={"enum": list(states)},
        trouble=TEXT,
        target=TEXT,
        title=TEXT,
        name=TEXT,
        started=TEXT,
        duration_s=NUMBER,
        emulator=TEXT,
        kernel=TEXT,
        verdict={"enum": list(VERDICTS)},
        word=TEXT,
        interrupted={"type": "boolean"},
        paths=_list(judged),
        path_count=WHOLE,
    )


def _page() -> Schema:
    numbers = ("total", "matched", "unread", "offset", "limit")
    return _object(
        (*numbers, "targets", "verdicts", "runs"),
        **dict.fromkeys(numbers, WHOLE),
        targets=COUNTS,
        verdicts=COUNTS,
        runs=_list(_ref("Row")),
    )


def _record() -> Schema:
    return _object(
        ("schema", "run", "target", "verdict", "paths", "instrument", "calibration", "environment"),
        schema=WHOLE,
        run=TEXT,
        target=TEXT,
        verdict={"enum": list(VERDICTS)},
        paths=_list({"type": "object"}),
        instrument={"type": "object"},
        calibration=_list({"type": "object"}),
        environment={"type": "object"},
    )


def _comparison() -> Schema:
    return _object(
        ("schema", "base", "candidate", "word"),
        schema=WHOLE,
        base=_list(TEXT),
        candidate=_list(TEXT),
        word={"enum": list(WORDS)},
        cells=_list({"type": "object"}),
        differs=_list(TEXT),
        notes=_list(TEXT),
    )


def _history() -> Schema:
    names = ("target", "path", "metric", "phase", "statistic", "unit", "newest")
    return _object(
        (*names, "points"),
        **dict.fromkeys(names, TEXT),
        points=_list({"type": "object"}),
        changes=_list({"type": "object"}),
    )


def _get(summary: str, schema: Schema, *parameters: Schema) -> Schema:
    answer = {"description": summary, "content": {JSON: {"schema": schema}}}
    found: Schema = {"summary": summary, "responses": {"200": answer, **_refused()}}
    return {"get": {**found, "parameters": list(parameters)} if parameters else found}


def _refused() -> Schema:
    content = {"application/problem+json": {"schema": _ref("Problem")}}
    return {"default": {"description": "what was wrong, in words", "content": content}}


def _parameter(
    name: str, schema: Schema, words: str, *, where: str = "query", required: bool = False
) -> Schema:
    needed = required or where == "path"
    return {"name": name, "in": where, "required": needed, "description": words, "schema": schema}


def _object(required: tuple[str, ...], **properties: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": properties}


def _list(items: Schema, *, least: int = 0) -> Schema:
    return {"type": "array", "items": items, **({"minItems": least} if least else {})}


def _whole(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}
