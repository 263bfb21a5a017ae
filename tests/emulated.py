"""Small emulations, and what passes along them, seen from outside: sockets in the sites with the kernel's own stamps.

Everything runs in the test's own process: a socket stays in the namespace of the thread that made it.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray

from benchkit.campaign import phases, wire
from benchkit.campaign.crew import Crew
from benchkit.campaign.harvest import Harvest
from benchkit.clock import NS_PER_MS, NS_PER_S, monotonic_ns
from benchkit.emulators.choice import EMULATORS
from benchkit.emulators.link import Emulation
from benchkit.linux import command, libc, timestamping
from benchkit.linux.channel import Channel
from benchkit.linux.trials import timer_lateness_ns
from benchkit.model.bulk_spec import TcpSpec
from benchkit.model.place import Direction, Path, PathModel
from benchkit.model.record import Calibration
from benchkit.model.responder_spec import ReflectorSpec, StreamServerSpec
from benchkit.model.samples import Samples
from benchkit.model.spec import StampSpec
from benchkit.testbeds.namespaces import NamespaceTestbed

Result = TypeVar("Result")

SO_RCVBUFFORCE, SO_MEMINFO = 33, 55
MEMINFO = struct.Struct("=9I")  # the last is what found no room in the socket
ROOM_OCTETS = 16 << 20
NUMBER = struct.Struct(">Q")
AT_ONCE = 32  # packets sent before the receivers get their turn
QUIET_NS = 300 * NS_PER_MS
TRIES = 5
FIRST_REST_S = 0.2  # after the first try; twice as long after each further one
BUSY_NS = NS_PER_MS // 2
TRIAL_NS = 300 * NS_PER_MS
PORT = 8620
PROBE_S = 5.0


def ms(milliseconds: float) -> int:
    return round(milliseconds * NS_PER_MS)


def both_ways(there: Direction, back: Direction | None = None, **rest: Any) -> PathModel:
    """A model; without `back` the way back takes no time and does nothing."""
    return PathModel(there, back or Direction(0), **rest)


def delays(there_ms: float, back_ms: float, **rest: Any) -> PathModel:
    return PathModel(Direction(ms(there_ms)), Direction(ms(back_ms)), **rest)


def star(models: Sequence[PathModel]) -> list[Path]:
    """A path from the site `here` to a site of its own for each model."""
    return [
        Path(f"here-there{index}", "here", f"there{index}", model)
        for index, model in enumerate(models)
    ]


def inside(netns: str, function: Callable[..., Result], *arguments: Any) -> Result:
    """Call it in a thread that has entered the network namespace at a path."""
    outcome: list[Result] = []
    trouble: list[Exception] = []

    def body() -> None:
        try:
            libc.enter_network(netns)
            outcome.append(function(*arguments))
        except Exception as error:  # noqa: BLE001  raised in the caller's thread
            trouble.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if trouble:
        raise trouble[0]
    return outcome[0]


@dataclass
class Flow:
    """What was sent one way, by number from 0, with kernel stamps (CLOCK_REALTIME ns)."""

    count: int
    queued: dict[int, int] = field(default_factory=dict)  # handed to the sender's device
    sent: dict[int, int] = field(default_factory=dict)  # taken by the sender's driver
    arrivals: list[tuple[int, int]] = field(default_factory=list)  # number and stamp, as they came

    @property
    def order(self) -> list[int]:
        """The numbers as they came."""
        return [number for number, _ in self.arrivals]

    @property
    def lost(self) -> list[int]:
        """The numbers that never came."""
        return sorted(set(range(self.count)) - set(self.order))

    def delays_ns(self) -> NDArray[np.int64]:
        """From the sender's driver to the receiver's kernel, for all that came."""
        return np.array([stamp - self.sent[number] for number, stamp in self.arrivals])

    def local_ns(self) -> NDArray[np.int64]:
        """What each packet waited in the sender's own device."""
        return np.array([stamp - self.queued[number] for number, stamp in self.sent.items()])


class Way:
    """One direction of a path: a socket that sends, and one that receives."""

    def __init__(self, emulation: Emulation, path: Path, *, back: bool = False) -> None:
        """Open both inside their sites."""
        ends = emulation.ends[path.name]
        sites, addresses = (path.near, path.far), (ends.near, ends.far)
        source, target = (1, 0) if back else (0, 1)
        self.receiver = udp_at(emulation, sites[target], addresses[target])
        self.sender = udp_at(emulation, sites[source], addresses[source])
        self.sender.connect(self.receiver.getsockname())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sender.close()
        self.receiver.close()

    def pass_on(self, flow: Flow, number: int, octets: int) -> None:
        self.sender.send(NUMBER.pack(number).ljust(octets, b"\0"))
        self.take_stamps(flow)

    def take_stamps(self, flow: Flow) -> None:
        for identity, point, stamp, _ in timestamping.transmit_stamps(self.sender):
            stamps = flow.sent if point == timestamping.SND else flow.queued
            stamps[identity] = stamp

    def take_arrivals(self, flow: Flow) -> bool:
        """Whether anything had come."""
        found = [
            (NUMBER.unpack_from(one.payload)[0], one.stamp_ns)
            for one in timestamping.receive(self.receiver)
        ]
        flow.arrivals += found
        return bool(found)

    def overflowed(self) -> int:
        """How many packets the receiving socket had no room for."""
        told = self.receiver.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, MEMINFO.size)
        return int(MEMINFO.unpack(told)[-1])


def udp_at(emulation: Emulation, site: str, address: str) -> socket.socket:
    """A stamped UDP socket in a site, bound to an address of it, with room for whatever may come."""
    udp = inside(emulation.namespaces[site], timestamping.stamped_udp_socket)
    with suppress(PermissionError):  # an ordinary user gets what the system allows
        udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM_OCTETS)
    udp.bind((address, 0))
    return udp


@dataclass
class Emulated:
    """A running emulation of some paths."""

    emulation: Emulation
    paths: Sequence[Path]

    def apply(self, *models: PathModel) -> None:
        """Take these for the first paths; the rest get no delay, and keep their rate, buffer and MTU."""
        bare = [path.model.bare for path in self.paths[len(models) :] if path.model is not None]
        self.emulation.apply([*models, *bare])

    def way(self, index: int, *, back: bool = False) -> Way:
        """One direction of the path of that index; a context that closes its sockets."""
        return Way(self.emulation, self.paths[index], back=back)

    def ways(self, *indices: int) -> list[tuple[int, bool]]:
        """Both directions of the paths of these indices, for `send`."""
        return [(index, back) for index in indices for back in (False, True)]

    def send(
        self,
        ways: Sequence[tuple[int, bool]],
        *,
        count: int,
        every_ns: int,
        octets: int = 64,
        halfway: Callable[[], None] | None = None,
    ) -> list[Flow]:
        """Send `count` packets each way, all at once, and see what comes.

        A way is the index of a path, and whether back from its far end. `halfway` is called in the middle.
        """
        with ExitStack() as stack:
            opened = [stack.enter_context(self.way(at, back=back)) for at, back in ways]
            flows = [Flow(count) for _ in opened]
            pairs = list(zip(opened, flows, strict=True))
            _send_all(pairs, range(count // 2), every_ns, octets)
            if halfway is not None:
                halfway()
            _send_all(pairs, range(count // 2, count), every_ns, octets)
            _await_rest(pairs)
            assert not sum(one.overflowed() for one in opened), "the test was too slow to receive"
        return flows


def _send_all(
    pairs: Sequence[tuple[Way, Flow]], numbers: range, every_ns: int, octets: int
) -> None:
    began, at = monotonic_ns(), 0
    while at < len(numbers):
        due = (monotonic_ns() - began) // every_ns + 1
        for number in numbers[at : min(due, at + AT_ONCE)]:
            for way, flow in pairs:
                way.pass_on(flow, number, octets)
            at += 1
        for way, flow in pairs:
            way.take_arrivals(flow)
        left = began + at * every_ns - monotonic_ns()
        if left > 0:
            select.select([way.receiver for way, _ in pairs], [], [], left / NS_PER_S)


def _await_rest(pairs: Sequence[tuple[Way, Flow]]) -> None:
    """Until all have come, or nothing more does."""
    last = monotonic_ns()
    while monotonic_ns() < last + QUIET_NS and any(flow.lost for _, flow in pairs):
        select.select([way.receiver for way, _ in pairs], [], [], QUIET_NS / 10 / NS_PER_S)
        came = [way.take_arrivals(flow) for way, flow in pairs]
        if any(came):
            last = monotonic_ns()
    for way, flow in pairs:
        way.take_arrivals(flow)
        way.take_stamps(flow)


@contextmanager
def emulated(emulator: str, models: Sequence[PathModel], *, seed: int = 1) -> Iterator[Emulated]:
    """A star of these models, through the emulator of that name."""
    paths = star(models)
    with EMULATORS[emulator](paths, seed=seed) as emulation:
        yield Emulated(emulation, paths)


def brought_home(
    emulated: Emulated,
    indices: Sequence[int],
    server: type[ReflectorSpec | StreamServerSpec],
    spec_of: Callable[[Path, str, int, int], StampSpec | TcpSpec],
    *kinds: str,
) -> tuple[list[Samples], ...]:
    """What probes bring home of each kind, one along each of these paths, all at once.

    `spec_of` is given the path, the server's address and port, and a session identifier.
    """
    harvest, emulation = Harvest(), emulated.emulation
    jobs: dict[str, tuple[str, StampSpec | TcpSpec]] = {}
    with ExitStack() as stack:
        channel = stack.enter_context(Channel())
        testbed = stack.enter_context(NamespaceTestbed(emulation.namespaces))
        crew = Crew(testbed.sites, channel, harvest.add)
        for path in (emulated.paths[at] for at in indices):
            far = emulation.ends[path.name].far
            crew.serve(path.far, server(far, PORT))
            spec = spec_of(path, far, PORT, len(jobs) + 1)
            assert harvest.open_session(path.name, spec.phase) == len(jobs) + 1
            jobs[path.name] = path.near, spec
        crew.await_responders()
        assert crew.work(jobs, PROBE_S) == {}

        def complete() -> bool:
            return all(
                harvest.has(kind, name, spec.phase)
                and not harvest.awaits_departures(name, spec.phase)
                for name, (_, spec) in jobs.items()
                for kind in kinds
            )

        assert crew.wait_for(complete)
    return tuple(
        [
            each
            for name, (_, spec) in jobs.items()
            for each in (harvest.samples(kind, name, spec.phase),)
            if each is not None
        ]
        for kind in kinds
    )


def probed(
    emulated: Emulated,
    indices: Sequence[int],
    server: type[ReflectorSpec | StreamServerSpec],
    spec_of: Callable[[Path, str, int, int], StampSpec | TcpSpec],
    kind: str,
) -> list[Samples]:
    """The same of one kind alone."""
    (found,) = brought_home(emulated, indices, server, spec_of, kind)
    return found


def wired(emulated: Emulated) -> list[Calibration]:
    """What bursts along every path find of its wire."""
    harvest, emulation = Harvest(), emulated.emulation
    with Channel() as channel, NamespaceTestbed(emulation.namespaces) as testbed:
        crew = Crew(testbed.sites, channel, harvest.add)
        for phase in phases.wire_phases(tuple(emulated.paths)):
            jobs = {
                f"{path.name} {kind}": job
                for path in phase.paths
                for kind, job in wire.jobs(path, phase, emulation.ends[path.name]).items()
            }
            assert crew.work(jobs, PROBE_S) == {}
    return [row for path in emulated.paths for row in wire.calibrations(path, harvest)]


def until(measure: Callable[[], Result], check: Callable[[Result], None]) -> Result:
    """Measure and check; a few times over some seconds, for a stall of the machine is not the emulator's.

    Skips where the check never holds on a machine that cannot even wake a process in time.
    """
    for attempt in range(TRIES - 1):
        found = measure()
        with suppress(AssertionError):
            check(found)
            return found
        time.sleep(FIRST_REST_S * 2**attempt)
    found = measure()
    try:
        check(found)
    except AssertionError:
        late_ns = np.percentile(timer_lateness_ns(TRIAL_NS), 95)
        if late_ns > BUSY_NS:
            pytest.skip(
                f"one timer in twenty is {late_ns / NS_PER_MS:.1f} ms late: too busy to tell"
            )
        raise
    return found


def host_links() -> set[str]:
    """The network devices of the namespace that this process is in."""
    return {each["ifname"] for each in json.loads(command.run(("ip", "-j", "link")))}


def host_addresses() -> set[str]:
    """The IPv4 addresses of the namespace that this process is in, but for the loopback's."""
    told = json.loads(command.run(("ip", "-j", "-4", "addr")))
    found = {info["local"] for each in told for info in each.get("addr_info", ())}
    return {address for address in found if not address.startswith("127.")}
