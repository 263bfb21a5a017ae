"""What every emulator promises of rate, buffer and the size of packets."""

from __future__ import annotations

import errno
import os
import socket

import numpy as np
import pytest
from emulated import Emulated, ms, until
from emulated_probes import probed, wired
from flows import Flow
from natures import (
    BUFFER,
    ETHERNET,
    HEADERS,
    JUMBO,
    MTU,
    NARROW,
    PLAIN,
    RATE_BPS,
    WIDE,
    Nature,
    like,
)

from benchkit.clock import NS_PER_S
from benchkit.emulators.wiring import WIRE_OVERHEAD
from benchkit.model.bulk_spec import TcpSpec
from benchkit.model.place import Direction, Path
from benchkit.model.record import Calibration
from benchkit.model.responder_spec import StreamServerSpec

pytestmark = pytest.mark.privileged

OFFERED = 1.6  # times the rate
FULL_OCTETS = MTU + ETHERNET + WIRE_OVERHEAD  # of the largest packet, on the wire


@pytest.fixture(scope="module")
def overfilled(shared: Emulated) -> Flow:
    """More than fits through the narrow path, for half a second: not by much, for slow machines send it too."""
    shared.apply()
    shared.emulation.report()
    every_ns = round(FULL_OCTETS * 8 * NS_PER_S / (OFFERED * RATE_BPS))
    (flow,) = shared.send([(NARROW, False)], count=1300, every_ns=every_ns, octets=MTU - HEADERS)
    report = shared.emulation.report()
    assert report is not None
    assert (report.overflowed, report.dropped, report.lost) == (len(flow.lost), 0, 0)
    return flow


def test_no_more_passes_than_the_rate_and_hardly_less(overfilled: Flow, nature: Nature) -> None:
    # The median window is one with a queue: not the first, in which a burst may pass, and none in which a
    # stall of the sender let the queue run dry.
    arrived = np.array([stamp for _, stamp in overfilled.arrivals])
    window = 100
    took_ns = np.median(arrived[window:] - arrived[:-window])
    share = window * FULL_OCTETS * 8 * NS_PER_S / took_ns / RATE_BPS
    low, high = nature.goodput
    assert low <= share <= high


def test_what_does_not_fit_the_buffer_is_dropped_and_what_does_waits_no_longer_than_it_takes(
    overfilled: Flow, nature: Nature
) -> None:
    assert len(overfilled.lost) > 0.5 * (1 - 1 / OFFERED) * overfilled.count
    full_ns = BUFFER * 8 * NS_PER_S // RATE_BPS
    waited = overfilled.delays_ns()
    # tc counts a buffer's octets without what the wire adds to each frame.
    longest_ns = full_ns * FULL_OCTETS / (FULL_OCTETS - WIRE_OVERHEAD)
    assert np.percentile(waited, 90) <= longest_ns + nature.floor_ns + nature.median_ns
    assert np.median(waited) >= 0.8 * full_ns


def test_one_tcp_stream_fills_the_rate(shared: Emulated, nature: Nature) -> None:
    shared.apply(*(like(at, Direction(ms(1)), Direction(ms(1))) for at in (PLAIN, WIDE, NARROW)))
    segment = MTU - 20 - 32  # IPv4; TCP with time stamps
    fits = RATE_BPS * segment / FULL_OCTETS

    def share() -> float:
        (rows,) = probed(shared, [NARROW], StreamServerSpec, upload, "goodput")
        start, end, octets = (rows.columns[key] for key in ("start_ns", "end_ns", "octets"))
        return float(octets[2:].sum() * 8 * NS_PER_S / (end[-1] - start[2]) / fits)

    def check(found: float) -> None:
        low, high = nature.goodput
        assert low <= found <= high + 0.02  # a read may take what came a little earlier

    until(share, check)


def upload(path: Path, address: str, port: int, _: int) -> TcpSpec:
    return TcpSpec(
        path.name, "up", address, port, direction="up", duration_ns=NS_PER_S, congestion="cubic"
    )


def test_a_burst_sees_the_buffer_and_the_mtu_of_every_wire(shared: Emulated) -> None:
    shared.apply()

    def check(found: list[Calibration]) -> None:
        directions = ("forward", "backward")
        asked = {(one.path, one.quantity, one.direction): one.asked for one in found}
        names = [path.name for path in shared.paths]
        sizes = zip(names, (MTU, JUMBO, MTU), strict=True)
        buffers = {(names[NARROW], "buffer", way): BUFFER for way in directions}
        assert buffers.items() <= asked.items(), "not filled: this machine is too busy"
        assert asked == {
            **{(name, "mtu", way): mtu for name, mtu in sizes for way in directions},
            **buffers,
        }
        assert [one for one in found if not one.within] == []

    until(lambda: wired(shared), check)


IP_MTU_DISCOVER, ALWAYS_FRAGMENT, NEVER_FRAGMENT = 10, 0, 2


@pytest.mark.parametrize(("index", "mtu"), [(PLAIN, MTU), (WIDE, JUMBO)])
def test_a_packet_of_the_mtu_passes_and_a_larger_one_only_in_fragments(
    shared: Emulated, index: int, mtu: int
) -> None:
    shared.apply()
    fits = mtu - HEADERS
    with shared.way(index) as way:
        flow = Flow(3)
        way.sender.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, NEVER_FRAGMENT)
        way.pass_on(flow, 0, fits)
        with pytest.raises(OSError, match=os.strerror(errno.EMSGSIZE)):
            way.pass_on(flow, 1, fits + 1)
        way.sender.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, ALWAYS_FRAGMENT)
        way.pass_on(flow, 2, fits + 1)
        way.receiver.setblocking(True)
        way.receiver.settimeout(5.0)
        assert [len(way.receiver.recv(1 << 16)) for _ in range(2)] == [fits, fits + 1]
