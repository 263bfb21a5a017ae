"""What a campaign is asked: a target narrowed and changed by the command line."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as File

from benchkit.campaign.phases import lasting_key
from benchkit.campaign.scaling import scaled
from benchkit.clock import NS_PER_S, NS_PER_US
from benchkit.errors import AskedWronglyError
from benchkit.model.meter import Meter
from benchkit.model.probe import asked_too
from benchkit.model.schedule import Pacing, Schedule
from benchkit.model.target import Plan, Target
from benchkit.targets.folders import did_you_mean
from benchkit.testbeds.cluster_access import Access
from benchkit.units import show_count, show_figure

# By kernel. User-mode Linux takes a few times as long for everything, and is on the processor half as often.
USUAL_TOLERANCE_NS = {"host": 150 * NS_PER_US, "uml": 500 * NS_PER_US}
# Twice as many keep all of its one processor busy, and are measured late.
UML_PACKETS_PER_S, UML_REQUESTS_PER_S = 600, 120
SLOWEST, STARTING_S = 4, 300
# What the command line says for some probes alone, and which take it; the first is the one to ask for.
_TCP, _UDP = ("tcp", "workload"), ("udp", "workload")
TAKEN_BY = {
    **dict.fromkeys(("--duration", "--rate"), ("rtt", "icmp")),
    **dict.fromkeys(("--until-decided", "--max-duration"), ("rtt",)),
    **dict.fromkeys(("--streams", "--stream-mode", "--congestion", "--window"), _TCP),
    "--udp-rate": _UDP,
}
_LASTING = ("--duration", "--until-decided")
_SHOWN = 6  # of what a target has, in a message


@dataclass(frozen=True)
class Question:
    """A target as it will be measured: by which emulator, on which kernel, under which name.

    `command` repeats it. With a `cluster` real paths begin at its agents; one that is out of reach for `patience_s` is lost.
    `wait_ns` is how long it may wait, in all, for far ends that serve somebody else.
    """

    target: Target
    emulator: str = "auto"
    name: str | None = None
    command: str = ""
    kernel: str = "host"
    cluster: Access | None = None
    patience_s: float = 60.0
    wait_ns: int = 0

    @property
    def is_emulated(self) -> bool:
        """Whether any path has a model."""
        return bool(self.target.emulated)

    @property
    def tolerance_ns(self) -> int:
        """How far the emulator may be from what the model asks."""
        return tolerance_ns(self.target.plan, self.kernel)


@dataclass(frozen=True)
class Changes:
    """What the command line says about a target; None and () leave it as it is."""

    paths: Sequence[str] = ()
    probes: Sequence[str] = ()
    duration_ns: int | None = None
    rate_per_s: float | None = None
    seed: int | None = None
    longest_ns: int | None = None
    schedule: Schedule | None = None
    pacing: Pacing | None = None
    streams: int | None = None
    stream_mode: str | None = None
    congestion: str | None = None
    window_octets: int | None = None
    udp_rate_bps: int | None = None
    scale: int | None = None
    meter: str | None = None
    sites: int | None = None


def narrowed(target: Target, changes: Changes) -> Target:
    """The target with only the paths asked for and its plan changed. Raises AskedWronglyError."""
    plan = _changed(target.plan, changes)
    wanted, title = _wanted(target, changes), target.title
    if changes.sites is not None and changes.sites < len(target.sites):
        title += f": the first {changes.sites} of {len(target.sites)}"
    kept = tuple(path for path in target.paths if path.name in wanted)
    meters = tuple(meter for meter in target.meters if meter.name in wanted)
    if changes.meter is not None:
        meters = _at(meters, changes.meter, target.name)
    chosen = replace(target, title=title, plan=plan, paths=kept, meters=meters)
    _check_modes(chosen)
    _check_used(changes, chosen)
    return chosen if changes.scale is None else scaled(chosen, changes.scale)


def _changed(plan: Plan, changes: Changes) -> Plan:
    """The plan with what the command line says of it."""
    return replace(
        plan,
        duration_ns=changes.duration_ns or plan.duration_ns,
        rate_per_s=changes.rate_per_s or plan.rate_per_s,
        seed=plan.seed if changes.seed is None else changes.seed,
        probes=tuple(changes.probes) or plan.probes,
        longest_ns=changes.longest_ns or plan.longest_ns,
        schedule=replace(
            changes.schedule or plan.schedule, pacing=changes.pacing or plan.schedule.pacing
        ),
        streams=changes.streams or plan.streams,
        stream_mode=changes.stream_mode or plan.stream_mode,
        congestion=changes.congestion or plan.congestion,
        congestion_asked=plan.congestion_asked or changes.congestion is not None,
        window_octets=changes.window_octets or plan.window_octets,
        udp_rate_bps=plan.udp_rate_bps if changes.udp_rate_bps is None else changes.udp_rate_bps,
    )


def _wanted(target: Target, changes: Changes) -> set[str]:
    """The names of the paths and meters that are asked for. Raises AskedWronglyError where there are none such."""
    known = [path.name for path in target.paths] + [meter.name for meter in target.meters]
    for name in changes.paths:
        if name not in known:
            raise AskedWronglyError(
                f"path {name}: target {target.name} has no such path{_alternatives(name, known)}"
            )
    wanted = set(changes.paths or known)
    if changes.sites is not None:
        # A meter is of the whole target, of no site.
        wanted &= _among_first(target, changes.sites) | {meter.name for meter in target.meters}
        if changes.paths and not wanted:
            raise AskedWronglyError(
                f"{', '.join(changes.paths)}: not among the paths of the first {changes.sites} sites of target {target.name}: give more --sites, or --path alone"
            )
    return wanted


def _alternatives(name: str, known: Sequence[str]) -> str:
    """All of them where they are few: a guess among three says less than the three."""
    if len(known) <= _SHOWN:
        return f"; it has {', '.join(known)}"
    some = f"{', '.join(known[:_SHOWN])} and {len(known) - _SHOWN} more"
    return f"; it has {some}{did_you_mean(name, known)}"


def _check_modes(target: Target) -> None:
    """An iperf3 server sends what it likes, and looks at nothing. Raises AskedWronglyError."""
    if target.plan.stream_mode != "verify" or "tcp" not in target.plan.probes:
        return
    for path in target.paths:
        sites = [site for site in target.sites if site.name == path.far]
        if any(site.iperf3 is not None and not site.agent for site in sites):
            raise AskedWronglyError(
                f"{path.name}: stream mode verify: {path.far} is an iperf3 server, which looks at no content; "
                "take --stream-mode copy or zero-copy, or run `benchkit agent` there"
            )


def _check_used(changes: Changes, chosen: Target) -> None:
    """Whether what is said for some probes is taken by any of the plan's. Raises AskedWronglyError."""
    probes = chosen.plan.probes
    said: dict[str, object] = {
        "--duration": None if chosen.meters else changes.duration_ns,  # meters are read as long
        "--until-decided": changes.longest_ns,
        "--rate": changes.rate_per_s,
        "--streams": changes.streams,
        "--stream-mode": changes.stream_mode,
        "--congestion": changes.congestion,
        "--window": changes.window_octets,
        "--udp-rate": changes.udp_rate_bps,
    }
    for option, value in said.items():
        if value is not None and not is_taken(option, probes):
            probe, longer = TAKEN_BY[option][0], ""
            if option in _LASTING:
                keys = dict.fromkeys(f"`{lasting_key(each)}`" for each in probes)
                longer = f"change {' and '.join(keys)} in the target's [plan]; or "
            raise AskedWronglyError(
                f"{option} is for {probe}, and the run is asked for {' and '.join(probes)}: "
                f"{longer}{asked_too(probe, probes)}"
            )


def is_taken(option: str, probes: Collection[str]) -> bool:
    """Whether any of the probes takes what the option of `benchkit run` says."""
    return option not in TAKEN_BY or not set(TAKEN_BY[option]).isdisjoint(probes)


def _among_first(target: Target, count: int) -> set[str]:
    """The names of the paths between the first sites of the target."""
    sites = {site.name for site in target.sites[:count]}
    found = {path.name for path in target.paths if {path.near, path.far} <= sites}
    if not found:
        raise AskedWronglyError(
            f"--sites {count}: target {target.name} has no path among its first {count} sites; ask for more; it has "
            f"{show_count(len(target.sites), 'site')}"
        )
    return found


def _at(meters: tuple[Meter, ...], address: str, target: str) -> tuple[Meter, ...]:
    if len(meters) != 1:
        raise AskedWronglyError(
            f"--meter {address}: target {target} has {len(meters)} meters, and one address is for one; name it "
            "with --path, or write a target"
        )
    meter = replace(meters[0], address=address)
    if meter.is_recording and not File(address).exists():
        raise AskedWronglyError(f"--meter {address}: no such file; name a CSV file or a URL")
    return (meter,)


def tolerance_ns(plan: Plan, kernel: str) -> int:
    """The plan's own tolerance, or the usual one of a kernel, "host" or "uml"."""
    return USUAL_TOLERANCE_NS[kernel] if plan.tolerance_ns is None else plan.tolerance_ns


def eased(target: Target, *, keeps_rate: bool) -> Target:
    """The target as user-mode Linux can measure it: slower where it would be too fast, with a warning that says so.

    With `keeps_rate` the packets stay, because somebody has asked for just that many.
    """
    plan, count = target.plan, len(target.paths)
    packets = plan.rate_per_s if keeps_rate else min(plan.rate_per_s, UML_PACKETS_PER_S / count)
    requests = min(plan.http_rate_per_s, UML_REQUESTS_PER_S / count)
    slower = replace(plan, rate_per_s=packets, http_rate_per_s=requests)
    if slower == plan:
        return target
    warning = (
        f"user-mode Linux is too slow for all of it: {show_figure(packets)} packets/s on each path instead of "
        f"{show_figure(plan.rate_per_s)}, and {show_figure(requests)} HTTP requests/s instead of {show_figure(plan.http_rate_per_s)}"
    )
    return replace(target, plan=slower, warnings=(*target.warnings, warning))


def longest_s(plan: Plan, paths: int) -> float:
    """A generous bound on how long a campaign may take, for one that cannot be watched as closely as ours."""
    idle = max(plan.duration_ns, plan.longest_ns or 0)
    measuring = idle + plan.http_duration_ns + 5 * paths * plan.load_duration_ns
    return SLOWEST * (measuring + 4 * plan.calibration_ns) / NS_PER_S + STARTING_S
