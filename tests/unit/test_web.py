"""The dashboard without a browser: every answer, every kind of broken run, and who may ask."""

from __future__ import annotations

import asyncio
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from dashboards import asked, got, page_of
from multidict import MultiDict
from sample_records import passing
from synthetic_runs import jitter, record_of, run_id, write, write_many

from benchkit.clock import monotonic_ns
from benchkit.model.record_json import dump_record
from benchkit.reports.figures import clean
from benchkit.store import mirror, write_run
from benchkit.store.mirror_folder import mirror_of
from benchkit.web import application as web_application
from benchkit.web.catalog import CHECK_NS, Catalog
from benchkit.web.query import answer, query_of
from benchkit.web.row import Row, row_of_data

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


def test_the_list_filters_searches_orders_and_pages(tmp_path: Path) -> None:
    write_many(tmp_path, range(1, 6))
    write(tmp_path, 6, jitter(6) + 3.0)
    named = replace(record_of(jitter(7), run_id(7)), name="after the new fibre", target="other")
    write(tmp_path, 7, jitter(7), record=named)
    assert page_of(tmp_path)["matched"] == 7
    assert [row["run"] for row in page_of(tmp_path, "verdict=fail")["runs"]] == [run_id(6)]
    assert [row["run"] for row in page_of(tmp_path, "q=NEW+fibre")["runs"]] == [run_id(7)]
    assert page_of(tmp_path, "q=guiyang-guangzhou")["matched"] == 7
    assert page_of(tmp_path, "target=other")["matched"] == 1
    second = page_of(tmp_path, "limit=2&offset=2")
    assert [row["run"] for row in second["runs"]] == [run_id(5), run_id(4)]
    assert [row["run"] for row in page_of(tmp_path, "order=started&limit=1")["runs"]] == [run_id(1)]
    assert second["targets"] == {"guizhou": 6, "other": 1}


@pytest.mark.parametrize(
    "parameters",
    [
        "limit=0",
        "limit=x",
        "limit=501",
        "offset=-1",
        "verdict=good",
        "order=size",
        "offset=²",
        "since=yesterday",
        "until=2026-02-32",
        "since=23.11.2026",
        "since=2026-1",
    ],
)
def test_a_parameter_that_means_nothing_is_refused_in_words(
    tmp_path: Path, parameters: str
) -> None:
    ((status, text),) = got(tmp_path, f"/api/runs?{parameters}")
    assert status == 400
    assert parameters.split("=", maxsplit=1)[0] in json.loads(text)["detail"]


def test_since_and_until_take_beginnings() -> None:
    catalog_rows = [
        Row(run=day, state="kept", started=f"{day}T10:00:00+00:00")
        for day in ("2026-01-01", "2026-01-02", "2026-01-03")
    ]
    found = answer(query_of(MultiDict(since="2026-01-02", until="2026-01-02")), catalog_rows)
    assert [row.started[:10] for row in found.rows] == ["2026-01-02"]
    exact = {"since": "2026-01-02T10:00:00+00:00", "until": "2026-01-03 09:59"}
    found = answer(query_of(MultiDict(exact)), catalog_rows)
    assert [row.started[:10] for row in found.rows] == ["2026-01-02"]


def test_what_is_not_there_is_named_with_what_is(tmp_path: Path) -> None:
    (page, api) = got(tmp_path, "/nothing", "/api/nothing")
    assert (page[0], api[0]) == (404, 404)
    assert "there is no page /nothing: there are / with all runs, /history" in page[1]
    said = "there is no /api/nothing: /api/openapi.json says what there is"
    assert json.loads(api[1])["detail"] == said


def test_a_run_that_comes_a_run_that_goes_and_one_that_changes_are_seen(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    assert catalog.look().rows == ()
    write(tmp_path, 1, jitter(1))
    write(tmp_path, 2, jitter(2))
    assert [row.run for row in catalog.look().rows] == [run_id(2), run_id(1)]
    record = tmp_path / run_id(2) / "run.json"
    record.chmod(0o644)
    record.write_text("{}")
    catalog._checked_ns = -(10**12)
    assert catalog.look().rows[0].state == "damaged"
    (tmp_path / run_id(1)).rename(tmp_path / "elsewhere")
    assert [row.run for row in catalog.look().rows] == [run_id(2)]


def test_records_are_checked_in_turn_and_not_all_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_many(tmp_path, range(1, 11))
    catalog = Catalog(tmp_path)
    catalog.look(budget_ns=10**11)
    looked: list[str] = []
    stamp = Catalog._stamp
    monkeypatch.setattr(Catalog, "_stamp", lambda self, run: looked.append(run) or stamp(self, run))
    for at_most in (3, 6, 9, 12):
        catalog._checked_ns = monotonic_ns() - CHECK_NS // 5
        catalog.look()
        assert len(looked) <= at_most
    for _ in range(2):
        catalog._checked_ns = monotonic_ns() - CHECK_NS // 5
        catalog.look()
    assert set(looked) == {run_id(number) for number in range(1, 11)}


@pytest.mark.parametrize("order", ["name", "-name"])
def test_runs_alike_stand_by_their_time(order: str) -> None:
    rows = [Row(run=f"{number}", state="kept", name="alike") for number in (3, 2, 1)]
    found = [row.run for row in answer(query_of(MultiDict(order=order)), rows).rows]
    assert found == (["3", "2", "1"] if order == "-name" else ["1", "2", "3"])


def test_what_is_not_read_yet_is_a_row_and_comes_newest_first(tmp_path: Path) -> None:
    write_many(tmp_path, range(1, 4))
    catalog = Catalog(tmp_path)
    listing = catalog.look(budget_ns=0)
    assert (listing.unread, [row.state for row in listing.rows]) == (3, ["unread"] * 3)
    assert listing.rows[0].target == "guizhou"
    assert catalog.look().unread == 0


def test_pages_ask_for_nothing_that_is_not_served(tmp_path: Path) -> None:
    write(tmp_path, 1, jitter(1))
    ((_, text),) = got(tmp_path, "/")
    needed = re.findall(r'(?:src|href)="(/static/[^"]+)"', text)
    assert len(needed) == 2
    answers = got(tmp_path, *needed, "/static/000000000000/dashboard.js", "/static/x/guard.py")
    assert [status for status, _ in answers] == [200, 200, 404, 404]
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert passing().title in text or "guizhou" in text


def test_runs_that_live_at_a_url_come_into_the_list_as_they_are_uploaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOOK_S", "PULL_S"):
        monkeypatch.setattr(web_application, name, 0.02)
    url = f"file://{tmp_path}/archive/runs"
    folders = {}
    for machine in ("here", "there"):
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / machine))
        folders[machine] = mirror_of(url)
    here, there = folders["here"], folders["there"]

    def upload(number: int) -> None:
        write(here, number, jitter(number))
        mirror.push(here, here / run_id(number))

    async def ask(client: TestClient[Any, Any]) -> str:
        for number in (1, 2):
            upload(number)
            for _ in range(1000):
                if run_id(number) in await (await client.get("/api/runs")).text():
                    break
                await asyncio.sleep(0.02)
            assert run_id(number) in await (await client.get("/api/runs")).text()
        assert not (there / run_id(2) / "samples").exists()
        return await (await client.get(f"/runs/{run_id(2)}")).text()  # it wants the samples

    page = asked(there, ask)
    assert "raw samples of this run are not at hand" not in page
    assert (there / run_id(2) / "samples" / "rtt.parquet").exists()


@pytest.mark.parametrize(("measured", "has_limit"), [({"value": None}, True), (None, False)])
def test_what_was_not_measured_is_not_called_lost(
    measured: dict[str, None] | None, has_limit: bool
) -> None:
    data = json.loads(dump_record(passing()))
    for path in data["paths"]:
        path["verdicts"] = [{**each, "measured": measured} for each in path["verdicts"]]
    first = row_of_data("r", data).paths[0]
    assert (first.value, first.limit is not None) == (None, has_limit)


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


def test_the_list_calls_runs_and_paths_what_their_report_calls_them(tmp_path: Path) -> None:
    runs = [record_of(jitter(number), run_id(number)) for number in (1, 2, 3)]
    silent = [replace(each, verdict="inconclusive", metrics=()) for each in runs[0].paths]
    unjudged = [replace(each, verdict="inconclusive", verdicts=()) for each in runs[1].paths]
    for record, paths in ((runs[0], silent), (runs[1], unjudged), (runs[2], runs[2].paths)):
        verdict = paths[0].verdict
        write_run(tmp_path, replace(record, paths=tuple(paths), verdict=verdict), [])
    page, api = got(tmp_path, "/", "/api/runs")
    rows = json.loads(api[1])["runs"]
    assert [row["word"] for row in rows] == ["PASS", "INCONCLUSIVE", "NOT MEASURED"]
    assert [row["paths"][0]["word"] for row in rows] == ["PASS", "NOT JUDGED", "NOT MEASURED"]
    assert '<span class="chip v-none">' in page[1]
    assert re.search(r'<tr class="v-none">\s*<td>.*</td>\s*<td class="word">NOT MEASURED', page[1])
