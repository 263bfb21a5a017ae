"""Runs in order of time: where a level changed, what is missing, and what SQL may ask."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest
from sample_records import passing, unfit
from synthetic_runs import jitter, record_of, rtt_samples, run_id, write

from benchkit.campaign.history import Wanted, choices_of, histories, read_records, wanted_of
from benchkit.errors import AskedWronglyError
from benchkit.model.place import Budget
from benchkit.model.record import PathRecord, RunRecord
from benchkit.reports.history_text import HISTORY_FORMATS, render_histories, render_table
from benchkit.stats.latency import latency_metric
from benchkit.stats.verdicts import judge
from benchkit.store import write_run
from benchkit.store.sql import ask


def runs(count: int, *, slow_from: int, more_ms: float = 0.5) -> list[RunRecord]:
    return [
        record_of(jitter(seed, 400) + (more_ms if seed >= slow_from else 0), run_id(seed))
        for seed in range(count)
    ]


def test_a_history_names_the_run_that_changed_and_what_the_newest_is_beside_its_level() -> None:
    (found,) = histories(runs(16, slow_from=10), Wanted())
    assert [change.run for change in found.changes] == [run_id(10)]
    assert found.changes[0].after - found.changes[0].before == pytest.approx(0.5, abs=0.05)
    assert found.newest == "as expected from the 5 runs before"
    assert [point.level for point in found.points] == [0] * 10 + [1] * 6


def test_a_history_of_loss_counts_every_packet_that_was_due() -> None:
    values = jitter(1, 200)
    values[::20] = np.inf
    whole = record_of(values, run_id(1))
    (path,) = whole.paths
    metrics = [replace(each, n=400, unstamped=200) for each in path.metrics[:1]]
    record = replace(whole, paths=(replace(path, metrics=tuple(metrics)),))
    (found,) = histories([record], Wanted(statistic="loss"))
    estimate = found.points[0].estimate
    assert estimate is not None
    assert estimate.value == pytest.approx(2.5)  # 10 of 400, stamped or not


def test_a_newest_run_that_stands_out_is_unconfirmed_and_no_change() -> None:
    (found,) = histories(runs(12, slow_from=11), Wanted())
    assert found.changes == ()
    assert found.newest.startswith("unconfirmed: outside of what the 11 runs before")


def test_a_change_says_what_else_changed_with_it() -> None:
    records = runs(16, slow_from=10)
    records = [
        replace(each, emulator="netem") if index >= 10 else each
        for index, each in enumerate(records)
    ]
    (found,) = histories(records, Wanted())
    assert found.changes[0].beside == ("emulator: base userspace; candidate netem",)


def test_a_budget_on_inference_is_drawn_beside_each_workload_that_infers() -> None:
    (record, *rest) = runs(6, slow_from=99)
    (path,) = record.paths
    metric, intervals = latency_metric("inference", "ask", jitter(1, 400) * 1e6)
    verdict = judge(Budget("inference", 9.0, "ms", "p95"), intervals["p95"], n=400, phase="ask")
    judged = replace(path, metrics=(metric,), verdicts=(verdict,))
    records = [replace(record, paths=(judged,)), *rest]
    (found,) = histories(records, Wanted(metric="inference", phase="ask"))
    assert found.points[0].limit == 9.0


def test_a_run_without_the_figure_is_a_gap_and_never_filled() -> None:
    records = runs(6, slow_from=99)
    records[2] = replace(records[2], paths=())
    lossy = jitter(3, 400)
    lossy[::10] = np.inf
    records[3] = record_of(lossy, run_id(3))
    records[4] = replace(unfit(), run=run_id(4))
    (found,) = histories(records, Wanted())
    assert [point.state for point in found.points] == [
        *("measured", "measured", "missing", "lost", "unfit", "measured")
    ]
    assert [point.level for point in found.points] == [0, 0, None, None, None, 0]
    shown = found.points[4].estimate
    assert shown is not None  # as the list of runs shows it
    assert shown.value is not None
    text = render_histories([found], "text")
    assert f"{run_id(4)}  {shown.value:9.2f}  unfit\n" in text
    assert "6 runs, of them 1 unfit" in text
    assert f"{shown.value:.2f} (unfit)" in render_histories([found], "markdown")
    (newest,) = histories(records[:5], Wanted())
    assert newest.newest == "unfit, and left out of the levels"


def test_an_interrupted_run_is_shown_and_no_part_of_a_level_as_no_gate_compares_with_it() -> None:
    records = runs(4, slow_from=99)
    records[1] = replace(unfit(), run=run_id(1))
    records[3] = replace(records[3], interrupted=True)
    (found,) = histories(records, Wanted())
    assert [point.state for point in found.points] == [
        *("measured", "unfit", "measured", "interrupted")
    ]
    assert [point.level for point in found.points] == [0, None, 0, None]
    assert found.newest == "interrupted, and left out of the levels"
    text = render_histories([found], "text")
    assert "4 runs, of them 1 unfit and 1 interrupted" in text
    assert "interrupted\n" in text


@pytest.mark.parametrize(
    ("wanted", "target", "said"),
    [
        (Wanted(), "nowhere", "no run of target nowhere"),
        (Wanted(paths=("a-b",)), None, "has path a-b"),
        (Wanted(metric="http"), None, "has http idle p95"),
    ],
)
def test_what_is_not_there_is_an_error_with_its_remedy(
    wanted: Wanted, target: str | None, said: str
) -> None:
    with pytest.raises(AskedWronglyError, match=said):
        histories(runs(2, slow_from=99), wanted, target)


def test_runs_that_are_all_unfit_are_said_to_be_and_one_run_is_one() -> None:
    unfits = [replace(unfit(), run=run_id(number)) for number in range(2)]
    (found,) = histories(unfits, Wanted())
    assert [point.state for point in found.points] == ["unfit", "unfit"]
    assert (found.changes, found.apart) == ((), "2 unfit")
    with pytest.raises(AskedWronglyError, match="has rtt idle p95: they measured nothing"):
        histories([replace(each, paths=_emptied(each)) for each in unfits], Wanted())
    text = render_histories(histories(runs(1, slow_from=9), Wanted()), "text")
    assert ": 1 run, no change" in text
    assert "1 run at this level is too few" in text


@pytest.mark.parametrize("form", HISTORY_FORMATS)
def test_every_format_has_every_run(form: str) -> None:
    text = render_histories(histories(runs(16, slow_from=10), Wanted()), form)
    assert all(run_id(number) in text for number in range(16))
    assert form == "csv" or "as expected" in text


def _emptied(record: RunRecord) -> tuple[PathRecord, ...]:
    return tuple(replace(path, metrics=()) for path in record.paths)


def test_what_is_not_said_of_a_figure_is_what_the_runs_have() -> None:
    record = passing()
    (path, *_) = record.paths
    rates = replace(record, paths=(replace(path, metrics=path.metrics[-1:]),))
    (rate,) = rates.paths[0].metrics
    choices = choices_of([rates])
    assert wanted_of(choices) == Wanted(rate.metric, rate.phase, "mean")
    assert wanted_of(choices_of([record])) == Wanted()
    assert (
        wanted_of(choices, metric="rtt").metric == "rtt"
    )  # and then it is told that there is none
    assert set(choices_of([record]).metrics()) == {each.metric for each in path.metrics}


def test_a_damaged_run_is_left_out_and_named(tmp_path: Path) -> None:
    write(tmp_path, 1, jitter(1))
    (tmp_path / run_id(2)).mkdir()
    records, damaged = read_records(tmp_path)
    assert [record.run for record in records] == [run_id(1)]
    assert run_id(2) in damaged[0]


def test_sql_reads_records_and_samples(tmp_path: Path) -> None:
    write(tmp_path, 1, jitter(1))
    write(tmp_path, 2, jitter(2))
    records, _ = read_records(tmp_path)
    found = ask(tmp_path, records, "select run, count(*) as n from rtt group by run order by run")
    assert found.columns == ("run", "n")
    assert found.rows == ((run_id(1), 2000), (run_id(2), 2000))
    p95 = ask(tmp_path, records, "select value from metrics where statistic = 'p95' order by run")
    expected = records[0].paths[0].metrics[0].percentiles["p95"].value
    assert p95.rows[0][0] == expected
    assert ask(tmp_path, records, 'select verdict, "limit" from verdicts').rows[0] == ("pass", 10.0)


def test_a_query_that_takes_more_memory_than_there_is_is_not_asked_wrongly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchkit.store.sql._CONFIG", {"memory_limit": "8MB", "temp_directory": ""})
    asked = "select list(a order by hash(a)) from range(5000000) as numbers(a)"
    with pytest.raises(MemoryError, match=r"^--sql: Out of Memory Error: [^\n]*$"):
        ask(tmp_path, [], asked)


def test_sql_sees_a_folder_whose_name_is_a_pattern(tmp_path: Path) -> None:
    odd = tmp_path / "a [b]'c"
    record = record_of(jitter(1), run_id(1))
    write_run(odd, record, [rtt_samples(jitter(1))])
    assert ask(odd, [record], "select count(*) from rtt").rows == ((2000,),)


@pytest.mark.parametrize(
    "sql",
    [
        *("", "select 1; select 2", "drop table runs", "create table x as select 1"),
        *("copy runs to 'x.csv'", "insert into runs select * from runs", "attach 'x.db'"),
        *("set threads = 1", "install httpfs", "load httpfs", "select * from nowhere", "selec 1"),
        *("select * from read_csv('/etc/passwd')", "select * from read_text('/etc/passwd')"),
    ],
)
def test_sql_that_writes_reaches_out_or_is_none_is_refused(tmp_path: Path, sql: str) -> None:
    records = runs(1, slow_from=99)
    with pytest.raises(AskedWronglyError, match="--sql"):
        ask(tmp_path, records, sql)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", HISTORY_FORMATS)
def test_an_answer_without_rows_still_has_its_columns(form: str) -> None:
    text = render_table(("a", "b"), (), form)
    assert form == "json" or "a" in text
    assert text.endswith("\n")


def test_the_sql_of_the_readme_reads_every_sample_of_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (sql,) = re.findall(r'duckdb -c "(select .*?)"', readme, re.DOTALL)
    latencies = jitter(2)
    latencies[:40] = np.inf  # 2 % are lost: beyond p99, which then is infinite
    for number, values in ((1, jitter(1)), (2, latencies)):
        write(tmp_path / "results", number, values)
    monkeypatch.chdir(tmp_path)
    with duckdb.connect() as connection:
        found = connection.execute(sql).fetchall()
    assert [row[:4] for row in found] == [
        (run_id(1), "guiyang-guangzhou", 2000, 0),
        (run_id(2), "guiyang-guangzhou", 2000, 40),
    ]
    assert found[0][4] == pytest.approx(float(np.quantile(jitter(1), 0.99)), abs=0.01)
    assert found[1][4] == float("inf")
