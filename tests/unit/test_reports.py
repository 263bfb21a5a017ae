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
    Estimate,
    Instrument,
    Metric,
    PathRecord,
    RunRecord,
    Verdict,
)
from benchkit.reports import FORMATS, render
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
    loss = replace(broken, metric="loss", percentile="")
    several = replace(whole, paths=(replace(whole.paths[0], verdicts=(kept, broken, loss)),))
    assert "(+2 budgets, 1 of them FAIL)" in " ".join(render(several, "text").split())
    nothing = replace(several, paths=(replace(several.paths[0], metrics=()),))
    assert "NOT MEASURED RTT p95" in " ".join(render(nothing, "text").split())
    assert "(+2 budgets)" in " ".join(render(nothing, "text").split())


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
