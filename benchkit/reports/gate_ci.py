"""What a gate says as CI shows it: JUnit XML, and GitHub's step summary and annotations, regressions beside budgets."""

from __future__ import annotations

from collections.abc import Iterator

from benchkit.model.comparison import REGRESSION, Cell, Gate
from benchkit.reports import comparison_rows as rows
from benchkit.reports.cells import path_name, words_of
from benchkit.reports.comparison_markdown import render_gate_markdown
from benchkit.reports.figures import clean
from benchkit.reports.github import MOST_OF_A_KIND, cut, workflow_command
from benchkit.reports.junit import Case, Suite, budget_case, document, unique

_KINDS = {"pass": "notice", "inconclusive": "warning"}


def render_gate_junit(gate: Gate) -> str:
    """A case for each budget, and for each judged cell of the comparison; a suite for each path."""
    cells = gate.comparison.gated if gate.comparison is not None else ()
    paths = [each.path for each in gate.budgets] + [cell.path for cell in cells]
    properties = {"run": clean(gate.run), "verdict": gate.verdict}
    suites = [
        Suite(f"benchkit.{path_name(path)}", tuple(unique(_cases(gate, path))), properties)
        for path in dict.fromkeys(paths)
    ]
    if not suites:
        reason = clean("; ".join(gate.reasons)) or "nothing was judged"
        nothing = Case("something is judged", "inconclusive", reason)
        suites = [Suite("benchkit", (nothing,), properties)]
    return document(f"benchkit gate {clean(gate.run)}", suites)


def render_gate_summary(gate: Gate) -> str:
    """The gate's Markdown, as long as a step summary may be."""
    return cut(render_gate_markdown(gate), f"benchkit gate {clean(gate.run)}")


def render_gate_annotations(gate: Gate) -> str:
    """An annotation for each reason of a verdict that is no pass, as many as GitHub shows; else a single notice."""
    word, said = rows.gate_headline(gate)
    title = f"benchkit gate: {word}"
    kind = _KINDS.get(gate.verdict, "error")
    if gate.verdict == "pass" or not gate.reasons:
        return f"{workflow_command(kind, title, said)}\n"
    shown = (
        gate.reasons if len(gate.reasons) <= MOST_OF_A_KIND else gate.reasons[: MOST_OF_A_KIND - 1]
    )
    found = [workflow_command(kind, title, clean(reason)) for reason in shown]
    if len(shown) < len(gate.reasons):
        found.append(workflow_command(kind, title, f"and {len(gate.reasons) - len(shown)} more"))
    return "\n".join(found) + "\n"


def _cases(gate: Gate, path: str) -> Iterator[Case]:
    for each in gate.budgets:
        if each.path == path:
            judged = "unfit" if gate.verdict == "unfit" else each.verdict.verdict
            yield budget_case(each.verdict, judged)
    for cell in gate.comparison.gated if gate.comparison is not None else ():
        if cell.path == path:
            figure = " ".join(words_of(cell.metric, cell.phase, cell.statistic))
            yield Case(f"{figure} against the baseline", _outcome(gate, cell), clean(cell.reason))


def _outcome(gate: Gate, cell: Cell) -> str:
    if gate.verdict == "unfit":
        return "unfit"
    if gate.comparison is not None and gate.comparison.differs:
        return "inconclusive"
    if cell.missing is not None:
        return "missing"
    if cell.word == REGRESSION:
        return "regression"
    return "inconclusive" if cell.smallest_visible is None else "pass"
