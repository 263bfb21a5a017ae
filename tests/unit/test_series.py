"""A series of rounds: aligned starts, what is late is skipped and counted, and nothing but its end ends it."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from benchkit.campaign.series import (
    INTERRUPTED,
    Round,
    Series,
    Timing,
    aligned,
    planned_rounds,
    run_series,
)
from benchkit.clock import NS_PER_S

TEN_MINUTES = 600 * NS_PER_S
NOON = 1_764_072_000 * NS_PER_S  # a whole number of ten minutes


class Clock:
    """Time that passes only when somebody sleeps or measures."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns
        self.started: list[Round] = []
        self.waits = 0

    def now(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now_ns += round(seconds * NS_PER_S)

    def awaited(self, _: Round) -> None:
        self.waits += 1


def ran(
    clock: Clock, planned: int | None, takes_s: Sequence[float], statuses: Sequence[int] = ()
) -> Series:
    """The series whose rounds take so long and end so, one after another."""
    series = Series()
    takes, ends = iter(takes_s), iter(statuses)

    def measure(one: Round) -> int:
        clock.started.append(one)
        clock.now_ns += round(next(takes) * NS_PER_S)
        return next(ends, 0)

    timing = Timing(clock.now, clock.sleep, clock.awaited)
    run_series(TEN_MINUTES, planned, measure, series, timing)
    return series


def test_rounds_start_at_whole_intervals_of_the_clock() -> None:
    clock = Clock(NOON + 137 * NS_PER_S)
    series = ran(clock, 3, [60, 60, 60])
    assert [one.due_ns - NOON for one in clock.started] == [n * TEN_MINUTES for n in (1, 2, 3)]
    assert (series.statuses, series.skipped, clock.waits) == ([0, 0, 0], 0, 3)


def test_a_round_that_is_due_now_starts_now() -> None:
    clock = Clock(NOON)
    ran(clock, 1, [60])
    assert clock.started == [Round(1, NOON, 0)]
    assert clock.waits == 0


def test_starts_that_pass_while_a_round_runs_are_skipped_and_counted() -> None:
    clock = Clock(NOON)
    series = ran(clock, 6, [1250, 60, 60, 60])
    assert [(one.number, one.skipped) for one in clock.started] == [(1, 0), (4, 2), (5, 2), (6, 2)]
    assert series.skipped == 2


def test_a_round_that_ends_just_when_the_next_is_due_misses_nothing() -> None:
    clock = Clock(NOON)
    assert ran(clock, 3, [600, 600, 600]).skipped == 0


def test_starts_that_are_missed_at_the_end_are_counted_too() -> None:
    clock = Clock(NOON)
    series = ran(clock, 4, [10_000])
    assert (len(series.statuses), series.skipped) == (1, 3)


def test_a_failing_round_does_not_end_the_series_and_an_interrupted_one_does() -> None:
    clock = Clock(NOON)
    series = ran(clock, 5, [1, 1, 1, 1, 1], [5, 1, INTERRUPTED])
    assert series.statuses == [5, 1, INTERRUPTED]


def test_without_an_end_it_goes_on() -> None:
    clock = Clock(NOON)
    series = ran(clock, None, [1] * 100, [0] * 99 + [INTERRUPTED])
    assert len(series.statuses) == 100


def test_how_many_rounds_a_day_has() -> None:
    day = 24 * 3600 * NS_PER_S
    assert planned_rounds(TEN_MINUTES, day) == 144
    assert planned_rounds(TEN_MINUTES, NS_PER_S) == 1
    assert planned_rounds(TEN_MINUTES, None) is None


@given(st.integers(0, 2**62), st.integers(NS_PER_S, 10**15))
def test_an_aligned_time_is_the_next_whole_interval(now_ns: int, every_ns: int) -> None:
    found = aligned(now_ns, every_ns)
    assert found % every_ns == 0
    assert 0 <= found - now_ns < every_ns


@given(
    st.integers(0, 600),
    st.lists(st.integers(0, 3000), min_size=1, max_size=30),
    st.integers(1, 30),
)
def test_every_planned_start_either_ran_or_was_skipped(
    after_s: int, takes_s: list[int], planned: int
) -> None:
    clock = Clock(NOON + after_s * NS_PER_S)
    series = ran(clock, planned, takes_s * planned)
    assert len(series.statuses) + series.skipped == planned
    for one in clock.started:
        assert one.due_ns % TEN_MINUTES == 0
