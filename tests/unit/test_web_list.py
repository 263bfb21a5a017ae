"""The dashboard's list of runs: what it holds, filters and orders, and how it follows a folder."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from dashboards import asked, got, page_of
from multidict import MultiDict
from synthetic_runs import jitter, record_of, run_id, write, write_many

from benchkit.clock import monotonic_ns
from benchkit.store import mirror, write_run
from benchkit.store.mirror_folder import mirror_of
from benchkit.web import application as web_application
from benchkit.web.catalog import CHECK_NS, Catalog
from benchkit.web.query import answer, query_of
from benchkit.web.row import Row


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
