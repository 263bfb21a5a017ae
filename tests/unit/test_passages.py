"""What a model makes of packets that keep their order: held against the emulator's own arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from benchkit.campaign.emulator_error import model_percentile_ns
from benchkit.campaign.passages import catches_up, middle_ns, passage, spread_of
from benchkit.emulators.lane import Lane
from benchkit.model.place import Direction, PathModel

MS = 1_000_000
SPARSE, DENSE = (np.arange(2000) * gap for gap in (200 * MS, 2 * MS))
WINDY = PathModel(Direction(30 * MS, 8 * MS), Direction(30 * MS, 8 * MS))
JITTERY = PathModel(Direction(30 * MS, 8 * MS), Direction(30 * MS))


def left(direction: Direction, sent: np.ndarray, seed: int) -> np.ndarray:
    """When the emulator lets packets go that came in then."""
    lane = Lane(direction, JITTERY, seed=seed)
    return np.array([lane.due_of_one(int(each), 100) for each in sent])


def test_packets_far_apart_do_not_catch_up() -> None:
    assert not catches_up(JITTERY, SPARSE)
    assert catches_up(JITTERY, DENSE)
    assert not catches_up(PathModel(Direction(30 * MS), Direction(30 * MS)), DENSE)


def test_packets_near_to_each_other_take_as_long_as_through_the_emulator() -> None:
    sent = np.arange(60_000) * 2 * MS
    there = left(WINDY.forward, sent, 3)
    back = left(WINDY.backward, there, 4)
    found, at = passage(WINDY, DENSE), [50, 95, 99]
    for drawn, emulated in ((found.forward, there - sent), (found.both, back - sent)):
        assert np.percentile(drawn, at) == pytest.approx(np.percentile(emulated, at), abs=0.5 * MS)
    assert np.median(found.both) > 70 * MS  # where the middle of the jitter is 60 ms


def test_a_longer_delay_moves_all_alike_and_the_way_back_is_of_its_own() -> None:
    further = PathModel(Direction(40 * MS, 8 * MS), Direction(31 * MS))
    nearer, found = passage(JITTERY, DENSE), passage(further, DENSE)
    assert np.array_equal(found.forward, nearer.forward + 10 * MS)
    assert np.array_equal(found.both, nearer.both + 11 * MS)


def test_a_way_back_without_jitter_adds_its_delay_and_losses_nothing() -> None:
    lossy = PathModel(Direction(30 * MS, 8 * MS, loss=0.5), Direction(30 * MS, loss=0.1))
    found = passage(lossy, DENSE)
    assert set(found.backward.tolist()) == {30 * MS}
    assert len(found.both) == pytest.approx(0.45 * len(passage(JITTERY, DENSE).both), rel=0.02)


def test_the_models_percentile_is_that_of_packets_as_dense_as_they_are() -> None:
    apart, near = (model_percentile_ns(JITTERY, 0.5, due) for due in (SPARSE, DENSE))
    assert apart == pytest.approx(60 * MS, abs=0.05 * MS)
    assert near > 65 * MS


def test_on_a_slow_link_a_packet_takes_its_time_on_the_wire_both_ways() -> None:
    slow = PathModel(Direction(10 * MS), Direction(10 * MS), rate_bps=1_000_000)
    on_the_wire = (44 + 8 + 20 + 14 + 24) * 8 * 1000  # ns, at a bit a microsecond
    assert middle_ns(slow, "forward") == 10 * MS + on_the_wire
    assert model_percentile_ns(slow, 0.5, DENSE) == 20 * MS + 2 * on_the_wire


def test_packets_denser_than_a_slow_link_takes_them_queue() -> None:
    slow = PathModel(Direction(10 * MS), Direction(10 * MS), rate_bps=1_000_000)
    pairs = np.repeat(np.arange(1000) * 20 * MS, 2)
    assert catches_up(slow, pairs)
    assert sorted(set(passage(slow, pairs).forward.tolist())) == [10_880_000, 11_760_000]


def test_chance_is_that_of_medians_of_as_many() -> None:
    drawn = passage(JITTERY, SPARSE).forward
    found = spread_of(lambda block: float(np.median(block)), drawn, 1000)
    assert found == pytest.approx(1.2533 * 8 * MS / np.sqrt(1000), rel=0.2)


def test_where_no_packet_left_the_model_is_that_of_one_alone() -> None:
    none = np.zeros(0, dtype=np.int64)
    assert np.median(passage(JITTERY, none).both) == pytest.approx(60 * MS, abs=MS)
