"""The userspace emulator: veth pairs from every site to a hub, and our own line between them.

For kernels without netem, and for ordinary users: it needs nothing but namespaces and packet sockets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any

from benchkit.emulators import script, sites, wiring
from benchkit.emulators.line import LineReport, Port, serve_line
from benchkit.emulators.link import Ends, ends_of, modelled
from benchkit.emulators.script import Step
from benchkit.errors import UnfitError
from benchkit.linux import process
from benchkit.linux.netns import Namespace
from benchkit.model.place import Path, PathModel

FRAME_ROOM = 128  # Ethernet, IP and TCP headers before a super-packet's payload
# Of one ring at most, and of all together: a ring is memory that cannot be swapped out.
RING_OCTETS, ALL_RINGS_OCTETS = 16 << 20, 256 << 20
PAGE = 4096
MOST_SLOTS = 4096
ANSWER_TIMEOUT_S = 10.0
# The kernel takes some 30 ms to let go of a ring, and a star of 46 paths has 92.
END_TIMEOUT_S = 15.0
HUB = "/hub"


class UserspaceEmulation:
    """The running line, and the namespaces it joins."""

    def __init__(
        self,
        line: ForkServerProcess,
        control: Connection,
        namespaces: dict[str, str],
        ends: dict[str, Ends],
    ) -> None:
        """Hold what `userspace` made."""
        self._line = line
        self._control = control
        self.namespaces = namespaces
        self.ends = ends

    def apply(self, models: Sequence[PathModel]) -> None:
        """Have the line take new models, in the order of the paths."""
        self._ask("models", list(models))

    def check(self) -> None:
        """See that the line is still there."""
        if process.has_ended(self._line):
            raise _gone()

    def report(self) -> LineReport:
        """What the line counted since it was last asked."""
        answer = self._ask("report", None)
        if not isinstance(answer, LineReport):
            raise UnfitError(f"the userspace line answered {answer!r} where a report was asked")
        return answer

    def _ask(self, order: str, body: Any) -> Any:  # noqa: ANN401  whatever the line answers
        try:
            self._control.send((order, body))
            return heard(self._control)
        except (OSError, EOFError) as error:
            raise _gone() from error


def _gone() -> UnfitError:
    return UnfitError(
        "the userspace line has ended in the middle of the run: see the system log for an out-of-memory "
        "kill, then run again"
    )


def heard(control: Connection) -> Any:  # noqa: ANN401  whatever the line says
    """What the line says next. Raises UnfitError if it says nothing in time."""
    if not control.poll(ANSWER_TIMEOUT_S):
        raise UnfitError(
            f"the userspace line did not answer within {ANSWER_TIMEOUT_S:.0f} s: the machine is too "
            "busy to emulate a path; free a core and run again"
        )
    return control.recv()


@contextmanager
def userspace(paths: Sequence[Path], *, seed: int) -> Iterator[UserspaceEmulation]:
    """Build the namespaces of every site, join them by the line, and unmake it all at the end."""
    models = modelled(paths)
    wires = wiring.wires(paths)
    with ExitStack() as stack:
        hub = stack.enter_context(Namespace("the hub"))
        sites.prepare(hub)
        places = sites.open_sites(paths, stack)
        script.run(steps(paths, seed), {**places, HUB: hub})
        control, theirs = process.context().Pipe()
        stack.callback(control.close)
        room = min(RING_OCTETS, ALL_RINGS_OCTETS // (2 * len(wires)))
        ports = [_port(one, model, room) for one, model in zip(wires, models, strict=True)]
        line = process.start(
            serve_line, theirs, ports, models, seed, netns=hub.path, name="benchkit line"
        )
        stack.callback(line.join, END_TIMEOUT_S)
        stack.callback(line.terminate)
        theirs.close()
        _expect_ready(control)
        yield UserspaceEmulation(line, control, sites.paths_of(places), ends_of(wires))


def steps(paths: Sequence[Path], seed: int) -> list[Step]:  # noqa: ARG001  the line is told, and types nothing
    """What joins the sites to the hub."""
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
    return [Step(HUB, "ip", tuple(in_hub)), *sites]


def _port(one: wiring.Wire, model: PathModel, room: int) -> Port:
    frame = wiring.super_packet_octets(model, splits=True) + FRAME_ROOM
    slots = min(MOST_SLOTS, room // (-(-frame // PAGE) * PAGE))
    return Port(one.path, one.hub_near, one.hub_far, frame, slots)


def _expect_ready(control: Connection) -> None:
    said = heard(control)
    if said != "ready":
        raise UnfitError(
            f"the userspace line could not open its packet rings: {said[1]}; it needs packet sockets "
            "(CONFIG_PACKET) and about 20 MB of memory for each direction"
        )
