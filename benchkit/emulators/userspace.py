"""The userspace emulator: veth pairs from every site to a hub, and our own lines between them.

For kernels without netem, and for ordinary users: it needs nothing but namespaces and packet sockets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeVar

from benchkit.emulators import script, sites, wiring
from benchkit.emulators.line import LineReport, Port, combined, serve_line
from benchkit.emulators.line_process import LineProcess, line_processes
from benchkit.emulators.link import Ends, ends_of, modelled
from benchkit.emulators.ring_size import ring_size
from benchkit.emulators.script import Step
from benchkit.emulators.star import ends_of_star, is_star, ports_and_ways, sites_of, star_steps
from benchkit.emulators.switch import serve_switch
from benchkit.linux.netns import Namespace
from benchkit.model.place import Path, PathModel

Item = TypeVar("Item")
# A line of its own keeps a path's packets on time while bulk passes through another path: measured, 0.02 ms
# late instead of 1.4 beside two streams. Each watches the clock for a share of a core, so there are few.
MOST_LINES = 4
# Of one ring at most, and of all together: a ring is memory that cannot be swapped out.
RING_OCTETS, ALL_RINGS_OCTETS = 16 << 20, 256 << 20


class UserspaceEmulation:
    """The running lines, and the namespaces they join."""

    def __init__(
        self, lines: Sequence[LineProcess], namespaces: dict[str, str], ends: dict[str, Ends]
    ) -> None:
        """Hold what `userspace` made."""
        self._lines = lines
        self.namespaces = namespaces
        self.ends = ends

    def apply(self, models: Sequence[PathModel]) -> None:
        """Have the lines take new models, in the order of the paths; all at nearly the same time."""
        for line, share in zip(self._lines, _dealt(models, len(self._lines)), strict=True):
            line.tell("models", share)
        for line in self._lines:
            line.answer()

    def check(self) -> None:
        """See that the lines are still there."""
        for line in self._lines:
            line.check()

    def report(self) -> LineReport:
        """What the lines counted since they were last asked."""
        for line in self._lines:
            line.tell("report")
        return combined([line.answer() for line in self._lines])


def _dealt(items: Sequence[Item], lines: int) -> list[list[Item]]:
    """What each line gets of one thing a path: a path and the next one go to different lines."""
    return [list(items[at::lines]) for at in range(lines)]


@contextmanager
def userspace(paths: Sequence[Path], *, seed: int) -> Iterator[UserspaceEmulation]:
    """Build the namespaces of every site, join them by lines, or a switch for a mesh, and unmake it all at the end.

    Raises AskedWronglyError for a path without a model, UnfitError where this machine cannot emulate one.
    """
    starry = is_star(paths)
    with ExitStack() as stack:
        hub = stack.enter_context(Namespace("the hub"))
        sites.prepare(hub)
        places = sites.open_sites(paths, stack)
        script.run(steps(paths, seed), {**places, wiring.HUB: hub})
        make = _switch if starry else _lines
        lines = stack.enter_context(make(hub.path, paths, seed))
        ends = ends_of_star(paths) if starry else ends_of(wiring.wires(paths))
        yield UserspaceEmulation(lines, sites.paths_of(places), ends)


def _lines(hub: str, paths: Sequence[Path], seed: int) -> AbstractContextManager[list[LineProcess]]:
    """A few lines, that share the paths."""
    models, wires = modelled(paths), wiring.wires(paths)
    room = min(RING_OCTETS, ALL_RINGS_OCTETS // (2 * len(wires)))
    ports = [_port(one, model, room) for one, model in zip(wires, models, strict=True)]
    count = min(MOST_LINES, len(ports))
    dealt = zip(_dealt(ports, count), _dealt(models, count), strict=True)
    return line_processes(hub, serve_line, [(*share, seed) for share in dealt])


def _switch(
    hub: str, paths: Sequence[Path], seed: int
) -> AbstractContextManager[list[LineProcess]]:
    """One line for all of a mesh: any site may send to any other."""
    room = min(RING_OCTETS, ALL_RINGS_OCTETS // len(sites_of(paths)))
    ports, ways = ports_and_ways(paths, room)
    return line_processes(hub, serve_switch, [(ports, ways, modelled(paths), seed)])


def steps(paths: Sequence[Path], seed: int) -> list[Step]:  # noqa: ARG001  the line is told, and types nothing
    """What joins the sites to the hub. Raises AskedWronglyError for a path without a model."""
    if is_star(paths):
        return star_steps(paths)
    in_sites: dict[str, list[str]] = {}
    in_hub = [wiring.LOOPBACK_UP]
    for one, model in zip(wiring.wires(paths), modelled(paths), strict=True):
        mac = one.hardware_address
        near, far = f"@{one.near_site}", f"@{one.far_site}"
        in_hub += wiring.veth_lines(one.hub_near, one.device, near, (mac(1), mac(0)), model.mtu)
        in_hub += wiring.veth_lines(one.hub_far, one.device, far, (mac(2), mac(3)), model.mtu)
        largest = wiring.super_packet_octets(model, splits=True)
        # The line carries frames unchanged, so each end addresses the other's device itself.
        for end, site, next_hop in ((True, one.near_site, mac(3)), (False, one.far_site, mac(0))):
            in_sites.setdefault(site, [wiring.LOOPBACK_UP]).extend(
                wiring.site_lines(
                    one, near=end, next_hop=next_hop, super_packet=largest, mtu=model.mtu
                )
            )
    sites = [Step(name, "ip", tuple(lines)) for name, lines in in_sites.items()]
    return [Step(wiring.HUB, "ip", tuple(in_hub)), *sites]


def _port(one: wiring.Wire, model: PathModel, room: int) -> Port:
    frame, slots = ring_size(wiring.super_packet_octets(model, splits=True), room)
    return Port(one.index, one.path, one.hub_near, one.hub_far, frame, slots)
