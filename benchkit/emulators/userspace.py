"""The userspace emulator: veth pairs from every site to a hub, and our own line between them.

For kernels without netem, and for ordinary users: it needs nothing but namespaces and packet sockets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from typing import Any

from benchkit.emulators import wiring
from benchkit.emulators.line import LineReport, Port, serve_line
from benchkit.emulators.link import Ends
from benchkit.errors import UnfitError
from benchkit.linux import command, process
from benchkit.linux.netns import Namespace
from benchkit.model.place import Path, PathModel

FRAME_ROOM = 128  # Ethernet, IP and TCP headers before a super-packet's payload
RING_OCTETS = 16 << 20
MOST_SLOTS = 4096
ANSWER_TIMEOUT_S = 10.0

SITE_SYSCTLS = {
    # Router solicitations and duplicate address detection would be counted as traffic.
    "ipv6/conf/all/disable_ipv6": "1",
    "ipv6/conf/default/disable_ipv6": "1",
    # The namespace's own default denies everyone, root included.
    "ipv4/ping_group_range": "0 2147483647",
    # Room for a window of a long fast path: the defaults cap one stream at 4 MB.
    "ipv4/tcp_rmem": "4096 131072 67108864",
    "ipv4/tcp_wmem": "4096 65536 67108864",
    # A cached congestion window would make the second stream start where the first one ended.
    "ipv4/tcp_no_metrics_save": "1",
    "ipv4/ip_unprivileged_port_start": "0",
}


class UserspaceEmulation:
    """The running line, and the namespaces it joins."""

    def __init__(
        self, control: Connection, namespaces: dict[str, str], ends: dict[str, Ends]
    ) -> None:
        """Hold what `userspace` made."""
        self._control = control
        self.namespaces = namespaces
        self.ends = ends

    def apply(self, models: Sequence[PathModel]) -> None:
        """Have the line take new models, in the order of the paths."""
        self._ask("models", list(models))

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
            raise UnfitError(
                "the userspace line has ended in the middle of the run: see the system log for an "
                "out-of-memory kill, then run again"
            ) from error


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
    models = [path.model for path in paths if path.model is not None]
    with ExitStack() as stack:
        hub = stack.enter_context(Namespace("the hub"))
        hub.set_sysctls(SITE_SYSCTLS)
        sites = site_namespaces(paths, stack)
        wires = [
            wiring.wire(index, path.name, path.near, path.far) for index, path in enumerate(paths)
        ]
        ports = _join(wires, models, sites, hub)
        control, theirs = process.context().Pipe()
        stack.callback(control.close)
        line = process.start(
            serve_line, theirs, ports, models, seed, netns=hub.path, name="benchkit line"
        )
        stack.callback(line.join, 2.0)
        stack.callback(line.terminate)
        theirs.close()
        _expect_ready(control)
        yield UserspaceEmulation(
            control,
            {name: netns.path for name, netns in sites.items()},
            {one.path: Ends(one.near, one.far) for one in wires},
        )


def site_namespaces(paths: Sequence[Path], stack: ExitStack) -> dict[str, Namespace]:
    """A namespace for each site, with loopback up, ended with the stack."""
    sites: dict[str, Namespace] = {}
    for name in dict.fromkeys(name for path in paths for name in (path.near, path.far)):
        netns = sites[name] = stack.enter_context(Namespace(name))
        netns.set_sysctls(SITE_SYSCTLS)
        command.run(("ip", "link", "set", "lo", "up"), netns=netns.path)
    return sites


def _join(
    wires: Sequence[wiring.Wire],
    models: Sequence[PathModel],
    sites: dict[str, Namespace],
    hub: Namespace,
) -> list[Port]:
    batches: dict[str, list[str]] = {name: [] for name in sites}
    hub_lines: list[str] = []
    ports = []
    for one, model in zip(wires, models, strict=True):
        lossy = bool(model.forward.loss or model.backward.loss)
        largest = wiring.super_packet_octets(model.rate_bps, model.mtu, loss=lossy)
        near, far = sites[one.near_site].path, sites[one.far_site].path
        hub_lines += wiring.hub_batch(one, near_netns=near, far_netns=far, mtu=model.mtu)
        for end, name, next_hop in ((True, one.near_site, 3), (False, one.far_site, 0)):
            batches[name] += wiring.site_batch(
                one,
                near=end,
                next_hop=one.hardware_address(next_hop),
                super_packet=largest,
                mtu=model.mtu,
            )
        frame = largest + FRAME_ROOM
        slots = min(MOST_SLOTS, RING_OCTETS // (-(-frame // 4096) * 4096))
        ports.append(Port(one.path, one.hub_near, one.hub_far, frame, slots))
    command.run(("ip", "-batch", "-"), feed="\n".join(hub_lines) + "\n", netns=hub.path)
    for name, lines in batches.items():
        command.run(("ip", "-batch", "-"), feed="\n".join(lines) + "\n", netns=sites[name].path)
    return ports


def _expect_ready(control: Connection) -> None:
    said = heard(control)
    if said != "ready":
        raise UnfitError(
            f"the userspace line could not open its packet rings: {said[1]}; it needs packet sockets "
            "(CONFIG_PACKET) and about 20 MB of memory for each direction"
        )
