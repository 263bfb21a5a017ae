"""What a burst says of a wire, from rows made by hand, and the probe itself on loopback."""

from __future__ import annotations

import numpy as np
import pytest

from benchkit.campaign import phases, wire
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.phases import Phase
from benchkit.emulators.link import Ends
from benchkit.model.bulk_spec import BurstSinkSpec, BurstSpec
from benchkit.model.place import Direction, Path, PathModel
from benchkit.model.record import Calibration
from benchkit.model.samples import ARRIVALS, BURST, Samples, column

RATE, BUFFER, MTU = 1_000_000_000, 1 << 20, 1500
FRAME = MTU + 38
START = 1_700_000_000_000_000_000


def path(**changes: object) -> Path:
    shape = {"rate_bps": RATE, "buffer_octets": BUFFER, "mtu": MTU, **changes}
    return Path("a-b", "a", "b", PathModel(Direction(0), Direction(0), **shape))  # type: ignore[arg-type]


def of_burst(*, buffer: int, largest: int = MTU, speed: float = 4.0) -> Harvest:
    """A sender of so many times the rate in front of a queue that holds so many octets on the wire."""
    sizes = (576, 1280, 1492, 1499, 1500, 1501, 1508, 9000)
    sent = [(number, octets, START) for number, octets in enumerate(sizes) if octets <= 9000]
    arrived = [(number, octets, START + 1000) for number, octets, _ in sent if octets <= largest]
    each_ns, gap_ns = FRAME * 8, round(FRAME * 8 / speed)
    free, begins = 0, START + 10**9
    for index in range(3000):
        at = begins + index * gap_ns
        sent.append((len(sizes) + index, MTU, at))
        queued = max(0, free - at)
        if queued + each_ns <= buffer * 8:
            free = at + queued + each_ns
            arrived.append((len(sizes) + index, MTU, free))
    harvest = Harvest()
    for kind, last, rows in ((BURST, "sent_ns", sent), (ARRIVALS, "t2_ns", arrived)):
        table = np.array(rows)
        names = ("sequence", "octets", last)
        columns = {name: column(table[:, at]) for at, name in enumerate(names)}
        harvest.add(Samples(kind, "a-b", phases.WIRE_UP, columns))
    return harvest


def found(harvest: Harvest, asked: Path) -> dict[str, Calibration]:
    return {one.quantity: one for one in wire.calibrations(asked, harvest)}


def test_a_buffer_is_what_the_longest_wait_was_behind() -> None:
    row = found(of_burst(buffer=BUFFER), path())["buffer"]
    assert row.got == pytest.approx(BUFFER, abs=2 * FRAME)
    assert (row.asked, row.within, row.direction) == (BUFFER, True, "forward")
    assert row.got.is_integer()
    assert row.tolerance.is_integer()


def test_half_the_buffer_is_out_of_tolerance() -> None:
    row = found(of_burst(buffer=BUFFER // 2), path())["buffer"]
    assert row.got == pytest.approx(BUFFER / 2, abs=2 * FRAME)
    assert not row.within


@pytest.mark.parametrize(("largest", "within"), [(1500, True), (1499, False), (1508, False)])
def test_the_mtu_is_the_largest_packet_that_arrived(largest: int, within: bool) -> None:
    row = found(of_burst(buffer=BUFFER, largest=largest), path())["mtu"]
    assert (row.got, row.within) == (largest, within)


def test_a_sender_too_slow_to_fill_the_buffer_says_so_and_calibrates_nothing() -> None:
    harvest = of_burst(buffer=BUFFER, speed=1.1)
    assert "buffer" not in found(harvest, path())
    (said,) = wire.unmeasured([path()], harvest)
    assert said.startswith("the buffers of a-b forward were not measured")
    assert "1.1 Gbit/s" in said


def test_without_a_buffer_nothing_bursts_and_the_mtu_is_still_tried() -> None:
    phase = Phase(phases.WIRE_DOWN, "", (), 1, 0)
    asked = wire.jobs(path(rate_bps=None, buffer_octets=None), phase, Ends("near", "far"))
    (source, burst), (sink, taking) = asked[BURST], asked[ARRIVALS]
    assert isinstance(burst, BurstSpec)
    assert isinstance(taking, BurstSinkSpec)
    assert (source, sink, burst.address, taking.address) == ("b", "a", "near", "near")
    assert burst.octets == 0
    assert {MTU, MTU + 1} <= set(burst.sizes)
    assert list(wire.unmeasured([path(buffer_octets=None)], Harvest())) == []


def test_a_buffer_too_large_to_fill_is_not_laid_to_this_machine() -> None:
    asked = path(rate_bps=2_000_000, buffer_octets=2 << 20)
    (said,) = wire.unmeasured([asked], of_burst(buffer=BUFFER))
    assert "takes too long to fill; 2 s at the path's rate" in said


def test_paths_with_a_buffer_are_filled_one_by_one_and_the_others_tried_together() -> None:
    plain = [Path(name, name, "b", PathModel(Direction(0), Direction(0))) for name in ("x", "y")]
    names = [
        (phase.name, [one.name for one in phase.paths])
        for phase in phases.wire_phases((plain[0], path(), plain[1]))
    ]
    up, down = phases.WIRE_UP, phases.WIRE_DOWN
    assert names == [(up, ["a-b"]), (down, ["a-b"]), (up, ["x", "y"]), (down, ["x", "y"])]
