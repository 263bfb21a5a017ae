"""The kernel's emulator: two routers between the sites, delay and rate on devices of their own.

    near site - near router = core = far router - far site

A packet to the far site waits for the rate in a tbf on the near router's core device, then takes its delay
in a netem on the far router's device to the site; the other way the same with the routers exchanged. The
sender's own device is never shaped: the kernel would stamp packets behind the shaper, and TCP would feel it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path as Folder

from benchkit.emulators import script, sites, wiring
from benchkit.emulators.follower import Follower
from benchkit.emulators.line import LineReport
from benchkit.emulators.link import Ends, ends_of, modelled
from benchkit.emulators.netem_words import Stage, stages
from benchkit.emulators.script import Step
from benchkit.errors import CommandError
from benchkit.linux import command
from benchkit.linux.leftovers import HeldFolder
from benchkit.linux.netns import Namespace
from benchkit.linux.traffic_control import TrafficControl
from benchkit.model.place import Path, PathModel

ROUTERS = ("/near", "/far")
ROUTER_SYSCTLS = {"ipv4/ip_forward": "1", "ipv4/conf/all/rp_filter": "0"}
# Where tc looks for delay tables.
TABLES = "TC_LIB_DIR"


def tc_knows_seed() -> bool:
    """Whether this tc can state netem's seed; asked of its own help."""
    try:
        said = command.run(("tc", "qdisc", "add", "dev", "lo", "root", "netem", "help"))
    except CommandError as error:
        said = str(error.args[-1])
    return "seed" in said


def steps(paths: Sequence[Path], seed: int) -> list[Step]:
    """What joins the sites to the routers, and what shapes the routers' devices.

    Raises AskedWronglyError for a path without a model.
    """
    models = modelled(paths)
    wires = wiring.wires(paths)
    known = seed if tc_knows_seed() else None
    return [*_joining(wires, models), *_shaping(_all_stages(wires, models, known))]


class NetemEmulation:
    """The routers with their qdiscs."""

    def __init__(
        self,
        places: Mapping[str, Namespace],
        shapers: Mapping[str, TrafficControl],
        wires: Sequence[wiring.Wire],
        tables: str,
        seed: int,
    ) -> None:
        """Hold the namespaces of routers and sites and each router's tc, by name, and the folder for delay tables."""
        self._places = places
        self._shapers = shapers
        self._wires = wires
        self._tables = tables
        self._seed = seed if tc_knows_seed() else None
        self._models: Sequence[PathModel] = ()
        self._seen: Counter[str] = Counter()
        self._follower: Follower | None = None
        self.namespaces = sites.paths_of(
            {name: place for name, place in places.items() if name not in ROUTERS}
        )
        self.ends: dict[str, Ends] = ends_of(wires)

    def apply(self, models: Sequence[PathModel]) -> None:
        """Install or change every stage, and start the models' traces."""
        self.stop_following()
        lost_rate = [
            Step(router, "tc", (f"qdisc del dev {one.core} root",))
            for one, old, new in zip(self._wires, self._models, models, strict=False)
            for router in ROUTERS
            if old.rate_bps is not None and new.rate_bps is None
        ]
        self._shape(lost_rate)
        self._install(models)
        self._models = tuple(models)
        if any(model.forward.trace or model.backward.trace for model in models):
            self._follower = Follower(models, self._install)

    def stop_following(self) -> None:
        """Let no trace change anything from now on."""
        if self._follower is not None:
            self._follower.stop()
            self._follower = None

    def check(self) -> None:
        """See that each router's tc is there and no trace has stopped early; the kernel itself does not end."""
        for shaper in self._shapers.values():
            shaper.check()
        if self._follower is not None:
            self._follower.check()

    def report(self) -> LineReport:
        """What the stages counted since this was last asked.

        Drops of a delay stage whose model loses nothing are the emulator's own. The kernel tells no lateness.
        """
        self.check()
        now: Counter[str] = Counter()
        for router in ROUTERS:
            words = ("tc", "-j", "-s", "qdisc", "show")
            told = json.loads(command.run(words, netns=self._places[router].path))
            counted = {each["dev"]: each for each in told if each.get("root")}
            for one, model in zip(self._wires, self._models, strict=True):
                near = router == "/near"
                direction = model.backward if near else model.forward
                delay = counted[one.hub_near if near else one.hub_far]
                now["packets"] += int(delay["packets"])
                now["lost" if direction.loses else "dropped"] += int(delay["drops"])
                now["overflowed"] += int(counted.get(one.core, {}).get("drops", 0))
        since = now - self._seen
        self._seen = now
        return LineReport(
            packets=since["packets"],
            lost=since["lost"],
            dropped=since["dropped"],
            overflowed=since["overflowed"],
        )

    def _install(self, models: Sequence[PathModel]) -> None:
        found = _all_stages(self._wires, models, self._seed)
        for stage in found:
            if stage.table:
                Folder(self._tables, f"{stage.device}.dist").write_text(stage.table)
        self._shape(_shaping(found))

    def _shape(self, steps: Sequence[Step]) -> None:
        for step in steps:
            self._shapers[step.where].run(step.lines)


@contextmanager
def netem(paths: Sequence[Path], *, seed: int) -> Iterator[NetemEmulation]:
    """Build sites and routers, shape every path, and unmake it all at the end.

    Raises AskedWronglyError for a path without a model, UnfitError where this machine cannot emulate one.
    """
    models = modelled(paths)
    wires = wiring.wires(paths)
    with ExitStack() as stack:
        tables = HeldFolder()
        stack.callback(tables.close)
        places = {name: stack.enter_context(Namespace(f"router {name[1:]}")) for name in ROUTERS}
        for router in places.values():
            sites.prepare(router, ROUTER_SYSCTLS)
        places |= sites.open_sites(paths, stack)
        script.run(_joining(wires, models), places)
        shapers = {
            name: stack.enter_context(TrafficControl(places[name].path, {TABLES: tables.path}))
            for name in ROUTERS
        }
        emulation = NetemEmulation(places, shapers, wires, tables.path, seed)
        stack.callback(emulation.stop_following)
        emulation.apply([model.still for model in models])
        yield emulation


def _all_stages(
    wires: Sequence[wiring.Wire], models: Sequence[PathModel], seed: int | None
) -> list[Stage]:
    pairs = zip(wires, models, strict=True)
    return [stage for one, model in pairs for stage in stages(one, model, seed)]


def _shaping(found: Sequence[Stage]) -> list[Step]:
    return [
        Step(router, "tc", tuple(stage.line for stage in found if stage.router == router))
        for router in ROUTERS
    ]


def router_lines(one: wiring.Wire, *, near: bool) -> list[str]:
    """`ip` lines, run in a router, that send each end's packets out of the right device."""
    mac = one.hardware_address
    if near:
        out = ((one.near, one.hub_near, mac(0)), (one.far, one.core, mac(5)))
    else:
        out = ((one.far, one.hub_far, mac(3)), (one.near, one.core, mac(4)))
    lines = []
    for address, device, hardware_address in out:
        lines.append(f"route add {address}/32 dev {device}")
        lines.append(wiring.neighbour_line(address, hardware_address, device))
    return lines


def _joining(wires: Sequence[wiring.Wire], models: Sequence[PathModel]) -> list[Step]:
    in_sites: dict[str, list[str]] = {}
    near_lines, far_lines = [wiring.LOOPBACK_UP], [wiring.LOOPBACK_UP]
    for one, model in zip(wires, models, strict=True):
        mac, mtu = one.hardware_address, model.mtu
        near, far = f"@{one.near_site}", f"@{one.far_site}"
        near_lines += wiring.veth_lines(one.hub_near, one.device, near, (mac(1), mac(0)), mtu)
        near_lines += wiring.veth_lines(one.core, one.core, "@/far", (mac(4), mac(5)), mtu)
        near_lines += router_lines(one, near=True)
        far_lines += wiring.veth_lines(one.hub_far, one.device, far, (mac(2), mac(3)), mtu)
        far_lines += [f"link set dev {one.core} up", *router_lines(one, near=False)]
        largest = wiring.super_packet_octets(model, splits=False)
        for end, site, next_hop in ((True, one.near_site, mac(1)), (False, one.far_site, mac(2))):
            in_sites.setdefault(site, [wiring.LOOPBACK_UP]).extend(
                wiring.site_lines(one, near=end, next_hop=next_hop, super_packet=largest, mtu=mtu)
            )
    routers = (("/near", near_lines), ("/far", far_lines))
    return [Step(name, "ip", tuple(lines)) for name, lines in (*routers, *in_sites.items())]
