"""The phases of a campaign, as data: what is measured when, on which paths, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchkit.campaign.meshes import apart, bulk_groups, sampled, side_by_side
from benchkit.campaign.probe_packets import transmission_ns
from benchkit.clock import NS_PER_S
from benchkit.model.place import Path
from benchkit.model.target import Plan

FLOOR, CALIBRATION, IDLE, HTTP, UP, DOWN = "floor", "calibration", "idle", "http", "up", "down"
UDP_UP, UDP_DOWN = "udp up", "udp down"
RATE_UP, RATE_DOWN = "rate up", "rate down"
WIRE_UP, WIRE_DOWN = "wire up", "wire down"
BOTH, BOTH_UP, BOTH_DOWN = "both", "both up", "both down"
LOADED = (UP, DOWN, BOTH)
# Phases with bulk streams: what each stream's own samples are called, and whether it goes from the near end to the
# far one.
BULK: dict[str, dict[str, bool]] = {
    UP: {UP: True},
    DOWN: {DOWN: False},
    BOTH: {BOTH_UP: True, BOTH_DOWN: False},
    RATE_UP: {RATE_UP: True},
    RATE_DOWN: {RATE_DOWN: False},
}
# Beside a load, at this rate, requests over new connections: their handshakes and waits make the responsiveness.
FOREIGN_PER_S = 10
# Probes with a phase of their own: what happens in it, and whether at the packets' or the requests' pace.
SINGLE = {
    "rtt": (IDLE, "round trips, idle", True),
    "icmp": ("icmp", "pings", True),
    "connect": ("connect", "TCP connections", False),
    "request": ("request", "TCP requests", False),
    "http": (HTTP, "HTTP requests", False),
    "http-fresh": ("http-fresh", "HTTP requests, a connection each", False),
    "http-load": ("http-load", "HTTP requests by the load client", False),
}
# A stream test's direction as seen from the near end; where it is both, each has samples of its own.
DIRECTIONS = {UP: "up", DOWN: "down", BOTH: "both", RATE_UP: "up", RATE_DOWN: "down"}
DATAGRAMS = {UDP_UP: True, UDP_DOWN: False}
# What stands before the name of a workload.
WORK = "work "
RATE_NS = 2 * NS_PER_S // 5
WIRE_NS = NS_PER_S // 10
# A probe needs this long beside its measuring time: to start, and for the last answer.
OVERHEAD_NS = NS_PER_S // 2
LEAST_ROUND_NS = NS_PER_S
# Fewer answers than this calibrate nothing; some more are sent for, as chance has it. Of a path that loses nearly all
# no end of packets is.
LEAST_ANSWERS, MORE, LEAST_PASSING = 50, 1.2, 0.02
# Packets a second, of all paths together: where a plan sends fewer, so many disturb nothing.
FASTEST_CALIBRATION = 1000


@dataclass(frozen=True)
class Phase:
    """One stretch of measuring. `words` say to a person what happens; all its paths run at once."""

    name: str
    words: str
    paths: tuple[Path, ...]
    duration_ns: int
    packets_per_s: float

    @property
    def packets(self) -> int:
        """How many packets or requests are due on each path; at least one, where the phase has any."""
        return max(1, round(self.packets_per_s * self.duration_ns / NS_PER_S))

    @property
    def seconds(self) -> float:
        """How long it takes, with what a probe needs beside."""
        return (self.duration_ns + OVERHEAD_NS) / NS_PER_S

    @property
    def interval_ns(self) -> int:
        """How far apart they are; 0 where there are none."""
        return round(NS_PER_S / self.packets_per_s) if self.packets_per_s else 0


def calibration_phases(plan: Plan, paths: tuple[Path, ...]) -> tuple[Phase, Phase]:
    """The floor without any delay, then what the emulator makes of the models.

    Where the plan's packets are too few to tell anything they come faster, and of many paths for longer.
    """
    wanted = max((_wanted_answers(path) for path in paths), default=0)
    enough = wanted * NS_PER_S / plan.calibration_ns
    carried = min((_easily_carried(path) for path in paths), default=enough)
    rate = max(plan.rate_per_s, min(enough, carried, FASTEST_CALIBRATION / max(len(paths), 1)))
    lasts = max(plan.calibration_ns, round(wanted * NS_PER_S / rate))
    floor = Phase(FLOOR, "floor, no delay", paths, lasts // 2, rate)
    got = Phase(CALIBRATION, "asked against got", paths, lasts, rate)
    return floor, got


def _easily_carried(path: Path) -> float:
    """How many packets a second take a tenth of the path's rate."""
    taken = transmission_ns(path.model) if path.model is not None else 0
    return NS_PER_S / (10 * taken) if taken else FASTEST_CALIBRATION


def _wanted_answers(path: Path) -> int:
    """How many packets it takes for enough of them to be answered, where the model loses some."""
    if path.model is None:
        return 0
    passing = (1 - path.model.forward.mean_loss) * (1 - path.model.backward.mean_loss)
    return round(MORE * LEAST_ANSWERS / max(passing, LEAST_PASSING))


def host_floor(plan: Plan, paths: tuple[Path, ...]) -> Phase:
    """The floor where nothing is emulated: over this host's loopback, told of the first path."""
    lasts = plan.calibration_ns // 2
    return Phase(FLOOR, "floor, this host's loopback", paths[:1], lasts, plan.rate_per_s)


def rate_phases(plan: Plan, paths: tuple[Path, ...]) -> tuple[Phase, ...]:
    """A bulk stream without delay on each path with a rate, in each direction, where bulk is measured at all."""
    return tuple(
        Phase(name, f"{path.name} {name}, no delay", (path,), RATE_NS, 0)
        for path in sampled(paths)
        if "tcp" in plan.probes and path.model is not None and path.model.rate_bps is not None
        for name in (RATE_UP, RATE_DOWN)
    )


def wire_phases(paths: tuple[Path, ...]) -> tuple[Phase, ...]:
    """Sizes and a burst without delay in each direction: path by path where there is a buffer to fill.

    Of a mesh a few stand for all.
    """
    paths = sampled(paths)
    filling = [path for path in paths if path.model is not None and path.model.buffer_octets]
    rest = tuple(path for path in paths if path not in filling)
    groups = [*((path,) for path in filling), *apart(rest)]
    return tuple(
        Phase(name, f"{_names(group)} {name}, no delay", group, WIRE_NS, 0)
        for group in groups
        for name in (WIRE_UP, WIRE_DOWN)
    )


def _names(paths: tuple[Path, ...]) -> str:
    return paths[0].name if len(paths) == 1 else f"{len(paths)} paths"


def measuring_phases(
    plan: Plan, paths: tuple[Path, ...], can: Callable[[str, Path], bool] = lambda _, __: True
) -> tuple[Phase, ...]:
    """What the plan's probes ask for: idle paths all at once, loaded ones one after another, a mesh's in rounds.

    `can` says whether a path's far end takes a probe. Two bulk streams at once would compete for this machine's
    cores, and measure that: see `meshes`.
    """
    phases = []
    for probe, (name, words, as_packets) in SINGLE.items():
        able = tuple(path for path in paths if can(probe, path))
        if probe not in plan.probes or not able:
            continue
        lasts = plan.duration_ns if as_packets else plan.http_duration_ns
        rate = plan.rate_per_s if as_packets else plan.http_rate_per_s
        # Round trips of a site share a process; every other session of a modelled path has one to itself.
        parts = [able] if probe == "rtt" else side_by_side(able)
        for place, part in enumerate(parts, start=1):
            of = f", part {place} of {len(parts)}" if len(parts) > 1 else ""
            phases.append(Phase(name, words + of, part, lasts, rate))
    for probe, names, rate in (("tcp", LOADED, plan.load_rate_per_s), ("udp", DATAGRAMS, 0)):
        if probe in plan.probes:
            takers = [path for path in paths if can(probe, path)]
            phases += _bulk_phases(bulk_groups(takers), tuple(names), plan.load_duration_ns, rate)
    for path in paths:
        phases += _work_phases(plan, path) if can("workload", path) else []
    return tuple(phases)


def is_load(name: str) -> bool:
    """Whether bulk data move over a path in a phase of that name."""
    return name in LOADED or name in DATAGRAMS


def names_of(probe: str, plan: Plan) -> tuple[str, ...]:
    """What the phases are called in which a probe measures."""
    if probe in SINGLE:
        return (SINGLE[probe][0],)
    if probe == "workload":
        return tuple(f"{WORK}{work.name}" for work in plan.workloads)
    return LOADED if probe == "tcp" else tuple(DATAGRAMS)


def lengthened_by(metric: str) -> str:
    """By what a metric is measured longer that --duration does not lengthen, as the end of a sentence; else nothing."""
    probe = {"goodput": "tcp"}.get(metric, metric)
    key = lasting_key(probe) if probe in SINGLE or probe in {"tcp", "udp"} else "duration"
    return "" if key == "duration" else f", by `{key}` of the target's plan"


def lasting_key(probe: str) -> str:
    """The key of a target's plan that says how long a probe measures."""
    as_packets = SINGLE[probe][2] if probe in SINGLE else None
    return {True: "duration", False: "http_duration", None: "load_duration"}[as_packets]


def _bulk_phases(
    groups: Sequence[tuple[Path, ...]], names: tuple[str, ...], lasts_ns: int, rate: float
) -> list[Phase]:
    """Every group in every direction; those of a mesh are counted."""
    loaded = ", loaded" if rate else ""
    found = []
    for place, group in enumerate(groups, start=1):
        told = group[0].name
        if group[0].in_mesh:
            pairs = told if len(group) == 1 else f"{len(group)} pairs"
            told = f"part {place} of {len(groups)}, {pairs},"
        found += [Phase(name, f"{told} {name}{loaded}", group, lasts_ns, rate) for name in names]
    return found


def _work_phases(plan: Plan, path: Path) -> list[Phase]:
    """One for each workload that the path's far end can take."""
    return [
        Phase(
            f"{WORK}{work.name}",
            f"{path.name} {work.name}, {work.kind}",
            (path,),
            work.longest_ns or plan.load_duration_ns,
            work.rate_per_s,
        )
        for work in (plan.workloads if "workload" in plan.probes else ())
    ]


def further_round(phase: Phase, measured_ns: int, longest_ns: int | None) -> Phase | None:
    """As long again as has been measured, within what is left of the longest; None where next to nothing is left."""
    left = (longest_ns or 0) - measured_ns
    if left < min(measured_ns, LEAST_ROUND_NS):
        return None
    words = f"{phase.words}, until decided"
    return replace(phase, words=words, duration_ns=min(measured_ns, left))


def planned_looks(plan: Plan) -> int:
    """How often a verdict may be looked at until the longest duration: after the first round and each further one."""
    phase, measured = Phase(IDLE, "", (), plan.duration_ns, 0), plan.duration_ns
    looks = 1
    while (more := further_round(phase, measured, plan.longest_ns)) is not None:
        measured, looks = measured + more.duration_ns, looks + 1
    return looks
