"""What is measured when, from a plan."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit.campaign import phases
from benchkit.campaign.phases import Phase
from benchkit.model.place import Direction, Path, PathModel
from benchkit.model.target import Plan

S = 1_000_000_000
FREE = PathModel(Direction(5_000_000), Direction(5_000_000))
SHAPED = replace(FREE, rate_bps=10**9)
PATHS = (Path("a-b", "a", "b", SHAPED), Path("a-c", "a", "c", FREE), Path("a-d", "a", "d", None))
PLAN = Plan(
    duration_ns=10 * S,
    rate_per_s=500,
    http_duration_ns=5 * S,
    http_rate_per_s=50,
    load_duration_ns=4 * S,
    load_rate_per_s=100,
    calibration_ns=2 * S,
    timeout_ns=S,
    tolerance_ns=150_000,
)


def outline(found: tuple[Phase, ...]) -> list[tuple[str, str, int]]:
    return [(one.name, " ".join(path.name for path in one.paths), one.packets) for one in found]


def test_idle_paths_are_measured_together_and_loaded_ones_one_after_another() -> None:
    assert outline(phases.measuring_phases(PLAN, PATHS)) == [
        ("idle", "a-b a-c a-d", 5000),
        ("http", "a-b a-c a-d", 250),
        ("up", "a-b", 400),
        ("down", "a-b", 400),
        ("both", "a-b", 400),
        ("up", "a-c", 400),
        ("down", "a-c", 400),
        ("both", "a-c", 400),
        ("up", "a-d", 400),
        ("down", "a-d", 400),
        ("both", "a-d", 400),
    ]


@pytest.mark.parametrize(
    ("probe", "names"), [("rtt", ["idle"]), ("http", ["http"]), ("tcp", ["up", "down", "both"] * 3)]
)
def test_a_plan_gets_the_phases_of_its_probes_only(probe: str, names: list[str]) -> None:
    found = phases.measuring_phases(replace(PLAN, probes=(probe,)), PATHS)
    assert [one.name for one in found] == names


def test_calibration_measures_the_floor_first_and_half_as_long() -> None:
    floor, got = phases.calibration_phases(PLAN, PATHS)
    assert outline((floor, got)) == [
        ("floor", "a-b a-c a-d", 500),
        ("calibration", "a-b a-c a-d", 1000),
    ]
    assert (floor.duration_ns, got.duration_ns) == (S, 2 * S)


@pytest.mark.parametrize(
    ("rate", "count", "packets", "seconds"),
    [(5.0, 3, 60, 2.0), (2.0, 2000, 60, 30.0), (500.0, 2000, 1000, 2.0), (0.1, 100, 60, 6.0)],
)
def test_a_slow_plan_is_calibrated_by_packets_enough(
    rate: float, count: int, packets: int, seconds: float
) -> None:
    plan = replace(PLAN, rate_per_s=rate)
    _, got = phases.calibration_phases(plan, (PATHS * count)[:count])
    assert (got.packets, got.duration_ns / S) == (packets, seconds)


def test_where_the_model_loses_packets_more_are_sent() -> None:
    lossy = replace(PATHS[0], model=PathModel(Direction(1, loss=0.5), Direction(1, loss=0.5)))
    _, got = phases.calibration_phases(replace(PLAN, rate_per_s=1.0), (lossy,))
    assert got.packets == 240


def test_rates_are_checked_where_there_is_one_and_bulk_is_measured() -> None:
    found = phases.rate_phases(PLAN, PATHS)
    assert [(one.name, one.paths) for one in found] == [
        ("rate up", PATHS[:1]),
        ("rate down", PATHS[:1]),
    ]
    assert all(one.interval_ns == 0 for one in found)
    assert phases.rate_phases(replace(PLAN, probes=("rtt", "http")), PATHS) == ()


def test_every_bulk_phase_has_its_direction() -> None:
    loaded = {
        one.name
        for one in (
            *phases.measuring_phases(PLAN, PATHS),
            *phases.rate_phases(PLAN, PATHS),
        )
        if one.name not in {phases.IDLE, phases.HTTP}
    }
    assert loaded == set(phases.BULK) == set(phases.DIRECTIONS)


def test_a_far_end_that_cannot_take_a_probe_is_not_asked() -> None:
    plan = replace(PLAN, probes=("rtt", "http", "connect"))
    found = phases.measuring_phases(
        plan, PATHS, lambda probe, path: (probe, path.far) != ("http", "b")
    )
    assert outline(found) == [
        ("idle", "a-b a-c a-d", 5000),
        ("connect", "a-b a-c a-d", 250),
        ("http", "a-c a-d", 250),
    ]


def test_udp_is_offered_in_each_direction_and_not_beside_other_packets() -> None:
    found = phases.measuring_phases(replace(PLAN, probes=("udp",)), PATHS)
    assert {one.name for one in found} == set(phases.DATAGRAMS)
    assert all(one.packets_per_s == 0 for one in found)


@given(st.integers(1, 3600 * S), st.floats(0.001, 100_000))
def test_the_packets_of_a_phase_fill_its_duration(duration: int, rate: float) -> None:
    one = Phase("idle", "", PATHS, duration, rate)
    assert one.packets >= 1
    assert one.packets == 1 or abs(one.packets - duration * rate / S) <= 0.5
    # The interval is rounded to a nanosecond, each packet by half of one at the most.
    assert one.packets == 1 or (
        abs(one.packets * one.interval_ns - duration) <= one.interval_ns + one.packets
    )
