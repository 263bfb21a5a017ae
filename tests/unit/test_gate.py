"""What a gate says: budgets and comparison to one word; a regression is confirmed before it counts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest
from sample_records import failing, interrupted, passing, unfit

from benchkit.cli.gate import STATUS
from benchkit.model.comparison import GATE_VERDICTS, Cell, Comparison
from benchkit.reports.comparison import COMPARISON_FORMATS, render_gate
from benchkit.stats.gate import confirmed, gate


def cell(word: str, path: str = "a-b", **changes: object) -> Cell:
    whole = Cell(path, "rtt", "idle", "p95", "ms", word, "why", True, True, smallest_visible=0.3)
    return replace(whole, **changes)  # type: ignore[arg-type]


def compared(*cells: Cell, **changes: object) -> Comparison:
    whole = Comparison(("one",), ("two",), cells[0].word, cells)
    return replace(whole, **changes)  # type: ignore[arg-type]


SAME, WORSE = cell("no difference seen"), cell("regression")


def test_kept_budgets_and_no_difference_pass() -> None:
    assert gate(passing(), compared(SAME)).verdict == "pass"
    assert gate(passing()).verdict == "pass"


def test_a_failed_budget_fails_whatever_the_baseline_says() -> None:
    found = gate(failing(), compared(SAME))
    assert found.verdict == "fail"
    assert "guiyang-shenzhen, rtt p95, budget" in found.reasons[0]


def test_a_regression_fails_and_is_named() -> None:
    found = gate(passing(), compared(SAME, WORSE))
    assert found.verdict == "fail"
    assert found.reasons == ("a-b, rtt p95: regression: why",)


def test_an_advisory_regression_does_not_fail() -> None:
    assert gate(passing(), compared(SAME, cell("regression", gated=False))).verdict == "pass"


def test_an_improvement_passes() -> None:
    assert gate(passing(), compared(cell("improvement"))).verdict == "pass"


def test_a_missing_cell_fails() -> None:
    gone = cell("not comparable", missing="candidate", smallest_visible=None)
    assert gate(passing(), compared(SAME, gone)).verdict == "fail"


def test_what_is_not_comparable_is_inconclusive_even_where_cells_are_missing() -> None:
    gone = cell("not comparable", missing="candidate", smallest_visible=None)
    found = gate(passing(), compared(gone, differs=("kernel: base 6.1; candidate 6.18",)))
    assert found.verdict == "inconclusive"
    assert "kernel" in found.reasons[0]


def test_a_cell_without_an_interval_is_inconclusive() -> None:
    assert (
        gate(passing(), compared(cell("no difference seen", smallest_visible=None))).verdict
        == "inconclusive"
    )


def test_nothing_in_common_is_inconclusive() -> None:
    new = cell("not comparable", missing="base", gated=False)
    assert gate(passing(), compared(new)).verdict == "inconclusive"


def test_nothing_to_judge_by_is_inconclusive() -> None:
    whole = passing()
    paths = tuple(replace(path, verdicts=()) for path in whole.paths)
    assert gate(replace(whole, paths=paths)).verdict == "inconclusive"
    assert gate(replace(whole, paths=paths), compared(SAME)).verdict == "pass"


def test_an_interrupted_run_does_not_pass() -> None:
    assert gate(interrupted(), compared(SAME)).verdict == "inconclusive"


def test_an_unfit_machine_is_said_before_anything_else() -> None:
    found = gate(unfit(), compared(WORSE))
    assert found.verdict == "unfit"
    assert found.reasons[0] == unfit().unfit[0]


def test_every_verdict_has_the_exit_status_of_the_design() -> None:
    assert set(STATUS) == set(GATE_VERDICTS)
    assert STATUS == {"pass": 0, "fail": 1, "inconclusive": 3, "unfit": 5}


def test_nothing_is_measured_again_where_nothing_failed() -> None:
    def never(_: Collection[str]) -> Comparison:
        raise AssertionError

    advisory = cell("regression", gated=False)
    assert confirmed(compared(SAME, advisory), never) == compared(SAME, advisory)


@pytest.mark.parametrize(
    ("again", "word"),
    [
        (WORSE, "regression"),
        (SAME, "no difference seen"),
        (cell("not comparable", missing="candidate"), "regression"),
    ],
)
def test_a_regression_counts_when_a_second_measurement_agrees(again: Cell, word: str) -> None:
    asked: list[Collection[str]] = []

    def remeasure(paths: Collection[str]) -> Comparison:
        asked.append(paths)
        return compared(again)

    first = compared(WORSE, cell("no difference seen", "a-c"))
    found = confirmed(first, remeasure)
    assert asked == [("a-b",)]
    assert found.word == found.cells[0].word == word
    assert found.cells[1] == first.cells[1]
    assert "measured again" in found.cells[0].reason
    assert gate(passing(), found).verdict == ("fail" if word == "regression" else "pass")


@pytest.mark.parametrize("form", COMPARISON_FORMATS)
def test_every_format_says_the_verdict_and_why(form: str) -> None:
    text = render_gate(gate(failing(), compared(WORSE)), form)
    assert "fail" in text.lower()
    assert "regression" in text
    assert failing().run in text
