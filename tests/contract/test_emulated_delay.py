"""What every emulator promises of delay: each direction its own, changed and followed while packets are on their way.

A delay gets a row in DELAYS.
"""

from __future__ import annotations

import numpy as np
import pytest
from emulated import Emulated, ms, until
from emulated_probes import probed
from flows import Flow
from natures import NARROW, PLAIN, WIDE, Nature, assert_delayed, like
from numpy.typing import NDArray

from benchkit.clock import NS_PER_MS, realtime_ns
from benchkit.model.impairment import Trace
from benchkit.model.place import Direction, Path
from benchkit.model.responder_spec import ReflectorSpec
from benchkit.model.samples import Samples
from benchkit.model.spec import StampSpec
from benchkit.stats.round_trip import network_ns

pytestmark = pytest.mark.privileged

# For each of the shared paths, (there, back) in ms.
DELAYS = {
    "none": ((0, 0), (0, 0), (0, 0)),
    "asymmetric": ((3, 9), (0, 0), (9, 3)),
    "unlike": ((1, 1), (6.25, 2.5), (12, 0)),
}


@pytest.mark.parametrize("case", DELAYS)
def test_each_direction_of_each_path_has_its_own_delay(
    shared: Emulated, nature: Nature, case: str
) -> None:
    asked = [ms(each) for pair in DELAYS[case] for each in pair]
    shared.apply(
        *(
            like(at, Direction(ms(there)), Direction(ms(back)))
            for at, (there, back) in enumerate(DELAYS[case])
        )
    )
    ways = shared.ways(PLAIN, WIDE, NARROW)

    def check(flows: list[Flow]) -> None:
        for flow, asked_ns in zip(flows, asked, strict=True):
            assert_delayed(flow, asked_ns, nature)

    until(lambda: shared.send(ways, count=50, every_ns=4 * NS_PER_MS), check)


def test_the_delay_is_behind_the_stamp_of_the_sending_kernel(shared: Emulated) -> None:
    # A shaper on the sender's own device would hold packets before they are stamped, and the delay would
    # not be part of any round trip that is measured by kernel stamps.
    shared.apply(like(PLAIN, Direction(ms(20)), Direction(ms(20))))

    def check(flows: list[Flow]) -> None:
        for flow in flows:
            assert np.median(flow.local_ns()) < ms(1)
            assert flow.delays_ns().min() > ms(19)

    until(lambda: shared.send(shared.ways(PLAIN), count=20, every_ns=NS_PER_MS), check)


def test_a_delay_can_be_changed_while_packets_are_on_their_way(
    shared: Emulated, nature: Nature
) -> None:
    def changed() -> Flow:
        shared.apply(like(PLAIN, Direction(ms(30))))
        shorter = like(PLAIN, Direction(ms(4)))
        (flow,) = shared.send(
            [(PLAIN, False)], count=80, every_ns=NS_PER_MS, halfway=lambda: shared.apply(shorter)
        )
        return flow

    def check(flow: Flow) -> None:
        assert flow.lost == []
        assert flow.order == sorted(flow.order)
        found = flow.delays_ns()
        assert found[:40].min() >= ms(30) - nature.early_ns
        assert found[40:].min() >= ms(4) - nature.early_ns
        # Those behind the change wait for those in front of it, and no longer.
        assert np.median(found[-5:]) <= ms(4) + nature.median_ns

    until(changed, check)


def test_a_delay_follows_its_trace(shared: Emulated, nature: Nature) -> None:
    step, every, steps_ms = nature.step_ns + ms(150), ms(5), (2, 22, 12)
    trace = Trace(tuple(at * step for at in range(3)), tuple(ms(delay_ms) for delay_ms in steps_ms))
    margin = ms(40)  # between the start of the trace and what is taken for it here

    def followed() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """When each packet was sent, from the start of the trace, and what it took."""
        shared.apply(like(PLAIN, Direction(ms(2), trace=trace)))
        began = realtime_ns()
        (flow,) = shared.send([(PLAIN, False)], count=3 * step // every, every_ns=every)
        assert flow.lost == []
        return np.array([flow.sent[number] - began for number in flow.order]), flow.delays_ns()

    def check(found: tuple[NDArray[np.int64], NDArray[np.int64]]) -> None:
        sent, took = found
        for at, delay_ms in enumerate(steps_ms):
            settled = sent > at * step + (nature.step_ns if at else 0)
            during = settled & (sent < (at + 1) * step - margin)
            assert during.sum() >= 5
            assert np.median(took[during]) <= ms(delay_ms) + nature.median_ns
            assert took[during].min() >= ms(delay_ms) - nature.early_ns

    until(followed, check)


def test_the_report_counts_every_packet_and_no_drop_of_its_own(
    shared: Emulated, nature: Nature
) -> None:
    shared.apply(*(like(at, Direction(ms(2)), Direction(ms(2))) for at in (PLAIN, WIDE, NARROW)))
    shared.emulation.report()
    flows = shared.send(shared.ways(PLAIN, WIDE, NARROW), count=30, every_ns=NS_PER_MS)
    assert not any(flow.lost for flow in flows)
    report = shared.emulation.report()
    assert report is not None
    assert (report.packets, report.dropped, report.lost, report.overflowed) == (180, 0, 0, 0)
    assert sum(report.lateness) == (180 if nature.tells_lateness else 0)
    again = shared.emulation.report()
    assert again is not None
    assert again.packets == 0


def round_trips(path: Path, address: str, port: int, ssid: int) -> StampSpec:
    return StampSpec(
        path.name, "idle", address, port, ssid, count=80, interval_ns=ms(4), timeout_ns=ms(500)
    )


def test_the_probe_sees_each_direction_and_the_whole(shared: Emulated, nature: Nature) -> None:
    asked = ((3, 9), (9, 3), (0.5, 0.25))
    shared.apply(
        *(
            like(at, Direction(ms(there)), Direction(ms(back)))
            for at, (there, back) in enumerate(asked)
        )
    )

    def check(found: list[Samples]) -> None:
        for rows, (there, back) in zip(found, asked, strict=True):
            t1, t2, t3, t4 = (rows.columns[f"t{number}_ns"] for number in (1, 2, 3, 4))
            assert rows.columns["sequence"].tolist() == list(range(80))
            for took, delay_ms in ((t2 - t1, there), (t4 - t3, back)):
                assert np.ma.count(took) == 80
                assert took.min() >= ms(delay_ms) - nature.early_ns
                assert np.median(took.compressed()) <= ms(delay_ms) + nature.median_ns
            whole = network_ns(rows)
            assert whole.min() >= ms(there + back) - 2 * nature.early_ns
            assert np.median(whole.compressed()) <= ms(there + back) + 2 * nature.median_ns

    until(lambda: probed(shared, [PLAIN, WIDE, NARROW], ReflectorSpec, round_trips, "rtt"), check)
