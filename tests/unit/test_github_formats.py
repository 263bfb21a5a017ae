"""Annotations and a summary, as GitHub takes them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import pytest
from ci_records import RECORDS, every_record
from sample_records import failing, interrupted, passing, unfit

from benchkit.model.record import RunRecord
from benchkit.reports import render
from benchkit.reports.github import render_summary

COMMAND = re.compile(r"::(error|warning|notice) title=([^:,\r\n]*)::([^\r\n]*)")


def annotations(record: RunRecord) -> list[tuple[str, str, str]]:
    lines = render(record, "github-annotations").splitlines()
    found = [COMMAND.fullmatch(line) for line in lines]
    assert None not in found, lines
    return [(each[1], each[2], each[3]) for each in found if each is not None]


@every_record
def test_annotations_are_commands_that_no_name_can_break(name: str) -> None:
    found = annotations(RECORDS[name]())
    assert found
    for _, title, words in found:
        escapes = re.findall("%(..)", title + words)
        assert set(escapes) <= {"25", "0A", "0D", "3A", "2C"}


def test_one_annotation_for_each_path_that_did_not_pass() -> None:
    kinds = [(kind, title) for kind, title, _ in annotations(failing())]
    assert kinds == [
        ("error", "benchkit%3A guiyang-shenzhen"),
        ("warning", "benchkit%3A guiyang-hangzhou"),
    ]
    assert [kind for kind, *_ in annotations(passing())] == ["notice"]
    assert [kind for kind, *_ in annotations(unfit())] == ["error"]
    assert annotations(interrupted())[0][0] == "warning"


@pytest.mark.parametrize(("paths", "shown"), [(9, 9), (10, 10), (11, 10), (300, 10)])
def test_no_more_than_ten_annotations_of_a_kind(paths: int, shown: int) -> None:
    failed = failing().paths[1]
    many = tuple(replace(failed, path=f"path-{index}") for index in range(paths))
    found = annotations(replace(failing(), paths=many))
    assert Counter(kind for kind, *_ in found) == {"error": shown}
    if paths > shown:
        assert f"path-{paths - 1}" in found[-1][2]


def test_the_summary_begins_with_the_worst_path() -> None:
    text = render(failing(), "github-summary")
    places = [text.index(f"### {name}") for name in (r"guiyang-shenzhen", "guiyang-hangzhou")]
    assert places == sorted(places)
    assert places[1] < text.index("### guiyang-guangzhou")


def test_a_summary_stays_below_what_github_takes() -> None:
    path = passing().paths[0]
    many = tuple(replace(path, path=f"贵阳-{index}") for index in range(800))
    text = render(replace(passing(), paths=many), "github-summary")
    assert 850 * 1024 < len(text.encode()) <= 900 * 1024
    assert text.splitlines()[-1].startswith("Cut here: `benchkit report ")
    assert render_summary(passing(), 1 << 20) == render(passing(), "github-summary")
