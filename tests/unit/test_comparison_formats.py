"""A comparison as people and programs read it."""

from __future__ import annotations

import json

import pytest
from comparisons import normal, questions

from benchkit.model.comparison import Cell, Comparison
from benchkit.model.comparison_json import dump_comparison
from benchkit.reports.comparison import COMPARISON_FORMATS, render_comparison
from benchkit.stats.comparison import gravest, judge_cells


@pytest.mark.parametrize("form", COMPARISON_FORMATS)
def test_every_format_says_the_word_and_the_runs(form: str) -> None:
    cells = judge_cells(questions([normal(1)], [normal(2) + 0.5]))
    comparison = Comparison(("one",), ("two",), gravest(cells), cells)
    text = render_comparison(comparison, form)
    assert "regression" in text.lower()
    assert "one" in text
    assert "two" in text
    assert text.endswith("\n")


def test_the_json_has_no_key_for_what_is_absent() -> None:
    cell = Cell(
        "a-b", "rtt", "idle", "p99", "ms", "not comparable", "x", True, True, missing="base"
    )
    written = json.loads(dump_comparison(Comparison(("a",), ("b",), "not comparable", (cell,))))
    assert next(iter(written)) == "schema"
    assert written["cells"][0]["missing"] == "base"
    assert "difference" not in written["cells"][0]


def test_names_cannot_break_a_table() -> None:
    cell = Cell("a|b\x1b[31m", "rtt", "idle", "p99", "ms", "regression", "a\nb", True, True)
    text = render_comparison(Comparison(("a",), ("b",), "regression", (cell,)), "markdown")
    assert "\x1b" not in text
    assert "a\\|b" in text


def test_where_nothing_changed_the_headline_says_what_could_have_been_seen() -> None:
    judged = questions([normal(1)], [normal(2)])
    text = render_comparison(
        Comparison(("a",), ("b",), "no difference seen", judge_cells(judged)), "text", width=300
    )
    first = text.splitlines()[0]
    assert first.startswith("NO DIFFERENCE SEEN: in 3 judged cells; smallest visible: RTT p50 0.")
    assert first.count(" ms") == 3
    shown = float(first.partition("RTT p99 ")[2].partition(" ms")[0])
    assert shown == pytest.approx(judge_cells(judged)[2].smallest_visible, rel=0.05)


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_the_answer_says_how_sides_that_differ_are_compared_all_the_same(form: str) -> None:
    def said(*differs: str) -> str:
        answer = Comparison(("a",), ("b",), "not comparable", (), differs=differs)
        return " ".join(render_comparison(answer, form, width=200).split())

    kernel, cores = "kernel: base 6.1; candidate 6.18", "cores: base 2; candidate 4"
    assert "remedy: --despite kernel --despite environment compares them all the same" in said(
        kernel, cores
    )
    assert "remedy" not in said(kernel, "run b was interrupted")
    assert "remedy" not in said()
