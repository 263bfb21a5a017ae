"""The JSON below /api, held against the command line and its own document."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from dashboards import LOOPBACK, got
from synthetic_runs import jitter, record_of, run_id, write, write_many

from benchkit.web.application import application
from benchkit.web.catalog import Catalog
from benchkit.web.desk import Desk
from benchkit.web.openapi import document


def test_the_answers_of_the_api_are_those_of_the_command_line(tmp_path: Path) -> None:
    write_many(tmp_path, range(1, 10))
    write_many(tmp_path, range(10, 19), more_ms=1.0)
    base = "&".join(f"base={run_id(number)}" for number in range(1, 4))
    candidate = "&".join(f"candidate={run_id(number)}" for number in range(10, 13))
    answers = got(
        tmp_path,
        f"/api/runs/{run_id(1)}",
        f"/api/runs/{run_id(1)}/reports/markdown",
        f"/api/runs/{run_id(1)}/reports/nothing",
        f"/api/compare?{base}&{candidate}",
        "/api/compare?base=x",
        "/api/history?statistic=p95",
        "/api/runs?offset=&offset=7",
        "/api/history?target=guizhou&target=other",
    )
    assert json.loads(answers[0][1])["run"] == run_id(1)
    assert answers[1][1].startswith("#")
    assert answers[2][0] == 400
    assert json.loads(answers[3][1])["word"] == "regression"
    assert answers[4][0] == 400
    for status, said in answers[6:]:
        assert status == 400
        assert "is given more than once: give the one that is meant" in said
    (history,) = json.loads(answers[5][1])["histories"]
    assert [point["limit"] for point in history["points"]] == [10.0] * 18
    assert [change["run"] for change in history["changes"]] == [run_id(10)]


def test_memory_that_runs_out_is_told_and_the_server_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        write(tmp_path, number, jitter(number))

    def none_left(*_: object) -> None:
        raise MemoryError(f"{tmp_path / run_id(1)}: no room for a block")

    monkeypatch.setattr("benchkit.store.parquet.read_parquet", none_left)
    pair = f"base={run_id(1)}&candidate={run_id(2)}"
    (status, text), (after, _) = got(tmp_path, f"/api/compare?{pair}", "/api/runs")
    assert (status, after) == (503, 200)
    said = json.loads(text)["detail"]
    assert said.startswith(f"out of memory: {run_id(1)}: no room for a block: ")


def test_no_answer_says_where_files_lie_on_this_machine(tmp_path: Path) -> None:
    command = "benchkit run /home/ann/line.toml --results=/srv/runs --url http://127.0.0.1/a/b"
    write(tmp_path, 1, jitter(1), record=replace(record_of(jitter(1), run_id(1)), command=command))
    pages = [f"/runs/{run_id(1)}", f"/api/runs/{run_id(1)}", f"/api/runs/{run_id(1)}/reports/text"]
    for status, text in got(tmp_path, *pages):
        assert status == 200
        assert "/home" not in text
        assert "/srv" not in text
        assert "…/line.toml" in text or r"\u2026/line.toml" in text
        assert "http://127.0.0.1/a/b" in text


def test_what_is_not_comparable_is_compared_all_the_same_when_asked(tmp_path: Path) -> None:
    write(tmp_path, 1, jitter(1))
    other = replace(record_of(jitter(2), run_id(2)), emulator="netem")
    write(tmp_path, 2, jitter(2), record=other)
    ((status, text),) = got(tmp_path, f"/compare?run={run_id(1)}&run={run_id(2)}")
    assert status == 200
    assert "NOT COMPARABLE" in text
    (again,) = re.findall(r'href="(/compare[^"]*despite[^"]*)"', text)
    ((status, text),) = got(tmp_path, unescape(again))
    assert status == 200
    assert "NOT COMPARABLE" not in text


def test_a_run_whose_samples_are_damaged_is_told_and_its_record_stays(tmp_path: Path) -> None:
    write(tmp_path, 1, jitter(1))
    file = tmp_path / run_id(1) / "samples" / "rtt.parquet"
    file.chmod(0o644)
    file.write_bytes(b"torn")
    page, record = got(tmp_path, f"/runs/{run_id(1)}", f"/api/runs/{run_id(1)}")
    assert (page[0], record[0]) == (400, 200)
    assert "rtt.parquet" in page[1]
    assert str(tmp_path) not in page[1]


def test_the_api_is_what_its_document_says(tmp_path: Path) -> None:
    write_many(tmp_path, (1, 2))
    said = document()
    app = application(Desk(Catalog(tmp_path), LOOPBACK))
    routes = {
        route.resource.canonical
        for route in app.router.routes()
        if route.resource is not None and route.resource.canonical.startswith("/api/")
    }
    assert routes == set(said["paths"])
    addresses = {
        "/api/runs": "/api/runs",
        "/api/runs/{run}": f"/api/runs/{run_id(1)}",
        "/api/compare": f"/api/compare?base={run_id(1)}&candidate={run_id(2)}",
        "/api/history": "/api/history",
        "/api/live": "/api/live",
    }
    for path, address in addresses.items():
        ((status, text),) = got(tmp_path, address)
        assert status == 200, text
        content = said["paths"][path]["get"]["responses"]["200"]["content"]
        fits(json.loads(text), content["application/json"]["schema"], said)
    ((_, text),) = got(tmp_path, "/api/openapi.json")
    assert json.loads(text) == said


def fits(value: Any, schema: dict[str, Any], whole: dict[str, Any]) -> None:
    """As much of JSON Schema as the document uses."""
    if "$ref" in schema:
        fits(value, whole["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], whole)
        return
    if "enum" in schema:
        assert value in schema["enum"]
        return
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    assert isinstance(value, kinds.get(schema["type"], (int, float))), (value, schema)
    for name in schema.get("required", ()):
        assert name in value
    for name, each in schema.get("properties", {}).items():
        if name in value:
            fits(value[name], each, whole)
    if schema["type"] == "object" and "properties" in schema:
        assert schema.get("additionalProperties", False) or schema["required"]
    for each in value if schema["type"] == "array" else ():
        fits(each, schema["items"], whole)
