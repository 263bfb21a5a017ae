"""What a series says at its end of the rounds that ran."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sample_records import failing, passing

from benchkit.campaign.series import Round, Series
from benchkit.cli import exit_status, measuring, series
from benchkit.clock import NS_PER_S
from benchkit.model.record import RunRecord

OPEN = replace(passing(), verdict="inconclusive")


@pytest.mark.parametrize(
    ("rounds", "gate", "status", "said"),
    [
        ([passing(), passing()], False, 0, "2 of 2 rounds ran: 2 kept their promises"),
        ([passing(), OPEN], False, 0, "2 of 2 rounds ran: 1 kept their promises, 1 left open"),
        ([passing(), OPEN], True, 3, "2 of 2 rounds ran: 1 kept their promises, 1 left open"),
        ([OPEN, failing()], False, 1, "2 of 2 rounds ran: 1 broke one, 1 left open"),
    ],
)
def test_a_round_that_is_left_open_kept_no_promise(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    rounds: list[RunRecord],
    gate: bool,
    status: int,
    said: str,
) -> None:
    left = iter(rounds)

    def measure(*_: Any, gate: bool) -> measuring.Kept:
        record = next(left)
        found = exit_status.status_of(record, unmeasured=False, gate=gate)
        return measuring.Kept(record, Path(), found)

    def at_once(
        _: int, planned: int, one: Callable[[Round], int], ends: Series, __: object
    ) -> None:
        ends.statuses.extend(one(Round(number + 1, 0, 0)) for number in range(planned))

    monkeypatch.setattr(measuring, "measure", measure)
    monkeypatch.setattr(series, "run_series", at_once)
    monkeypatch.setattr(series, "_noted", lambda question, *_: question)
    question: Any = SimpleNamespace(target=SimpleNamespace(name="guizhou"))
    times = NS_PER_S, 2 * NS_PER_S
    assert series.measured_every(question, times, Path(), gate=gate) == status
    assert capsys.readouterr().out.splitlines()[-1] == said
