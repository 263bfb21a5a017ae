"""What every emulator promises of jitter: packets spread as asked, and keep their order. A kind gets a row in JITTERS."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
from emulated import Emulated, ms, until
from natures import NARROW, PLAIN, WIDE, Nature, like
from numpy.typing import NDArray

from benchkit.clock import NS_PER_MS, NS_PER_US
from benchkit.model.place import Direction

pytestmark = pytest.mark.privileged


class Jitter(NamedTuple):
    """A direction, and where a tenth, a half and nine tenths of its packets lie from its delay, in ms."""

    direction: Direction
    tenths_ms: tuple[float, float, float]
    stddev_ms: float


JITTERS = {
    "normal": Jitter(Direction(ms(8), jitter_ns=ms(1)), (-1.28, 0, 1.28), 1),
    # Figures of a Pareto of shape 3, cut off where a table of 4096 ends.
    "pareto": Jitter(
        Direction(ms(8), jitter_ns=ms(1), distribution="pareto"), (-0.6, -0.31, 0.84), 1
    ),
    "table": Jitter(
        Direction(
            ms(8),
            jitter_ns=ms(1.5),
            distribution="table",
            deviations_ns=(*[ms(-1)] * 6, *[ms(2)] * 3),
        ),
        (-1, -1, 2),
        math.sqrt(2),
    ),
}
DEVIATION_MS = 0.15  # what 600 samples and a busy machine may add either way
STDDEV_SHARE = 0.25


@pytest.mark.parametrize("case", JITTERS)
def test_jitter_spreads_packets_as_asked(shared: Emulated, nature: Nature, case: str) -> None:
    jitter = JITTERS[case]
    shared.apply(*(like(at, jitter.direction) for at in (PLAIN, WIDE, NARROW)))
    ways = [(at, False) for at in (PLAIN, WIDE, NARROW)]

    def deviations() -> NDArray[np.float64]:
        # Far enough apart that hardly any packet is held up by the one in front of it.
        flows = shared.send(ways, count=200, every_ns=5 * NS_PER_MS)
        assert not any(flow.lost for flow in flows)
        found = np.concatenate([flow.delays_ns() for flow in flows])
        return (found - jitter.direction.delay_ns) / NS_PER_MS

    def check(found: NDArray[np.float64]) -> None:
        late = (nature.median_ns, nature.median_ns, nature.tail_ns)
        for percentile, asked, late_ns in zip((10, 50, 90), jitter.tenths_ms, late, strict=True):
            got = float(np.percentile(found, percentile))
            latest = asked + DEVIATION_MS + late_ns / NS_PER_MS
            assert asked - DEVIATION_MS <= got <= latest, percentile
        least, most = (jitter.stddev_ms * (1 + sign * STDDEV_SHARE) for sign in (-1, 1))
        assert least <= found.std() <= most + nature.tail_ns / NS_PER_MS

    until(deviations, check)


@pytest.mark.parametrize("case", JITTERS)
def test_jitter_keeps_the_order_of_dense_traffic(shared: Emulated, case: str) -> None:
    shared.apply(like(PLAIN, JITTERS[case].direction))
    (flow,) = shared.send([(PLAIN, False)], count=600, every_ns=100 * NS_PER_US)
    assert flow.lost == []
    assert flow.order == list(range(600))
    assert flow.delays_ns().std() > ms(0.02)
