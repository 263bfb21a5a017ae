"""One direction of a path as arithmetic."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from benchkit.emulators.lane import Lane
from benchkit.model.place import Direction, PathModel

MS = 1_000_000


def lane(
    delay: int, jitter: int = 0, rate: int | None = None, buffer: int | None = None, loss: float = 0
) -> Lane:
    direction = Direction(delay, jitter, loss)
    return Lane(direction, PathModel(direction, direction, rate, buffer), seed=1)


@given(st.lists(st.integers(0, 10 * MS), min_size=1, max_size=50), st.integers(0, 20 * MS))
def test_a_frame_is_never_early_and_never_overtakes(gaps: list[int], jitter: int) -> None:
    one, now, last = lane(5 * MS, jitter), 0, 0
    for gap in gaps:
        now += gap
        due = one.due(now, 100)
        assert due is not None
        assert due >= now
        assert due >= last
        if not jitter:
            assert due == now + 5 * MS
        last = due


def test_frames_back_to_back_leave_at_the_rate() -> None:
    one = lane(0, rate=8_000_000)  # one octet takes 1 us
    assert [one.due(0, 76) for _ in range(3)] == [100_000, 200_000, 300_000]


def test_a_super_packet_takes_the_time_of_its_segments() -> None:
    whole, pieces = lane(0, rate=8_000_000), lane(0, rate=8_000_000)
    for _ in range(3):
        last = pieces.due(0, 66 + 1448)
    assert whole.due(0, 66 + 3 * 1448, 3, 66) == last


def test_what_does_not_fit_into_the_buffer_is_dropped() -> None:
    one = lane(0, rate=8_000_000, buffer=250)
    assert [one.due(0, 76) is None for _ in range(4)] == [False, False, True, True]


def test_the_same_seed_loses_the_same_frames() -> None:
    first, second = lane(0, loss=0.2), lane(0, loss=0.2)
    pattern = [first.due(0, 100) is None for _ in range(2000)]
    assert pattern == [second.due(0, 100) is None for _ in range(2000)]
    assert 300 < sum(pattern) < 500
