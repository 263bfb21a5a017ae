"""JUnit XML: one suite a path, one case a budget, for every CI that shows tests.

The text of a case repeats its message: GitLab shows the one, Jenkins the other. Of two cases with one name
GitLab takes the first, so no two have the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from benchkit.model.record import PathRecord, RunRecord, Verdict
from benchkit.reports import sentences
from benchkit.reports.cells import less_is_better, path_name, words_of
from benchkit.reports.figures import clean
from benchkit.reports.reasons import reason
from benchkit.reports.rows import UNLOADED

# verdict: (element, its type)
ELEMENTS = {
    "fail": ("failure", "budget"),
    "inconclusive": ("skipped", "inconclusive"),
    "unfit": ("error", "unfit"),
    "unmeasured": ("error", "unmeasured"),
    "regression": ("failure", "regression"),
    "missing": ("failure", "missing"),
}
COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}


@dataclass(frozen=True, slots=True)
class Case:
    """One budget or one comparison: its name, "pass" or a key of ELEMENTS, and why."""

    name: str
    outcome: str
    words: str


@dataclass(frozen=True, slots=True)
class Suite:
    """The cases of one path; `properties` say where they come from."""

    name: str
    cases: tuple[Case, ...]
    properties: Mapping[str, str]


def render_junit(record: RunRecord) -> str:
    """The verdicts of a run as a <testsuites> document."""
    properties = {"run": clean(record.run), "emulator": clean(record.emulator)}
    suites = [
        Suite(f"benchkit.{path_name(path.path)}", tuple(_cases(path, record)), properties)
        for path in record.paths
    ]
    name = f"benchkit {clean(record.target)}"
    return document(name, suites, seconds=record.duration_s, started=clean(record.started))


def document(name: str, suites: Sequence[Suite], *, seconds: float = 0.0, started: str = "") -> str:
    """The suites as XML. They were measured together: an even share of the seconds makes sums come out right."""
    every = [case for suite in suites for case in suite.cases]
    root = ET.Element("testsuites", {"name": name, **_counts(every)})
    root.set("time", f"{seconds:.3f}")
    share = f"{seconds / len(every):.3f}" if every else "0"
    for suite in suites:
        found = ET.SubElement(root, "testsuite", {"name": suite.name, **_counts(suite.cases)})
        if started:
            found.set("timestamp", started)
        found.set("time", f"{len(suite.cases) * float(share):.3f}")
        properties = ET.SubElement(found, "properties")
        for key, value in suite.properties.items():
            ET.SubElement(properties, "property", name=key, value=value)
        for case in suite.cases:
            _add_case(found, suite.name, case, share)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def unique(cases: Iterable[Case]) -> Iterator[Case]:
    """The cases with names that differ: of two with one name GitLab shows the first."""
    names: dict[str, int] = {}
    for case in cases:
        names[case.name] = names.get(case.name, 0) + 1
        again = f" ({names[case.name]})" if names[case.name] > 1 else ""
        yield Case(f"{case.name}{again}", case.outcome, case.words)


def budget_case(verdict: Verdict, outcome: str) -> Case:
    """A budget as a test."""
    figure = " ".join(words_of(verdict.metric, UNLOADED, verdict.percentile))
    side = "within" if less_is_better(verdict.metric) else "at least"
    return Case(f"{figure} {side} {sentences.limit(verdict)}", outcome, reason(verdict))


def _add_case(suite: ET.Element, classname: str, case: Case, seconds: str) -> None:
    found = ET.SubElement(suite, "testcase", classname=classname, name=case.name, time=seconds)
    if case.outcome in ELEMENTS:
        tag, kind = ELEMENTS[case.outcome]
        inner = ET.SubElement(found, tag, message=case.words, type=kind)
        inner.text = case.words
    else:
        ET.SubElement(found, "system-out").text = case.words


def _counts(cases: Sequence[Case]) -> dict[str, str]:
    tags = [ELEMENTS.get(case.outcome, ("",))[0] for case in cases]
    return {"tests": str(len(cases)), **{key: str(tags.count(tag)) for key, tag in COUNTED.items()}}


def _cases(path: PathRecord, record: RunRecord) -> Iterator[Case]:
    yield from unique(budget_case(each, _outcome(each, record)) for each in path.verdicts)
    if path.verdicts:
        return
    if path.metrics:
        yield Case(
            "a budget is judged", "inconclusive", _why_nothing(record, "no budget was judged")
        )
    else:
        yield Case(
            "the path is measured", "unmeasured", _why_nothing(record, "nothing was measured")
        )


def _why_nothing(record: RunRecord, otherwise: str) -> str:
    word, said = sentences.headline(record)
    return f"{otherwise} ({word}: {said})" if record.interrupted or record.unfit else otherwise


def _outcome(verdict: Verdict, record: RunRecord) -> str:
    if record.verdict == "unfit" or record.unfit or verdict.verdict == "unfit":
        return "unfit"
    if verdict.verdict == "inconclusive" and verdict.measured is None:
        return "unmeasured"
    return verdict.verdict
