"""The kernel's emulator: two routers between the sites, delay and rate on devices of their own.

    near site - near router = core = far router - far site

A packet to the far site waits for the rate in a tbf on the near router's core device, then takes its delay
in a netem on the far router's device to the site; the other way the same with the routers exchanged. The
sender's own device is never shaped: the kernel would stamp packets behind the shaper, and TCP would feel it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from benchkit.clock import NS_PER_S, NS_PER_US
from benchkit.emulators import sites, wiring
from benchkit.emulators.line import LineReport
from benchkit.emulators.link import Ends, ends_of, modelled
from benchkit.linux import command
from benchkit.linux.netns import Namespace
from benchkit.model.place import Direction, Path, PathModel

ROUTER_SYSCTLS = {"ipv4/ip_forward": "1", "ipv4/conf/all/rp_filter": "0"}
LEAST_LIMIT = 1000
FASTEST_BPS = 100_000_000_000
LEAST_BURST = 65_536


class Stage(NamedTuple):
    """One qdisc of one path: in which router, on which device, and its words after `tc qdisc`."""

    router: str
    device: str
    words: tuple[str, ...]


def stages(one: wiring.Wire, model: PathModel) -> list[Stage]:
    """Every qdisc of a path, rate before delay in each direction."""
    stages = [
        Stage("far", one.hub_far, delay_words(model.forward, model)),
        Stage("near", one.hub_near, delay_words(model.backward, model)),
    ]
    if model.rate_bps is not None:
        stages += [Stage(router, one.core, rate_words(model)) for router in ("near", "far")]
    return stages


def delay_words(direction: Direction, model: PathModel) -> tuple[str, ...]:
    """Netem's words for one direction.

    `limit` counts packets in flight, delayed ones too, so it follows from rate and delay. A `rate` far above
    the path's keeps jittered packets in order: without one netem sorts them by their draw. tc 6.1 rejects
    "ns", so times are in microseconds.
    """
    in_flight = (model.rate_bps or FASTEST_BPS) * direction.delay_ns / (8 * model.mtu * NS_PER_S)
    words = ["netem", "limit", str(max(LEAST_LIMIT, round(1.5 * in_flight)))]
    words += ["delay", f"{direction.delay_ns / NS_PER_US:.3f}us"]
    if direction.jitter_ns:
        words += [f"{direction.jitter_ns / NS_PER_US:.3f}us", "distribution", "normal"]
        words += ["rate", f"{FASTEST_BPS}bit"]
    if direction.loss:
        words += ["loss", "random", f"{direction.loss * 100:.6f}%"]
    return tuple(words)


def rate_words(model: PathModel) -> tuple[str, ...]:
    """Tbf's words. The burst is small, for the kernel's timers are not bound to ticks, yet holds a super-packet."""
    burst = max(LEAST_BURST, 2 * wiring.super_packet_octets(model))
    buffer = model.buffer_octets if model.buffer_octets is not None else 1 << 30
    rate = ("tbf", "rate", f"{model.rate_bps}bit", "overhead", str(wiring.WIRE_OVERHEAD))
    return (*rate, "burst", str(burst), "limit", str(max(buffer, burst)))


def router_lines(one: wiring.Wire, *, near: bool) -> list[str]:
    """`ip` lines, run in a router, that send each end's packets out of the right device."""
    mac = one.hardware_address
    if near:
        out = ((one.near, one.hub_near, mac(0)), (one.far, one.core, mac(5)))
    else:
        out = ((one.far, one.hub_far, mac(3)), (one.near, one.core, mac(4)))
    lines = [f"link set dev {one.core} up"]
    for address, device, hardware_address in out:
        lines.append(f"route add {address}/32 dev {device}")
        lines.append(wiring.neighbour_line(address, hardware_address, device))
    return lines


class NetemEmulation:
    """The routers with their qdiscs."""

    def __init__(
        self,
        routers: dict[str, Namespace],
        wires: Sequence[wiring.Wire],
        namespaces: dict[str, str],
    ) -> None:
        """Hold what `netem` made."""
        self._routers = routers
        self._wires = wires
        self.namespaces = namespaces
        self.ends: dict[str, Ends] = ends_of(wires)
        self._models: Sequence[PathModel] = ()

    def apply(self, models: Sequence[PathModel]) -> None:
        """Install every stage anew: a `replace` would keep what the new words do not mention."""
        for one, model in zip(self._wires, models, strict=True):
            for stage in stages(one, model):
                where = self._routers[stage.router].path
                if self._models:
                    command.run(("tc", "qdisc", "del", "dev", stage.device, "root"), netns=where)
                words = ("tc", "qdisc", "add", "dev", stage.device, "root", *stage.words)
                command.run(words, netns=where)
        self._models = tuple(models)

    def report(self) -> LineReport:
        """What the delay stages counted since their models were applied.

        Drops in a stage whose model loses nothing are the emulator's own. The kernel tells no lateness.
        """
        packets = drops = 0
        for one, model in zip(self._wires, self._models, strict=True):
            for router, device, direction in (
                ("far", one.hub_far, model.forward),
                ("near", one.hub_near, model.backward),
            ):
                netns = self._routers[router].path
                words = ("tc", "-j", "-s", "qdisc", "show", "dev", device)
                counted = json.loads(command.run(words, netns=netns))[0]
                packets += int(counted["packets"])
                drops += 0 if direction.loss else int(counted["drops"])
        return LineReport(packets, 0, 0, drops, realtime=True, bin_ns=1, lateness=())


@contextmanager
def netem(paths: Sequence[Path], *, seed: int) -> Iterator[NetemEmulation]:  # noqa: ARG001  tc 6.1 knows no seed
    """Build sites and routers, shape every path, and unmake it all at the end."""
    models = modelled(paths)
    wires = wiring.wires(paths)
    with ExitStack() as stack:
        routers = {
            name: stack.enter_context(Namespace(f"{name} router")) for name in ("near", "far")
        }
        for router in routers.values():
            sites.prepare(router, ROUTER_SYSCTLS)
        places = sites.open_sites(paths, stack)
        _join(wires, models, places, routers)
        emulation = NetemEmulation(routers, wires, sites.paths_of(places))
        emulation.apply(models)
        yield emulation


def _join(
    wires: Sequence[wiring.Wire],
    models: Sequence[PathModel],
    places: dict[str, Namespace],
    routers: dict[str, Namespace],
) -> None:
    in_sites: dict[str, list[str]] = {name: [] for name in places}
    near_lines: list[str] = []
    far_lines: list[str] = []
    for one, model in zip(wires, models, strict=True):
        mac, mtu = one.hardware_address, model.mtu
        near, far = places[one.near_site].path, places[one.far_site].path
        near_lines += wiring.veth_lines(one.hub_near, one.device, near, (mac(1), mac(0)), mtu)
        near_lines += wiring.veth_lines(
            one.core, one.core, routers["far"].path, (mac(4), mac(5)), mtu
        )
        near_lines += router_lines(one, near=True)
        far_lines += wiring.veth_lines(one.hub_far, one.device, far, (mac(2), mac(3)), mtu)
        far_lines += router_lines(one, near=False)
        largest = wiring.super_packet_octets(model)
        for end, site, next_hop in ((True, one.near_site, mac(1)), (False, one.far_site, mac(2))):
            in_sites[site] += wiring.site_lines(
                one, near=end, next_hop=next_hop, super_packet=largest, mtu=mtu
            )
    batches = [(routers["near"], near_lines), (routers["far"], far_lines)]
    sites.run_batches([*batches, *((places[name], lines) for name, lines in in_sites.items())])
