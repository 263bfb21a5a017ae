"""Measuring on: how long the next round is, and one series of the rows of all rounds."""

from __future__ import annotations

import pytest

from benchkit.campaign.harvest import Harvest
from benchkit.campaign.phases import IDLE, Phase, further_round, planned_looks
from benchkit.clock import NS_PER_S
from benchkit.model.samples import Samples, column
from benchkit.model.target import Plan


def answers(count: int) -> Samples:
    numbers = range(count)
    columns = {name: column(numbers) for name in ("sequence", "t3_ns", "t4_ns")}
    return Samples("rtt", "a-b", IDLE, columns)


def departures(ssid: int, count: int, first: int) -> Samples:
    columns = {
        "ssid": column([ssid] * count),
        "sequence": column(range(count)),
        "t3_ns": column(range(first, first + count)),
    }
    return Samples("departures", "", "", columns)


@pytest.mark.parametrize(
    ("measured_s", "longest_s", "lasts_s"),
    [(10, 300, 10), (160, 300, 140), (299.5, 300, None), (300, 300, None), (10, None, None)],
)
def test_a_round_doubles_what_there_is_within_the_longest(
    measured_s: float, longest_s: float | None, lasts_s: float | None
) -> None:
    idle = Phase(IDLE, "round trips, idle", (), 10 * NS_PER_S, 500)
    longest = None if longest_s is None else round(longest_s * NS_PER_S)
    found = further_round(idle, round(measured_s * NS_PER_S), longest)
    assert (None if found is None else found.duration_ns / NS_PER_S) == lasts_s
    if found is not None:
        assert (found.name, found.packets_per_s) == (IDLE, 500)


@pytest.mark.parametrize(("longest_s", "looks"), [(None, 1), (10, 1), (20, 2), (30, 3), (300, 6)])
def test_every_look_that_may_be_taken_is_planned(longest_s: float | None, looks: int) -> None:
    longest = None if longest_s is None else round(longest_s * NS_PER_S)
    seconds = 10 * NS_PER_S
    plan = Plan(seconds, 500, 0, 0, 0, 0, NS_PER_S, NS_PER_S, None, longest_ns=longest)
    assert planned_looks(plan) == looks


def test_rounds_are_one_series_with_the_departures_of_each() -> None:
    harvest = Harvest()
    for first in (100, 200, 300):
        ssid = harvest.open_session("a-b", IDLE)
        harvest.add(answers(2))
        assert harvest.awaits_departures("a-b", IDLE)
        harvest.add(departures(ssid, 2, first))
        assert not harvest.awaits_departures("a-b", IDLE)
    rows = harvest.samples("rtt", "a-b", IDLE)
    assert rows is not None
    assert rows.columns["sequence"].tolist() == [0, 1, 2, 3, 4, 5]
    assert rows.columns["t3_ns"].tolist() == [100, 101, 200, 201, 300, 301]
    assert [len(one) for one in harvest.everything()] == [6]
