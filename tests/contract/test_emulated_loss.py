"""What every emulator promises of loss, and of packets that overtake or come twice: a feature gets a row in LOSSES or STRAYS."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
from emulated import Emulated, both_ways, emulated, ms
from natures import CONFIDENCE, PLAIN, WIDE, Nature, like

from benchkit.clock import NS_PER_US
from benchkit.model.impairment import Bursts
from benchkit.model.place import Direction
from benchkit.stats.binomial import binomial_ranks

pytestmark = pytest.mark.privileged


class Loss(NamedTuple):
    """A direction, how many packets see it, and how long a run of lost ones is, at least and at most, on average."""

    direction: Direction
    packets: int
    run: tuple[float, float] = (1, 1.5)


LOSSES = {
    "random": Loss(Direction(ms(1), loss=0.03), 3000),
    "heavy": Loss(Direction(ms(1), loss=0.4), 1000, run=(1.3, 2.1)),
    "all": Loss(Direction(ms(1), loss=1.0), 100, run=(100, 100)),
    "bursts": Loss(Direction(ms(1), bursts=Bursts(enter=0.01, leave=0.25)), 3000, run=(2, 8)),
    "thin bursts": Loss(
        Direction(ms(1), bursts=Bursts(enter=0.02, leave=0.1, bad_loss=0.5, good_loss=0.01)),
        3000,
        run=(1.2, 2.2),
    ),
}
FAST_NS = 40 * NS_PER_US


def runs(numbers: list[int]) -> int:
    """How many runs of consecutive numbers there are."""
    return sum(number - 1 not in numbers for number in set(numbers))


def bounds(direction: Direction, count: int) -> tuple[float, float]:
    """How many of so many packets may be lost, for all but one in a thousand tests."""
    if direction.mean_loss in {0, 1}:
        return count * direction.mean_loss, count * direction.mean_loss
    low, high = binomial_ranks(count, direction.mean_loss, CONFIDENCE)
    if direction.bursts is None:
        return low, high
    # Packets that share a state share its fate: the variance grows by the length of the states' memory.
    memory = 1 - direction.bursts.enter - direction.bursts.leave
    wider = math.sqrt((1 + memory) / (1 - memory))
    middle = count * direction.mean_loss
    return middle - (middle - low) * wider, middle + (high - middle) * wider


@pytest.mark.parametrize("case", LOSSES)
def test_as_many_are_lost_as_asked_and_all_are_accounted_for(shared: Emulated, case: str) -> None:
    asked = LOSSES[case]
    shared.apply(like(PLAIN, asked.direction))
    shared.emulation.report()
    (flow,) = shared.send([(PLAIN, False)], count=asked.packets, every_ns=FAST_NS)
    low, high = bounds(asked.direction, asked.packets)
    assert low <= len(flow.lost) <= high
    assert asked.run[0] <= len(flow.lost) / runs(flow.lost) <= asked.run[1]
    assert flow.order == sorted(flow.order)
    report = shared.emulation.report()
    assert report is not None
    assert (report.lost, report.dropped, report.overflowed) == (len(flow.lost), 0, 0)


def test_a_direction_without_loss_loses_nothing(shared: Emulated) -> None:
    # The other direction and the other paths lose: none of it may rub off.
    lossy = Direction(0, loss=0.5)
    shared.apply(like(PLAIN, Direction(0), lossy), like(WIDE, lossy, lossy))
    (flow,) = shared.send([(PLAIN, False)], count=3000, every_ns=FAST_NS)
    assert flow.order == list(range(3000))


def test_the_same_seed_loses_the_same_packets(name: str, nature: Nature) -> None:
    if not nature.repeats_losses():
        pytest.skip(f"{name}: this machine's tc cannot state a seed")
    models = [both_ways(Direction(0, loss=0.1)), both_ways(Direction(0, loss=0.1))]

    def lost(seed: int) -> list[list[int]]:
        with emulated(name, models, seed=seed) as running:
            ways = [(0, False), (1, False)]
            return [each.lost for each in running.send(ways, count=500, every_ns=FAST_NS)]

    first = lost(7)
    assert lost(7) == first
    assert lost(8) != first
    assert first[0] != first[1]  # each path has luck of its own


class Stray(NamedTuple):
    """A direction, and what share of packets overtakes and what share comes twice."""

    direction: Direction
    overtaking: float = 0.0
    twice: float = 0.0


STRAYS = {
    "reordered": Stray(Direction(ms(6), reorder=0.1), overtaking=0.1),
    "duplicated": Stray(Direction(ms(6), duplicate=0.1), twice=0.1),
}


def overtakers(order: list[int]) -> int:
    """How many packets came before one that was sent earlier."""
    latest = np.minimum.accumulate(np.array(order)[::-1])[::-1]
    return int((np.array(order) > latest).sum())


@pytest.mark.parametrize("case", STRAYS)
def test_as_many_packets_stray_as_asked(shared: Emulated, case: str) -> None:
    asked, count = STRAYS[case], 1000
    shared.apply(like(PLAIN, asked.direction))
    (flow,) = shared.send([(PLAIN, False)], count=count, every_ns=200 * NS_PER_US)
    assert flow.lost == []
    for share, found in (
        (asked.overtaking, overtakers(flow.order)),
        (asked.twice, len(flow.order) - count),
    ):
        low, high = binomial_ranks(count, share, CONFIDENCE) if share else (0, 0)
        assert low <= found <= high
