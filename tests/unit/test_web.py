"""The dashboard without a browser: every answer, every kind of broken run, and who may ask."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from dashboards import got, page_of
from sample_records import passing
from synthetic_runs import jitter, record_of, run_id, write

from benchkit.model.record_json import dump_record
from benchkit.reports.figures import clean
from benchkit.web.catalog import Catalog
from benchkit.web.row import row_of_data, row_of_record

HOSTILE = "<img src=x onerror=alert(1)>\"'&"


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A folder with a good run, and one of every kind that is not."""
    results = tmp_path / "results"
    write(results, 1, jitter(1))
    good = results / run_id(1) / "run.json"
    for number, text in (
        (2, "{"),
        (3, good.read_text().replace('"schema": 1', '"schema": 99', 1)),
        (4, good.read_text().replace('"verdict": "pass"', '"verdict": 7', 1)),
    ):
        (results / run_id(number)).mkdir()
        (results / run_id(number) / "run.json").write_text(text)
    (results / run_id(5)).mkdir()
    named = replace(record_of(jitter(6), run_id(6)), name=HOSTILE, title=HOSTILE, target=HOSTILE)
    write(results, 6, jitter(6), record=named)
    unfinished = results / f".partial-{run_id(7)}"
    unfinished.mkdir()
    (unfinished / "run.json").write_text("{")
    os.utime(unfinished / "run.json", (0, 0))
    os.utime(unfinished, (0, 0))
    return results


def test_each_kind_of_run_is_a_row_and_what_is_wrong_stands_in_it(broken: Path) -> None:
    rows = {row["run"]: row for row in page_of(broken)["runs"]}
    states = {number: rows[run_id(number)]["state"] for number in range(1, 8)}
    assert states == {
        1: "kept",
        2: "damaged",
        3: "newer",
        4: "damaged",
        5: "damaged",
        6: "kept",
        7: "unfinished",
    }
    assert "not JSON" in rows[run_id(2)]["trouble"]
    assert "schema 99" in rows[run_id(3)]["trouble"]
    assert "verdict" in rows[run_id(4)]["trouble"]
    assert "run.json is missing" in rows[run_id(5)]["trouble"]
    assert "never finished" in rows[run_id(7)]["trouble"]


def test_no_broken_run_breaks_a_page_and_no_path_of_the_machine_gets_out(broken: Path) -> None:
    runs = [f"/{what}/{run_id(number)}" for number in range(1, 8) for what in ("runs", "api/runs")]
    compared = f"/compare?run={run_id(1)}&run={run_id(2)}"
    answers = got(
        broken,
        *("/", "/?verdict=trouble", "/healthz", "/metrics", "/api/history", "/history", compared),
        *runs,
    )
    assert [status for status, _ in answers[:6]] == [200] * 6
    assert answers[6][0] == 400
    statuses = {address: status for address, (status, _) in zip(runs, answers[7:], strict=True)}
    assert statuses[f"/runs/{run_id(1)}"] == statuses[f"/api/runs/{run_id(6)}"] == 200
    assert statuses[f"/runs/{run_id(3)}"] == 400
    assert statuses[f"/runs/{run_id(7)}"] == 404
    for _, text in answers:
        assert str(broken) not in text
        assert str(broken.parent) not in text
        assert "Traceback" not in text


def test_markup_in_a_name_stays_text(broken: Path) -> None:
    answers = got(broken, "/", f"/runs/{run_id(6)}", f"/compare?run={run_id(1)}&run={run_id(6)}")
    for status, text in answers:
        assert status == 200
        assert "<img src=x" not in text
    assert clean(HOSTILE).replace("<", "&lt;").split(">")[0] in answers[0][1]


@pytest.mark.parametrize(
    "run",
    ["..", "../..", "%2e%2e%2f%2e%2e", "latest", "20261123T101500Z-..%2f..", "%00", "a" * 300],
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, run: str) -> None:
    results = tmp_path / "results"
    write(results, 1, jitter(1))
    for status, text in got(
        results,
        f"/runs/{run}",
        f"/api/runs/{run}",
        f"/api/compare?base={run}&candidate={run_id(1)}",
    ):
        assert status in {404, 400, 200}
        assert "schema" not in text


def test_what_is_not_there_is_named_with_what_is(tmp_path: Path) -> None:
    (page, api) = got(tmp_path, "/nothing", "/api/nothing")
    assert (page[0], api[0]) == (404, 404)
    assert "there is no page /nothing: there are / with all runs, /history" in page[1]
    said = "there is no /api/nothing: /api/openapi.json says what there is"
    assert json.loads(api[1])["detail"] == said


def test_pages_ask_for_nothing_that_is_not_served(tmp_path: Path) -> None:
    write(tmp_path, 1, jitter(1))
    ((_, text),) = got(tmp_path, "/")
    needed = re.findall(r'(?:src|href)="(/static/[^"]+)"', text)
    assert len(needed) == 2
    answers = got(tmp_path, *needed, "/static/000000000000/dashboard.js", "/static/x/guard.py")
    assert [status for status, _ in answers] == [200, 200, 404, 404]
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert passing().title in text or "guizhou" in text


@pytest.mark.parametrize(("measured", "has_limit"), [({"value": None}, True), (None, False)])
def test_what_was_not_measured_is_not_called_lost(
    measured: dict[str, None] | None, has_limit: bool
) -> None:
    data = json.loads(dump_record(passing()))
    for path in data["paths"]:
        path["verdicts"] = [{**each, "measured": measured} for each in path["verdicts"]]
    first = row_of_data("r", data).paths[0]
    assert (first.value, first.limit is not None) == (None, has_limit)


def test_a_figure_of_the_list_has_its_name() -> None:
    rows = [path.called for path in row_of_record(passing()).paths]
    assert rows
    assert set(rows) == {"RTT p95"}


@pytest.mark.parametrize("name", ["r", "runs", "the"])
def test_a_sentence_keeps_the_words_that_are_called_as_the_folder_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    catalog = Catalog(Path(name))
    said = "compare: tick two runs or more in the list, then compare them"
    assert catalog.worded(ValueError(said)) == said
    place = tmp_path / name
    told = ValueError(f"{place}: not a directory; {place}/1/run.json: none; {place}-2 stays")
    assert catalog.worded(told) == (
        f"the folder: not a directory; 1/run.json: none; {place}-2 stays"
    )
