"""The dashboard's page of a history: what can be chosen on it, and where its runs open."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

from dashboards import got
from sample_records import passing, unfit
from synthetic_runs import jitter, record_of, run_id, write, write_many

from benchkit.campaign.history import Wanted, histories
from benchkit.reports.html.history_charts import history_chart
from benchkit.store import write_run


def links(page: str) -> dict[str, list[str]]:
    """The choices of a page by the name of their row."""
    (nav,) = re.findall(r'<nav class="choices".*?</nav>', page, re.DOTALL)
    return {
        name: [unescape(each) for each in re.findall(r'href="(.*?)"', row)]
        for name, row in re.findall(r'<span class="muted">(\w+)</span>(.*?)</p>', nav, re.DOTALL)
    }


def test_every_choice_on_the_page_is_one_that_the_runs_have(tmp_path: Path) -> None:
    write_many(tmp_path, (1, 2))
    whole = replace(passing(), run=run_id(3), target="mine")
    write_run(tmp_path, whole, ())
    ((status, page),) = got(tmp_path, "/history")
    assert status == 200
    rows = links(page)
    assert rows["target"] == ["/history?target=guizhou", "/history?target=mine"]
    assert len(rows["metric"]) == len({each.metric for each in whole.paths[0].metrics})
    answers = got(tmp_path, *(link for row in rows.values() for link in row))
    assert {status for status, _ in answers} == {200}


def test_a_target_without_round_trips_shows_what_it_has(tmp_path: Path) -> None:
    whole = passing()
    (path, *_) = whole.paths
    rates = replace(path, metrics=path.metrics[-1:])
    write_run(tmp_path, replace(whole, run=run_id(1), paths=(rates,)), ())
    ((status, text), (missing, why)) = got(
        tmp_path, "/api/history", "/api/history?metric=udp&phase=up"
    )
    assert status == 200
    (found,) = json.loads(text)["histories"]
    assert (found["metric"], found["phase"], found["statistic"]) == ("goodput", "down", "mean")
    assert (missing, json.loads(why)["detail"]) == (
        400,
        "history: no run of guizhou has udp up mean: there are goodput",
    )


def test_runs_open_from_a_history_and_a_comparison_and_an_unfit_one_is_marked(
    tmp_path: Path,
) -> None:
    write_many(tmp_path, range(1, 4))
    bad = replace(record_of(jitter(4), run_id(4)), verdict="unfit", unfit=unfit().unfit)
    write(tmp_path, 4, jitter(4), record=bad)
    (_, page), (_, compared) = got(
        tmp_path, "/history", f"/compare?run={run_id(1)}&run={run_id(2)}"
    )
    assert all(f'<a href="/runs/{run_id(n)}">{run_id(n)}</a>' in page for n in range(1, 5))
    assert all(f'<a href="/runs/{run_id(n)}">' in compared for n in (1, 2))
    assert "1 path over 4 runs, of them 1 unfit, left out of the levels" in page
    assert '<td class="v-unfit">unfit</td>' in page


def test_the_chart_has_unfit_runs_apart() -> None:
    fit = record_of(jitter(1), run_id(1))
    bad = replace(record_of(jitter(2), run_id(2)), verdict="unfit", unfit=unfit().unfit)
    (found,) = histories([fit, bad], Wanted())
    chart = history_chart(found, "key")
    assert chart is not None
    assert [name for name, _ in chart.series] == [
        "runs",
        "unfit or interrupted runs",
        "level",
        "budget",
    ]
    assert [len(chart.spec["datasets"][name]) for name in ("points", "unfit")] == [1, 1]


def test_an_interval_that_has_no_end_has_an_arrow_and_no_whisker() -> None:
    few, many = (record_of(jitter(n, n=size), run_id(n)) for n, size in ((1, 50), (2, 2000)))
    (found,) = histories([few, many], Wanted(statistic="p99"))
    chart = history_chart(found, "key")
    assert chart is not None
    data = chart.spec["datasets"]
    assert [(each["p"], each["mark"]) for each in data["open"]] == [(run_id(1), "↑")]
    assert [each["p"] for each in data["intervals"]] == [run_id(2)]
