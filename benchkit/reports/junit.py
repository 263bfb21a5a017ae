"""JUnit XML: one suite a path, one case a budget, for every CI that shows tests.

The text of a case repeats its message: GitLab shows the one, Jenkins the other. Of two cases with one name
GitLab takes the first, so no two have the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from benchkit.model.record import PathRecord, RunRecord, Verdict
from benchkit.reports import sentences
from benchkit.reports.cells import less_is_better, path_name, words_of
from benchkit.reports.figures import clean
from benchkit.reports.rows import UNLOADED

# verdict: (element, its type)
ELEMENTS = {
    "fail": ("failure", "budget"),
    "inconclusive": ("skipped", "inconclusive"),
    "unfit": ("error", "unfit"),
    "unmeasured": ("error", "unmeasured"),
}
COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    outcome: str
    words: str


def render_junit(record: RunRecord) -> str:
    """The verdicts of a run as a <testsuites> document."""
    suites = [(path, list(_cases(path, record))) for path in record.paths]
    every = [case for _, cases in suites for case in cases]
    root = ET.Element("testsuites", {"name": f"benchkit {clean(record.target)}", **_counts(every)})
    root.set("time", f"{record.duration_s:.3f}")
    # The paths of a run are measured together: an even share makes sums come out right.
    share = f"{record.duration_s / len(every):.3f}" if every else "0"
    for path, cases in suites:
        name = f"benchkit.{path_name(path.path)}"
        suite = ET.SubElement(root, "testsuite", {"name": name, **_counts(cases)})
        suite.set("timestamp", clean(record.started))
        suite.set("time", f"{len(cases) * float(share):.3f}")
        properties = ET.SubElement(suite, "properties")
        for key, value in (("run", record.run), ("emulator", record.emulator)):
            ET.SubElement(properties, "property", name=key, value=clean(value))
        for case in cases:
            _add_case(suite, name, case, share)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _add_case(suite: ET.Element, classname: str, case: _Case, seconds: str) -> None:
    found = ET.SubElement(suite, "testcase", classname=classname, name=case.name, time=seconds)
    if case.outcome in ELEMENTS:
        tag, kind = ELEMENTS[case.outcome]
        inner = ET.SubElement(found, tag, message=case.words, type=kind)
        inner.text = case.words
    else:
        ET.SubElement(found, "system-out").text = case.words


def _counts(cases: list[_Case]) -> dict[str, str]:
    tags = [ELEMENTS.get(case.outcome, ("",))[0] for case in cases]
    return {"tests": str(len(cases)), **{key: str(tags.count(tag)) for key, tag in COUNTED.items()}}


def _cases(path: PathRecord, record: RunRecord) -> Iterator[_Case]:
    names: dict[str, int] = {}
    for verdict in path.verdicts:
        figure = " ".join(words_of(verdict.metric, UNLOADED, verdict.percentile))
        side = "within" if less_is_better(verdict.metric) else "at least"
        name = f"{figure} {side} {sentences.limit(verdict)}"
        names[name] = names.get(name, 0) + 1
        if names[name] > 1:
            name += f" ({names[name]})"
        yield _Case(name, _outcome(verdict, record), sentences.reason(verdict))
    if path.verdicts:
        return
    if path.metrics:
        yield _Case(
            "a budget is judged", "inconclusive", _why_nothing(record, "no budget was judged")
        )
    else:
        yield _Case(
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
