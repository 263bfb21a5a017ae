"""What a gate says: budgets and comparison to one word; a regression is confirmed before it counts."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from sample_records import failing, interrupted, passing, unfit

from benchkit.cli import comparing as cli
from benchkit.cli.gate import STATUS
from benchkit.model.comparison import GATE_VERDICTS, Cell, Comparison, Gate
from benchkit.model.probe import PLAN_PROBES
from benchkit.model.target import COMPARED
from benchkit.reports.comparison import GATE_FORMATS, render_gate
from benchkit.stats.comparison import FLOORS
from benchkit.stats.gate import confirmed, gate, suspects


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


def test_a_figure_without_a_percentile_is_named_without_a_gap() -> None:
    whole = failing()
    verdict = replace(whole.paths[0].verdicts[0], metric="loss", percentile="", verdict="fail")
    found = gate(replace(whole, paths=(replace(whole.paths[0], verdicts=(verdict,)),)), None)
    assert found.reasons[0].startswith(f"{whole.paths[0].path}, loss, budget: ")


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


def test_why_a_run_is_unfit_is_said_once() -> None:
    judged = tuple(
        replace(path, verdicts=tuple(replace(v, verdict="inconclusive") for v in path.verdicts))
        for path in unfit().paths
    )
    differs = (f"run two was measured on an unfit machine: {unfit().unfit[0]}",)
    found = gate(replace(unfit(), paths=judged), compared(SAME, differs=differs))
    assert found.reasons == unfit().unfit


def test_what_may_be_done_about_sides_that_differ_is_said_of_each() -> None:
    differs = (
        "target: base x 1; candidate x 2",
        "cores: base 2; candidate 4",
        "run one was interrupted",
    )
    found = gate(passing(), compared(SAME, differs=differs))
    target, cores, run = found.reasons
    assert target.endswith("candidate x 2; --despite target compares them all the same")
    assert "--despite environment" in cores
    assert "interrupted; leave it out: `benchkit baseline save NAME RUN" in run
    of_candidate = gate(passing(), compared(SAME, differs=("run two was interrupted",)))
    assert of_candidate.reasons[0].endswith("run two was interrupted")


def test_every_verdict_has_the_exit_status_of_the_design() -> None:
    assert set(STATUS) == set(GATE_VERDICTS)
    assert STATUS == {"pass": 0, "fail": 1, "inconclusive": 3, "unfit": 5}


def test_only_what_failed_is_suspect() -> None:
    missing = cell("not comparable", "a-d", missing="candidate")
    advisory = cell("regression", "a-c", gated=False)
    lossy = replace(WORSE, statistic="loss", unit="%")
    found = suspects(gate(failing(), compared(WORSE, lossy, advisory, missing)))
    assert found is not None
    assert found.paths == ("guiyang-shenzhen", "a-b")
    assert found.probes == ("rtt",)
    assert found.keys == {WORSE.key, lossy.key}


@pytest.mark.parametrize(
    "first",
    [
        gate(passing(), compared(SAME, cell("regression", gated=False))),
        gate(passing(), compared(cell("not comparable", missing="candidate"))),
        gate(unfit(), compared(WORSE)),
    ],
)
def test_nothing_is_measured_again_that_could_not_be_cleared(first: Gate) -> None:
    assert suspects(first) is None


@pytest.mark.parametrize(
    ("again", "word", "verdict"),
    [
        (compared(WORSE), "regression", "fail"),
        (compared(SAME), "no difference seen", "pass"),
        (compared(cell("not comparable", missing="candidate")), "regression", "fail"),
        (compared(SAME, differs=("run x was measured on an unfit machine",)), "not comparable", "inconclusive"),
    ],
)  # fmt: skip
def test_a_regression_counts_when_a_second_measurement_agrees(
    again: Comparison, word: str, verdict: str
) -> None:
    comparison = compared(WORSE, cell("no difference seen", "a-c"))
    first = gate(passing(), comparison)
    found = confirmed(passing(), first, replace(passing(), run="second"), again)
    assert found.comparison is not None
    assert found.comparison.word == found.comparison.cells[0].word == word
    assert found.comparison.cells[1] == comparison.cells[1]
    assert "measured again" in found.comparison.cells[0].reason
    assert (found.verdict, found.again) == (verdict, "second")


def test_a_budget_that_fails_once_is_open_and_twice_is_broken() -> None:
    first = gate(failing())
    once = confirmed(failing(), first, passing(), None)
    assert once.verdict == "inconclusive"
    assert (
        "not confirmed when it was measured again: the p95 round trip is at most"
        in (once.reasons[0])
    )
    twice = confirmed(failing(), first, failing(), None)
    assert twice.verdict == "fail"
    assert "; confirmed when it was measured again" in twice.reasons[0]
    nothing = confirmed(failing(), first, replace(passing(), paths=()), None)
    assert nothing.verdict == "fail"


@pytest.mark.parametrize("form", GATE_FORMATS)
def test_every_format_says_the_verdict_and_why(form: str) -> None:
    text = render_gate(gate(failing(), compared(WORSE)), form)
    assert "fail" in text.lower()
    assert "regression" in text
    if form != "github-annotations":
        assert failing().run in text


def junit(answer: Gate) -> list[tuple[str, str, str]]:
    """(suite, case, outcome) of each case; every text repeats its message."""
    root = ET.fromstring(render_gate(answer, "junit"))  # noqa: S314  our own
    found = []
    for suite in root:
        for case in suite.iter("testcase"):
            inner = next((each for each in case if each.tag != "system-out"), None)
            assert inner is None or inner.text == inner.get("message")
            outcome = "pass" if inner is None else f"{inner.tag} {inner.get('type')}"
            found.append((suite.get("name") or "", case.get("name") or "", outcome))
    return found


def test_junit_has_a_case_for_each_budget_and_each_judged_cell() -> None:
    gone = cell("not comparable", statistic="p99", missing="candidate", smallest_visible=None)
    vague = cell("no difference seen", statistic="p50", smallest_visible=None)
    found = junit(gate(failing(), compared(WORSE, gone, vague, cell("improvement", "a-c"))))
    assert found[:3] == [
        ("benchkit.guiyang-guangzhou", "rtt p95 within 10 ms", "pass"),
        ("benchkit.guiyang-shenzhen", "rtt p95 within 10 ms", "failure budget"),
        ("benchkit.guiyang-hangzhou", "rtt p95 within 16 ms", "skipped inconclusive"),
    ]
    assert found[3:] == [
        ("benchkit.a-b", "rtt p95 against the baseline", "failure regression"),
        ("benchkit.a-b", "rtt p99 against the baseline", "failure missing"),
        ("benchkit.a-b", "rtt p50 against the baseline", "skipped inconclusive"),
        ("benchkit.a-c", "rtt p95 against the baseline", "pass"),
    ]


def test_junit_says_what_was_not_comparable_not_judged_or_unfit() -> None:
    other = compared(SAME, differs=("kernel: base 6.1; candidate 6.18",))
    assert junit(gate(passing(), other))[-1][2] == "skipped inconclusive"
    assert {each[2] for each in junit(gate(unfit(), compared(SAME)))} == {"error unfit"}
    nothing = replace(passing(), paths=())
    assert junit(gate(nothing)) == [("benchkit", "something is judged", "skipped inconclusive")]


def test_annotations_are_at_most_ten_of_a_kind() -> None:
    assert render_gate(gate(passing()), "github-annotations").startswith("::notice title=benchkit")
    open_run = replace(passing(), paths=())
    assert render_gate(gate(open_run), "github-annotations").startswith("::warning ")
    many = [cell("regression", f"a-{number}") for number in range(12)]
    lines = render_gate(gate(passing(), compared(*many)), "github-annotations").splitlines()
    assert len(lines) == 10
    assert all(line.startswith("::error title=benchkit gate%3A FAIL::") for line in lines)
    assert lines[-1].endswith("::and 3 more")


def test_the_formats_of_the_command_line_are_those_that_are_rendered() -> None:
    assert cli.GATE_FORMATS == GATE_FORMATS


def test_whatever_a_plan_may_measure_can_be_compared_and_measured_again() -> None:
    measured = {probe.metric for probe in PLAN_PROBES.values()} | {"loss", "inference"}
    assert COMPARED.keys() == FLOORS.keys()
    assert measured <= COMPARED.keys()
    for metric in measured:
        found = suspects(gate(passing(), compared(replace(WORSE, metric=metric))))
        assert found is not None
        assert found.probes
        assert set(found.probes) <= PLAN_PROBES.keys()
