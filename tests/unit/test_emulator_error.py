"""How far an emulator moved a figure: told by the packets that are judged, else by what calibration lets pass."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

import pytest

from benchkit.campaign.emulator_error import (
    Moved,
    model_percentile_ns,
    moved_goodput,
    moved_latency,
)
from benchkit.model.impairment import Trace
from benchkit.model.place import Direction, PathModel
from benchkit.model.record import Calibration
from benchkit.stats.interval import Interval

MS = 1_000_000
STEADY = PathModel(Direction(5 * MS), Direction(5 * MS))
JITTERY = PathModel(Direction(5 * MS, MS), Direction(4 * MS, MS))
MOVING = replace(
    STEADY, forward=replace(STEADY.forward, trace=Trace(at_ns=(0,), delay_ns=(5 * MS,)))
)
TOLERANCE = MS // 2


def moved(idle: Interval | None, model: PathModel | None = STEADY) -> Moved:
    return moved_latency(model, idle, 0.95, TOLERANCE)


@pytest.mark.parametrize(
    ("idle", "less_by", "more_by"),
    [
        (Interval(10.02, 9.99, 10.05), 0, 0),
        (Interval(10.4, 10.38, 10.45), 0.38, 0),
        (Interval(9.7, 9.6, 9.75), 0, 0.25),
        (Interval(10.4, -math.inf, math.inf), 0.4, 0),
        (Interval(math.inf, 12, math.inf), 0, 0),
    ],
)
def test_what_is_beyond_the_models_own_percentile_is_the_emulators(
    idle: Interval, less_by: float, more_by: float
) -> None:
    found = moved(idle)
    assert (found.less_by, found.more_by) == (pytest.approx(less_by), pytest.approx(more_by))


def test_where_it_cannot_be_told_it_is_the_whole_tolerance() -> None:
    assert moved(None) == Moved(0.5, 0.5)
    assert moved(Interval(10, 10, 10), MOVING) == Moved(0.5, 0.5)


def test_a_real_path_has_no_emulator() -> None:
    assert moved(Interval(10, 10, 10), None) == Moved()


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_the_models_percentiles_are_those_of_the_sum_of_both_directions(share: float) -> None:
    both = NormalDist(9 * MS, math.sqrt(2) * MS)
    assert model_percentile_ns(JITTERY, share) == pytest.approx(both.inv_cdf(share), abs=0.01 * MS)


def test_a_packet_that_overtakes_takes_no_time() -> None:
    overtaking = replace(STEADY, forward=replace(STEADY.forward, reorder=0.1))
    assert model_percentile_ns(overtaking, 0.09) == 5 * MS
    assert model_percentile_ns(overtaking, 0.11) == 10 * MS


def rate(asked: float, got: float) -> Calibration:
    return Calibration("a-b", "forward", "rate", "Mbit/s", asked, got, 100, 40, within=True)


def test_a_rate_that_is_less_than_asked_took_its_share_of_the_goodput() -> None:
    found = moved_goodput(900.0, [rate(1000, 950), rate(1000, 1010)])
    assert found.more_by == pytest.approx(900 * 50 / 950)
    assert found.less_by == pytest.approx(900 * 10 / 1010)
    assert moved_goodput(900.0, []) == Moved()
