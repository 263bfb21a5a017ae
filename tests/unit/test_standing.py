"""Verdicts on somebody else's calls over a modelled path: what the emulator may have added is counted."""

from __future__ import annotations

from pathlib import Path as File

import pytest

from benchkit.campaign.standing import StandingPath
from benchkit.emulators.line import LineReport
from benchkit.emulators.link import Ends
from benchkit.errors import AskedWronglyError
from benchkit.model.place import Budget, Direction, Path, PathModel

MS = 1_000_000
PATH = Path("a-b", "a", "b", PathModel(Direction(2 * MS), Direction(2 * MS)))
STEADY = [8_000_000 + 7919 * number % 100_000 for number in range(100)]
# In bins of 2 us: all frames released within 20 us.
ON_TIME = LineReport(packets=400, lateness=(0,) * 9 + (400,))
LATE = LineReport(packets=400, lateness=(0,) * 999 + (400,))


class Emulation:
    """One that stands and reports, and emulates nothing."""

    def __init__(self, report: LineReport | None) -> None:
        self.namespaces = {"a": "/proc/self/ns/net", "b": "/proc/self/ns/net"}
        self.ends = {"a-b": Ends("10.0.0.1", "10.0.0.2")}
        self._report = report

    def report(self) -> LineReport | None:
        return self._report

    def apply(self, models: object) -> None: ...

    def check(self) -> None: ...


def standing(report: LineReport | None, monkeypatch: pytest.MonkeyPatch) -> StandingPath:
    found = StandingPath(PATH, Emulation(report), File("hosts"), MS)
    monkeypatch.setattr("benchkit.linux.libc.enter_network", lambda _: None)
    found.timed(lambda: None, 1)
    return found


def test_each_round_trip_of_a_call_may_be_late_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    path = standing(ON_TIME, monkeypatch)
    budget = Budget("rtt", 8.0, "ms", "p50")
    first, second = (path.verdict(STEADY, budget) for _ in range(2))
    # Two round trips of 4 ms, each through the emulator twice, each time 20 us late at most.
    assert first.less_by == pytest.approx(0.08)
    assert first == second
    assert first.verdict == "inconclusive"


def test_an_emulator_that_tells_nothing_may_be_late_by_its_tolerance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = standing(None, monkeypatch).verdict(STEADY, Budget("rtt", 1.0, "ms", "p50"))
    assert (found.less_by, found.verdict) == (2.0, "fail")


def test_an_emulator_that_was_too_late_judges_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = standing(LATE, monkeypatch).verdict(STEADY, Budget("rtt", 50.0, "ms", "p50"))
    assert found.verdict == "inconclusive"
    assert "of when they were due" in found.reason


def test_lost_calls_are_infinite_and_what_is_no_percentile_is_asked_wrongly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = standing(ON_TIME, monkeypatch)
    assert path.verdict([None] * 100, Budget("rtt", 50.0, "ms", "p50")).verdict == "fail"
    with pytest.raises(AskedWronglyError, match="p50, p90"):
        path.verdict(STEADY, Budget("rtt", 50.0, "ms", "p42"))


def test_a_call_that_gives_up_is_lost_and_another_error_is_the_tests_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def give_up() -> None:
        raise TimeoutError

    path = standing(ON_TIME, monkeypatch)
    assert path.timed(give_up, 3) == (None, None, None)
    with pytest.raises(ZeroDivisionError):
        path.timed(lambda: 1 // 0, 3)
