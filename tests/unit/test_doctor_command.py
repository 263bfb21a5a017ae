"""Findings as people and programs read them."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from healthy_machine import answers

from benchkit.campaign import health
from benchkit.campaign.finding import Finding, from_plain, middle_and_tail_ns, to_plain
from benchkit.cli.doctor import doctor

FAKE = [Finding("emulator", "ok", "auto picks one"), Finding("results", "no", "full", "free it")]


def test_percentiles_are_nearest_rank() -> None:
    assert middle_and_tail_ns(range(1, 101)) == (50, 99)
    assert middle_and_tail_ns([7]) == (7, 7)


@pytest.mark.parametrize("finding", [*FAKE, Finding("load", "warning", "much", "less")])
def test_a_finding_survives_json(finding: Finding) -> None:
    assert from_plain(json.loads(json.dumps(to_plain(finding)))) == finding
    assert ("remedy" in to_plain(finding)) == bool(finding.remedy)


def test_the_command_shows_each_finding_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, health, examine=FAKE)
    shown = CliRunner().invoke(doctor, [])
    assert shown.exit_code == 0
    assert shown.stdout.splitlines() == [
        "ok  emulator    auto picks one",
        "no  results     full",
        "                -> free it",
    ]


def test_the_command_ends_with_5_where_no_emulator_works(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, health, examine=[Finding("emulator", "no", "none " * 30, "mend it")])
    shown = CliRunner().invoke(doctor, [])
    assert shown.exit_code == 5
    assert max(len(line) for line in shown.stdout.splitlines()) <= 80
    plain = CliRunner().invoke(doctor, ["--format", "json"])
    assert plain.exit_code == 5
    assert json.loads(plain.stdout)["findings"][0]["state"] == "no"
