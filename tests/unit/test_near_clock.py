"""Steps of CLOCK_REALTIME during a session: found, and taken out of the kernel's stamps to the nanosecond."""

from __future__ import annotations

import numpy as np
import pytest

from benchkit.probes import near_clock
from benchkit.probes.near_clock import NearClock

MS, SECOND = 1_000_000, 1_000_000_000
EPOCH = 1_800_000_000 * SECOND


class Clocks:
    """Both clocks, told what time it is."""

    def __init__(self) -> None:
        self.now, self.offset = 100 * SECOND, EPOCH

    def monotonic(self) -> int:
        return self.now

    def real(self) -> int:
        return self.now + self.offset

    def difference(self) -> int:
        return self.offset


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    found = Clocks()
    monkeypatch.setattr(near_clock, "monotonic_ns", found.monotonic)
    monkeypatch.setattr(near_clock, "realtime_ns", found.real)
    monkeypatch.setattr(near_clock, "realtime_offset_ns", found.difference)
    return found


def test_stamps_stay_as_they_are_while_the_clock_is_only_slewed(clocks: Clocks) -> None:
    clock = NearClock()
    for _ in range(1000):
        clocks.now += 10 * MS
        clocks.offset += 5_000  # 500 us in each second, as fast as adjtime goes
        clock.look()
        stamp = clocks.real()
        assert clock.steady(stamp, clocks.now - MS) == stamp
    assert clock.steps == 0
    assert clock.steady(0, 0) == 0


@pytest.mark.parametrize("step", [5 * SECOND, -5 * SECOND, 3 * MS])
def test_a_step_is_taken_out_of_every_stamp_after_it_and_of_none_before(
    clocks: Clocks, step: int
) -> None:
    clock = NearClock()
    sent = clocks.now
    before = clocks.real()
    clocks.now += 10 * MS
    clocks.offset += step
    after = clocks.real()
    # Read after the step: one stamp of either side, without anybody having looked in between.
    assert clock.steady(after, sent) == before + 10 * MS
    assert clock.steady(before, sent) == before
    assert clock.steps == 1
    clocks.now += 100 * SECOND
    clock.look()
    assert clock.steady(clocks.real(), clocks.now) == before + 10 * MS + 100 * SECOND


def test_steps_add_up(clocks: Clocks) -> None:
    clock = NearClock()
    begin = clocks.real()
    for step in (5 * SECOND, -2 * SECOND, SECOND):
        clocks.now += SECOND
        clocks.offset += step
        clock.look()
    assert clock.steps == 3
    assert clock.steady(clocks.real(), clocks.now) == begin + 3 * SECOND


def test_a_stamp_that_fits_no_time_since_its_packet_was_sent_is_none(clocks: Clocks) -> None:
    clock = NearClock()
    clocks.now += SECOND
    assert clock.steady(clocks.real() - SECOND // 2, clocks.now) == 0
    assert clock.steady(clocks.real() + SECOND, clocks.now) == 0


def test_being_held_up_between_two_readings_is_no_step(
    clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = NearClock()
    monkeypatch.setattr(near_clock, "realtime_ns", lambda: clocks.real() - 50 * MS)
    clock.look()
    assert clock.steps == 0
    assert clock.steady(clocks.real(), clocks.now) == clocks.real()


def test_many_stamps_are_put_right_as_one_is(clocks: Clocks) -> None:
    clock = NearClock()
    before = clocks.real()
    clocks.now += 3 * MS
    clocks.offset += 5 * SECOND
    clock.look()
    after = clocks.real()
    stamps, since = [before + 1, after, 0, after + SECOND, before - SECOND], [100 * SECOND] * 5
    expected = [clock.steady(*each) for each in zip(stamps, since, strict=True)]
    assert clock.steady_many(np.array(stamps), np.array(since)).tolist() == expected
    assert expected[:3] == [before + 1, after - 5 * SECOND, 0]
    usual = np.array([after, after - MS])
    assert clock.steady_many(usual, np.array(since[:2])).tolist() == [
        clock.steady(each, since[0]) for each in usual.tolist()
    ]
