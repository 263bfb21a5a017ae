"""One direction of a path as arithmetic."""

from __future__ import annotations

import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit.emulators.lane import Lane
from benchkit.emulators.spread import deviations_ns, netem_table
from benchkit.model.impairment import Bursts, Trace
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
        (piece,) = one.pieces(now, 100)
        due = piece.due_ns
        assert due >= now
        assert due >= last
        if not jitter:
            assert due == now + 5 * MS
        last = due


def test_frames_back_to_back_leave_at_the_rate() -> None:
    one = lane(0, rate=8_000_000)  # one octet takes 1 us
    assert [one.pieces(0, 76)[0].due_ns for _ in range(3)] == [100_000, 200_000, 300_000]


def test_a_super_packet_takes_the_time_of_its_segments() -> None:
    whole, pieces = lane(0, rate=8_000_000), lane(0, rate=8_000_000)
    for _ in range(3):
        (last,) = pieces.pieces(0, 66 + 1448)
    (all_three,) = whole.pieces(0, 66 + 3 * 1448, 3, 66)
    assert all_three.due_ns == last.due_ns


def test_what_does_not_fit_into_the_buffer_is_dropped() -> None:
    one = lane(0, rate=8_000_000, buffer=250)
    assert [len(one.pieces(0, 76)) for _ in range(4)] == [1, 1, 0, 0]


def test_what_fits_of_a_super_packet_goes_and_the_rest_is_dropped() -> None:
    one = lane(0, rate=8_000_000, buffer=2 * (66 + 1448 + 24))
    (piece,) = one.pieces(0, 66 + 3 * 1448, 3, 66)
    assert (piece.first, piece.end) == (0, 2)
    assert one.count.overflowed == 1


def losses(one: Lane, packets: int = 4000) -> list[bool]:
    return [not one.pieces(0, 100) for _ in range(packets)]


def test_the_same_seed_loses_the_same_packets_however_they_are_bundled() -> None:
    singles = losses(lane(0, loss=0.2))
    bundled = lane(0, loss=0.2)
    survivors: list[int] = []
    for first in range(0, 4000, 40):
        for piece in bundled.pieces(0, 66 + 40 * 1448, 40, 66):
            survivors += range(first + piece.first, first + piece.end)
    assert survivors == [index for index, lost in enumerate(singles) if not lost]
    assert 700 < sum(singles) < 900


def test_jitter_does_not_change_which_packets_are_lost() -> None:
    assert losses(lane(MS, jitter=1000, loss=0.1)) == losses(lane(MS, loss=0.1))


def test_changed_figures_draw_from_the_start_again() -> None:
    one = lane(0, loss=0.1)
    direction = Direction(0, loss=0.1)
    first = losses(one)
    one.change(direction, PathModel(direction, direction), 0)
    assert losses(one) == first


def test_bursts_lose_their_mean_in_runs() -> None:
    bursts = Bursts(enter=0.01, leave=0.25)
    direction = Direction(0, bursts=bursts)
    lost = losses(Lane(direction, PathModel(direction, direction), seed=3), 100_000)
    assert sum(lost) / len(lost) == pytest.approx(bursts.mean_loss, rel=0.1)
    runs = sum(1 for before, now in pairwise(lost) if now and not before)
    assert sum(lost) / runs == pytest.approx(1 / bursts.leave, rel=0.1)


@pytest.mark.parametrize("distribution", ["normal", "pareto"])
def test_jitter_has_the_spread_that_was_asked_and_is_centred(distribution: str) -> None:
    found = deviations_ns(Direction(50 * MS, 300_000, distribution=distribution))
    assert statistics.fmean(found) == pytest.approx(0, abs=1000)
    assert statistics.pstdev(found) == pytest.approx(300_000, rel=0.001)


def test_netem_gets_a_heavy_tail_whole() -> None:
    found = deviations_ns(Direction(50 * MS, 300_000, distribution="pareto"))
    jitter_ns, text = netem_table(found)
    entries = [int(word) for word in text.split()]
    assert len(entries) == 4096
    assert max(map(abs, entries)) <= 32_767
    assert max(entries) / 8192 * jitter_ns == pytest.approx(found[-1], rel=0.001)


def test_a_table_is_drawn_from_and_never_below_no_delay() -> None:
    direction = Direction(MS, distribution="table", deviations_ns=(-2 * MS, 0, 5 * MS))
    one = Lane(direction, PathModel(direction, direction), seed=1)
    dues = {one.pieces(at * 100 * MS, 100)[0].due_ns - at * 100 * MS for at in range(100)}
    assert dues == {0, MS, 6 * MS}


def test_only_what_is_asked_overtakes_or_doubles() -> None:
    direction = Direction(5 * MS, reorder=0.1, duplicate=0.05)
    one = Lane(direction, PathModel(direction, direction), seed=1)
    found = [one.pieces(at, 100) for at in range(10_000)]
    assert 400 < sum(len(pieces) == 2 for pieces in found) < 600
    assert 900 < sum(pieces[0].due_ns == at for at, pieces in enumerate(found)) < 1100


def test_a_trace_is_walked_from_its_start() -> None:
    direction = Direction(5 * MS, trace=Trace((0, 100 * MS), (2 * MS, 4 * MS)))
    one = lane(0)
    one.change(direction, PathModel(direction, direction), 1000 * MS)
    got = [one.pieces(at * MS, 100)[0].due_ns for at in (1000, 1099, 1100, 9000)]
    assert got == [1002 * MS, 1101 * MS, 1104 * MS, 9004 * MS]


@given(
    st.lists(st.tuples(st.integers(0, 2 * MS), st.integers(60, 1514)), min_size=1, max_size=60),
    st.sampled_from([0, MS]),
    st.sampled_from([None, 8_000_000]),
    st.sampled_from([None, 4000]),
    st.sampled_from([0.0, 0.3]),
)
def test_a_lone_packet_leaves_when_it_would_as_a_piece(
    gaps: list[tuple[int, int]],
    jitter: int,
    rate: int | None,
    buffer: int | None,
    loss: float,
) -> None:
    quick, whole = (lane(5 * MS, jitter, rate, buffer, loss) for _ in range(2))
    now = 0
    for gap, octets in gaps:
        now += gap
        pieces = whole.pieces(now, octets)
        assert quick.is_plain
        assert quick.due_of_one(now, octets) == (pieces[0].due_ns if pieces else 0)
    assert quick.count == whole.count
