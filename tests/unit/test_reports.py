"""Reports of a run: as reviewed, in every format, whatever the record holds."""

from __future__ import annotations

import csv
import io
import itertools
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_records import SAMPLE_RECORDS, failing, interrupted, passing, unfit

from benchkit.errors import AskedWronglyError
from benchkit.model.record import (
    TRIED_AGAIN,
    Estimate,
    Instrument,
    Metric,
    PathRecord,
    RunRecord,
    Verdict,
)
from benchkit.reports import FORMATS, render
from benchkit.reports.chart import Scale, lane
from benchkit.reports.figures import ABSENT, cells, clean
from benchkit.reports.rows import rows_of

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
ENDINGS = {
    "text": "txt",
    "full": "full.txt",
    "markdown": "md",
    "json": "json",
    "csv": "csv",
    "junit": "junit.xml",
    "github-summary": "github.md",
    "github-annotations": "github.txt",
    "benchmark-action-smaller": "smaller.json",
    "benchmark-action-bigger": "bigger.json",
    "bencher": "bencher.json",
    "pytest-benchmark": "pytest-benchmark.json",
    "hgrm": "hgrm",
    "matrix": "matrix.csv",
    "openmetrics": "openmetrics.txt",
}
HOSTILE = 'a|b\nc`*<script>\x1b[31m\x00,"d"\u202e'
names = st.sampled_from(["guiyang-guangzhou", "a", HOSTILE, "贵阳-广州", ""])
maybe = st.none() | st.floats(-1e6, 1e6)
estimates = st.builds(Estimate, maybe, maybe, maybe)
statistics = st.sampled_from(["p50", "p95", "p99.9", "max"])
metrics = st.builds(
    Metric,
    st.sampled_from(["rtt", "http", "goodput", "loss", "novel"]),
    st.sampled_from(["idle", "up", "down", HOSTILE]),
    st.sampled_from(["ms", "Mbit/s"]),
    n=st.integers(0, 10**9),
    lost=st.integers(0, 10),
    floor=maybe,
    model=maybe,
    configured=maybe,
    percentiles=st.dictionaries(statistics, estimates),
    estimate=st.none() | estimates,
    limited_by=st.none() | names,
    details=st.dictionaries(st.just("window_KiB"), st.floats(0, 9)),
)
verdicts = st.builds(
    Verdict,
    st.sampled_from(["rtt", "goodput", "none of these"]),
    statistics,
    st.floats(-1e6, 1e6),
    st.just("ms"),
    st.sampled_from(["pass", "fail", "inconclusive", "unfit", "novel"]),
    names,
    st.none() | names,
    st.none() | estimates,
    maybe,
)
paths = st.builds(
    PathRecord,
    names,
    names,
    names,
    st.sampled_from(["pass", "fail"]),
    st.lists(metrics, max_size=4).map(tuple),
    st.lists(verdicts, max_size=2).map(tuple),
)
records = st.builds(
    lambda found, marks: replace(passing(), paths=tuple(found), **marks),
    st.lists(paths, max_size=2),
    st.fixed_dictionaries(
        {
            "interrupted": st.booleans(),
            "unfit": st.lists(names, max_size=2).map(tuple),
            "verdict": st.sampled_from(["pass", "fail", "unfit", "inconclusive"]),
            "name": st.none() | names,
            "environment": st.just({"load": [1, 2], "cpu": {"cores": 2, "busy_percent": 3.5}}),
        }
    ),
)


def parsed(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def hostile() -> RunRecord:
    """A passing run in which every name is out to break the report."""
    whole = passing()
    only = replace(whole.paths[0], path=HOSTILE, near=HOSTILE, model={HOSTILE: HOSTILE})
    named = replace(whole, paths=(only,), title=HOSTILE, name=HOSTILE, command=HOSTILE)
    return replace(named, notes=(HOSTILE,), environment={HOSTILE: HOSTILE})


@pytest.mark.parametrize(("name", "form"), list(itertools.product(SAMPLE_RECORDS, FORMATS)))
def test_the_whole_report_is_as_reviewed(
    name: str, form: str, golden: Callable[[str, str], None]
) -> None:
    golden(f"report-{name}.{ENDINGS[form]}", render(SAMPLE_RECORDS[name](), form))


@pytest.mark.parametrize("form", FORMATS)
@given(record=records)
@settings(max_examples=60, deadline=None)
def test_no_record_breaks_a_format(form: str, record: RunRecord) -> None:
    assert render(record, form).endswith("\n")


@given(record=records)
@settings(deadline=None)
def test_csv_parses_back_to_every_row_with_one_line_each(record: RunRecord) -> None:
    text = render(record, "csv")
    rows = list(rows_of(record))
    assert len(text.splitlines()) == 1 + len(rows)
    for found, row in zip(parsed(text), rows, strict=True):
        assert found["path"] == clean(row.path)
        assert found["statistic"] == clean(row.statistic)
        value = row.estimate.value
        assert (
            found["value"] == ""
            if value is None
            else float(found["value"]) == pytest.approx(value, 1e-5)
        )


@pytest.mark.parametrize("name", SAMPLE_RECORDS)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_of_text_is_wider_than_asked(name: str, width: int) -> None:
    lines = render(SAMPLE_RECORDS[name](), "text", width=width).splitlines()
    tables = [line for line in lines if "±" in line or "tolerance" in line]
    assert [line for line in lines if cells(line) > width and line not in tables] == []


@pytest.mark.parametrize(
    ("record", "word"),
    [
        (passing(), "PASS: 3 of 3 paths keep their promises"),
        (failing(), "FAIL: 1 of 3 paths breaks its promise: guiyang-shenzhen"),
        (interrupted(), "INTERRUPTED: stopped after 1.25 s, what was measured is kept"),
        (unfit(), "UNFIT: this machine could not be trusted to measure: calibration of"),
        (replace(unfit(), interrupted=True), "INTERRUPTED, UNFIT: this machine"),
        (replace(passing(), paths=passing().paths[:1]), "PASS: 1 of 1 path keeps its promise"),
        (
            replace(passing(), verdict="inconclusive", paths=()),
            "INCONCLUSIVE: no budget was judged",
        ),
    ],
)
@pytest.mark.parametrize("form", ["text", "markdown"])
def test_the_first_line_says_what_became_of_the_run(
    record: RunRecord, word: str, form: str
) -> None:
    first = " ".join(render(record, form, width=200).splitlines()[0].removeprefix("## ").split())
    assert first.startswith(word)


def test_an_unfit_report_tells_each_miss_once_and_its_remedy_once() -> None:
    record = unfit()
    (path,) = record.paths
    other = replace(path, path="guiyang-shenzhen", metrics=())
    told = replace(path.verdicts[0], reason=record.unfit[0])
    paths = (replace(path, verdicts=(told,)), replace(other, verdicts=(told,)))
    tried = f"{record.unfit[0]}{TRIED_AGAIN}"
    record = replace(record, paths=paths, notes=(tried, "a note"))
    for form in ("text", "markdown"):
        text = " ".join(render(record, form, width=120).split())
        misses = [each.miss for each in record.calibration if not each.within]
        assert [text.count(miss) for miss in misses] == [1] * len(misses)
        assert text.count("free a core and run again") == 1
        assert "this run is unfit" in text
        assert TRIED_AGAIN not in text
        assert "a note" in text
    brief, full = (render(record, form, width=120) for form in ("text", "full"))
    assert brief.count("\nguiyang-shenzhen ─") == 0 < full.count("\nguiyang-shenzhen ─")
    whole = " ".join(full.split())
    assert all(whole.count(reason) > 0 for reason in record.unfit)
    assert tried in whole


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_what_was_emulated_is_called_modelled(form: str) -> None:
    assert "on one machine: modelled paths, not the operator's." in render(passing(), form)
    assert "nothing emulated" in render(interrupted(), form)
    assert "kernel uml" in render(replace(passing(), kernel="uml"), form)


def test_text_and_markdown_and_csv_show_the_same_p95() -> None:
    record = failing()
    assert "10.24  10.14..10.40" in render(record, "text")
    assert "10.24 (10.14..10.40)" in render(record, "markdown")
    (row,) = [row for row in parsed(render(record, "csv")) if row["verdict"] == "fail"]
    assert (row["statistic"], row["value"], row["limit"]) == ("p95", "10.242", "10.0")


def test_a_percentile_that_was_lost_is_a_word_and_in_csv_an_empty_field() -> None:
    assert re.search(rf"p99 +lost +15\.41\.\.{ABSENT}", render(failing(), "text"))
    rows = [row for row in parsed(render(failing(), "csv")) if row["path"] == "guiyang-hangzhou"]
    assert [row["value"] for row in rows if row["statistic"] == "p99"] == [""]


def test_a_budget_on_goodput_is_shown_at_the_goodput() -> None:
    whole = passing()
    verdict = Verdict(
        "goodput",
        "",
        900.0,
        "Mbit/s",
        "fail",
        "too little",
        None,
        Estimate(702.4, 655.0, 748.9),
        phase="down",
    )
    path = replace(whole.paths[0], verdicts=(verdict,))
    rows = parsed(render(replace(whole, paths=(path,)), "csv"))
    assert [(row["phase"], row["limit"]) for row in rows if row["limit"]] == [("down", "900.0")]
    assert "the limit is the user's" in render(replace(whole, paths=(path,)), "text")


def test_goodput_of_too_few_independent_rates_says_so() -> None:
    path = passing().paths[0]
    metrics = tuple(
        replace(one, estimate=Estimate(one.estimate.value, None, None))
        if one.metric == "goodput" and one.estimate
        else one
        for one in path.metrics
    )
    record = replace(passing(), paths=(replace(path, metrics=metrics),))
    words = "(too few independent tenths of a second for an interval)"
    assert words in " ".join(render(record, "full").split())
    assert words not in " ".join(render(passing(), "full").split())


def test_the_usual_report_says_what_became_of_datagrams() -> None:
    told = {"loss_percent": 29.31, "dropped_by_the_receiving_host": 12, "jitter_ms": 0.0123}
    udp = Metric("udp", "up", "Mbit/s", 202262, 59288, estimate=Estimate(836.7), details=told)
    path = replace(passing().paths[0], metrics=(udp,), verdicts=())

    def said(metric: Metric) -> str:
        record = replace(passing(), paths=(replace(path, metrics=(metric,)),))
        return " ".join(render(record, "text", width=200).split())

    words = "59288 of 202262 lost (29.31 %) · 12 dropped by the receiving host itself · jitter 0.0123 ms"
    assert words in said(udp)
    assert "0 of 100 lost" in said(Metric("udp", "up", "Mbit/s", 100, estimate=Estimate(9.5)))
    goodput = Metric("goodput", "up", "Mbit/s", 50, estimate=Estimate(836.7))
    assert "lost" not in said(goodput)


def test_an_interval_without_a_lower_end_is_drawn_with_an_arrow() -> None:
    scale = Scale(0.0, 30.0, 31)
    assert lane(scale, {}, Estimate(10.0, None, 20.0)) == "◀─────────●─────────┤"
    assert lane(scale, {}, Estimate(10.0, 5.0, 20.0)) == "     ├────●─────────┤"


def test_the_usual_report_shows_work_beside_what_the_path_allows_on_paper() -> None:
    run = passing()
    first, *others = run.paths
    moved = Metric(
        metric="completion",
        phase="data-set",
        unit="s",
        n=40,
        lost=0,
        estimate=Estimate(1.86),
        details={"on_paper_s": 1.775, "times_paper": 1.048},
    )
    asked = replace(
        first.metrics[0],
        metric="inference",
        phase="inference",
        details={"mean": 22.1, "on_paper": 21.27},
    )
    shown = render(
        replace(run, paths=(replace(first, metrics=(*first.metrics, moved, asked)), *others)),
        "text",
    )
    assert "1.86 s · on paper 1.775 s, 1.05 times that" in shown
    assert "inference: mean 22.10 ms · on paper 21.27 ms" in shown


def test_a_budget_on_loss_has_a_row_though_loss_is_counted_and_not_measured() -> None:
    whole = passing()
    verdict = Verdict(
        "loss", "mean", 0.1, "%", "fail", "too many", "lab:loss", Estimate(1.0, 0.8, 1.3)
    )
    path = replace(whole.paths[0], verdict="fail", verdicts=(*whole.paths[0].verdicts, verdict))
    record = replace(whole, verdict="fail", paths=(path,))
    (row,) = [row for row in parsed(render(record, "csv")) if row["metric"] == "loss"]
    assert (row["value"], row["limit"], row["verdict"]) == ("1.0", "0.1", "fail")
    assert "FAIL: too many [lab:loss]" in render(record, "text")


def test_of_two_budgets_on_one_figure_the_broken_one_is_shown() -> None:
    whole = passing()
    kept = whole.paths[0].verdicts[0]
    broken = replace(kept, verdict="fail", limit=8.0, headroom=-0.68)
    for order in ((kept, broken), (broken, kept)):
        record = replace(whole, paths=(replace(whole.paths[0], verdicts=order),))
        rows = parsed(render(record, "csv"))
        assert [row["limit"] for row in rows if row["verdict"]] == ["8.0"]
        assert "budget 8 ms (+1 budget)" in render(record, "text")


def test_markup_and_newlines_in_names_do_not_break_a_markdown_table() -> None:
    text = render(hostile(), "markdown")
    assert "\x1b" not in text
    assert "<script>" not in text.replace("\\<script\\>", "")
    widths = [
        len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if line.startswith("|")
    ]
    assert set(widths[:3]) == {4}


def test_a_name_cannot_steer_the_terminal() -> None:
    text = render(hostile(), "text")
    assert not {"\x1b", "\x00", "\u202e"} & set(text)


def test_without_colour_there_is_no_escape_and_with_colour_the_same_words() -> None:
    plain = render(failing(), "text")
    coloured = render(failing(), "text", color=True)
    assert "\x1b" not in plain
    assert "\x1b[1;31mFAIL" in coloured
    stripped = [line.rstrip() for line in ESCAPE.sub("", coloured).splitlines()]
    assert stripped == plain.splitlines()


def test_a_record_with_nothing_in_it_is_still_a_report() -> None:
    bare = replace(interrupted(), paths=(), interrupted=False, instrument=Instrument("user"))
    assert render(bare, "text").startswith("INCONCLUSIVE: no budget was judged")
    assert render(bare, "csv").count("\n") == 1


def test_an_unknown_format_names_those_there_are() -> None:
    with pytest.raises(AskedWronglyError, match="text, full, markdown, json, csv"):
        render(passing(), "yaml")


def test_plain_reports_import_neither_rich_nor_numpy_nor_pydantic() -> None:
    code = "import sys, benchkit.reports as r; sys.exit(bool({'rich', 'numpy', 'pydantic'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_run_of_which_nothing_answered_is_not_called_inconclusive() -> None:
    why = "nothing answers at far: is it up?"
    verdict = Verdict("rtt", "p95", 2.0, "ms", "inconclusive", why)
    path = PathRecord("here-far", "here", "far", "inconclusive", (), (verdict,))
    record = replace(passing(), verdict="inconclusive", paths=(path,), notes=(why,))
    said = render(record, "text")
    assert said.startswith("NOT MEASURED: nothing was measured on 1 path: here-far\n")
    assert "here-far  NOT MEASURED  RTT p95 not known, budget 2 ms" in said
    assert (said.count(why), said.count("INCONCLUSIVE")) == (1, 0)
