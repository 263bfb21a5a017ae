"""What every emulator promises about a path, measured along it: an entry in NATURES is tested in full.

A feature of the model gets a row in one of the tables: DELAYS, JITTERS, LOSSES or STRAYS.
"""

from __future__ import annotations

import errno
import math
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
from emulated import (
    Emulated,
    Flow,
    both_ways,
    delays,
    emulated,
    host_addresses,
    host_links,
    inside,
    ms,
    probed,
    star,
    until,
    wired,
)
from numpy.typing import NDArray
from processes import descendants, gone_from, networks

from benchkit.clock import NS_PER_MS, NS_PER_S, NS_PER_US, realtime_ns
from benchkit.emulators import choice, netem
from benchkit.emulators.wiring import WIRE_OVERHEAD
from benchkit.errors import AskedWronglyError, CommandError, UnfitError
from benchkit.linux import process
from benchkit.model.bulk_spec import TcpSpec
from benchkit.model.impairment import Bursts, Trace
from benchkit.model.place import Direction, Path, PathModel
from benchkit.model.record import Calibration
from benchkit.model.responder_spec import ReflectorSpec, StreamServerSpec
from benchkit.model.samples import Samples
from benchkit.model.spec import StampSpec
from benchkit.stats.binomial import binomial_ranks
from benchkit.stats.round_trip import network_ns

pytestmark = pytest.mark.privileged


class Nature(NamedTuple):
    """What an emulator can do, and how far from the model it may be on a machine that has other work too."""

    missing: Callable[[], str | None]  # why it cannot run here, in the kernel's own words
    repeats_losses: Callable[[], bool]  # whether the same seed loses the same packets
    tells_lateness: bool  # whether it reports how late it was with each packet
    median_ns: int  # how much later than asked the median packet may come
    tail_ns: int  # the same of the slowest tenth
    early_ns: int  # how much earlier than asked any packet may come: the error of two stamps
    step_ns: int  # how much later than asked a step of a trace may come
    floor_ns: int  # how long the median packet may take where no delay is asked
    goodput: tuple[float, float]  # share of what a rate leaves after headers


NATURES = {
    "userspace": Nature(
        missing=choice.why_no_userspace,
        repeats_losses=lambda: True,
        tells_lateness=True,
        median_ns=ms(0.3),
        tail_ns=ms(0.5),
        early_ns=20 * NS_PER_US,
        step_ns=ms(40),
        floor_ns=ms(0.5),
        goodput=(0.94, 1.003),
    ),
    "netem": Nature(
        missing=choice.why_no_netem,
        repeats_losses=netem.tc_knows_seed,
        tells_lateness=False,
        median_ns=ms(0.5),
        tail_ns=ms(1.2),
        early_ns=50 * NS_PER_US,
        step_ns=ms(60),
        floor_ns=ms(0.7),
        goodput=(0.94, 1.003),
    ),
}

CONFIDENCE = 0.999
RATE_BPS = 20_000_000
BUFFER = 64 * 1024
MTU, JUMBO = 1500, 9000
HEADERS = 28  # IPv4 and UDP
ETHERNET = 14
# The paths of the emulation that most tests share. Rate, buffer and MTU are those it was built with.
PLAIN, WIDE, NARROW = 0, 1, 2
SHARED = (
    delays(0, 0),
    delays(0, 0, mtu=JUMBO),
    delays(0, 0, rate_bps=RATE_BPS, buffer_octets=BUFFER),
)


@pytest.fixture(scope="module", autouse=True)
def _started_once() -> None:
    """Have what outlives every emulation, the server of processes, started before anything is counted."""
    process.warm_up(["benchkit.probes.door", "benchkit.emulators.line"])
    starter = process.start(time.sleep, 0, netns=None, name="a first one")
    starter.join(20.0)


@pytest.fixture(scope="module", params=list(NATURES))
def name(request: pytest.FixtureRequest) -> str:
    why_not = NATURES[request.param].missing()
    if why_not:
        pytest.skip(f"{request.param} cannot run here: {why_not}")
    return str(request.param)


@pytest.fixture(scope="module")
def nature(name: str) -> Nature:
    return NATURES[name]


@pytest.fixture(scope="module")
def shared(name: str) -> Iterator[Emulated]:
    """Three paths from one site, built once."""
    with emulated(name, SHARED) as running:
        yield running


def like(index: int, there: Direction, back: Direction | None = None) -> PathModel:
    """The shared path of that index with other directions."""
    return replace(SHARED[index], forward=there, backward=back or Direction(0))


def assert_delayed(flow: Flow, asked_ns: int, nature: Nature) -> None:
    """Nothing is lost, nothing comes early, and most come when they should."""
    assert flow.lost == []
    found = flow.delays_ns()
    assert found.min() >= asked_ns - nature.early_ns
    assert np.median(found) <= asked_ns + max(nature.median_ns, not asked_ns and nature.floor_ns)


def test_every_emulator_is_held_to_this_contract() -> None:
    assert NATURES.keys() == choice.EMULATORS.keys() - {"none"}  # which promises nothing


# Delay.

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


# Jitter.


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


# Loss.


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


# What strays: packets that overtake, packets that come twice.


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


# Rate and buffer.


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


# The probe that measures in earnest.


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


def test_a_burst_sees_the_buffer_and_the_mtu_of_every_wire(shared: Emulated) -> None:
    shared.apply()

    def check(found: list[Calibration]) -> None:
        directions = ("forward", "backward")
        asked = {(one.path, one.quantity, one.direction): one.asked for one in found}
        names = [path.name for path in shared.paths]
        sizes = zip(names, (MTU, JUMBO, MTU), strict=True)
        assert asked == {
            **{(name, "mtu", way): mtu for name, mtu in sizes for way in directions},
            **{(names[NARROW], "buffer", way): BUFFER for way in directions},
        }
        assert [one for one in found if not one.within] == []

    until(lambda: wired(shared), check)


# Sizes.

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


# What is not on the path, and what is left.


def test_a_site_reaches_nothing_but_its_own_paths(shared: Emulated) -> None:
    ends = shared.emulation.ends
    names = [path.name for path in shared.paths]
    for at, path in enumerate(shared.paths):
        others = {
            end for name in names if name != names[at] for end in (ends[name].near, ends[name].far)
        }
        for address in {*others, *host_addresses(), "192.0.2.1"}:
            with pytest.raises(OSError, match=os.strerror(errno.ENETUNREACH)):
                inside(shared.emulation.namespaces[path.far], connect, address)
    for address in {*host_addresses(), "192.0.2.1"}:
        with pytest.raises(OSError, match=os.strerror(errno.ENETUNREACH)):
            inside(shared.emulation.namespaces["here"], connect, address)


def connect(address: str) -> None:
    """Ask the kernel for a route; nothing is sent."""
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.connect((address, 9))


def test_a_sites_own_loopback_works(shared: Emulated) -> None:
    def round_trip() -> bytes:
        with socket.socket(type=socket.SOCK_DGRAM) as udp:
            udp.settimeout(5.0)
            udp.bind(("127.0.0.1", 0))
            udp.sendto(b"hello", udp.getsockname())
            return udp.recv(16)

    assert inside(shared.emulation.namespaces["here"], round_trip) == b"hello"


def test_a_killed_emulation_says_so_and_a_living_one_does_not(name: str) -> None:
    before = descendants()
    with emulated(name, [delays(1, 1)]) as running:
        running.emulation.check()
        own = descendants() - before
        if not own:
            pytest.skip(f"{name} has no process that could be killed")
        for pid in own:
            os.kill(pid, signal.SIGKILL)
        assert gone_from(descendants, before, within_s=2.0) == set()
        time.sleep(0.2)  # the fork server says so after it has seen it
        with pytest.raises(UnfitError, match="ended"):
            running.emulation.check()
        with pytest.raises(UnfitError, match="ended"):
            running.emulation.report()


def test_two_emulations_at_once_do_not_see_each_other(name: str, nature: Nature) -> None:
    with emulated(name, [delays(4, 0)]) as one, emulated(name, [delays(12, 0)]) as other:
        assert (
            one.emulation.ends == other.emulation.ends
        )  # told apart by nothing but their namespaces
        for each, delay_ms in ((one, 4), (other, 12), (one, 4)):

            def check(flows: list[Flow], asked_ns: int = ms(delay_ms)) -> None:
                assert_delayed(flows[0], asked_ns, nature)

            until(partial(each.send, [(0, False)], count=40, every_ns=ms(3)), check)


# Ways for an emulation to end, each with what is raised.


def it_ends(name: str) -> None:
    with emulated(name, [delays(1, 1, rate_bps=RATE_BPS), delays(1, 1)]) as running:
        running.send([(0, False)], count=3, every_ns=NS_PER_MS)


def its_body_fails(name: str) -> None:
    with emulated(name, [delays(1, 1)]) as running:
        running.emulation.apply([both_ways(Direction(ms(1), trace=Trace((0, ms(60_000)), (0, 0))))])
        raise KeyError("the campaign failed")


def a_device_is_refused(name: str) -> None:
    with emulated(name, [delays(1, 1), delays(1, 1, mtu=20)]):
        pytest.fail("no device has an MTU of 20")


def a_path_has_no_model(name: str) -> None:
    real = replace(star([delays(1, 1)])[0], model=None)
    with choice.EMULATORS[name]([real], seed=1):
        pytest.fail("there is nothing to emulate")


ENDS: dict[Callable[[str], None], type[Exception] | None] = {
    it_ends: None,
    its_body_fails: KeyError,
    a_device_is_refused: CommandError,
    a_path_has_no_model: AskedWronglyError,
}


@pytest.mark.parametrize("ending", ENDS, ids=lambda ending: ending.__name__)
def test_nothing_is_left_however_it_ends(name: str, ending: Callable[[str], None]) -> None:
    links, spaces, processes = host_links(), networks(), descendants()
    threads = set(threading.enumerate())
    error = ENDS[ending]
    with nullcontext() if error is None else pytest.raises(error):
        ending(name)
    assert host_links() == links
    assert gone_from(descendants, processes, within_s=0.5) == set()
    assert gone_from(networks, spaces, within_s=0.5) == set()
    assert gone_from(lambda: set(threading.enumerate()), threads, within_s=0.5) == set()


def test_a_running_emulation_is_all_inside_namespaces_of_its_own(name: str) -> None:
    links, spaces = host_links(), networks()
    with emulated(name, [delays(1, 1)]):
        assert host_links() == links
        assert len(networks() - spaces) >= 3  # two sites, and what is between them
