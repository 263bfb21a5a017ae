"""Whether the congestion control that a plan names can be had here, and by which one bulk really went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benchkit.campaign import phases
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.phases import Phase
from benchkit.campaign.reach import Reach
from benchkit.errors import AskedWronglyError
from benchkit.linux import congestion_control, tcp
from benchkit.model.samples import Samples
from benchkit.model.target import Plan, Target

USUAL = "cubic"
PROBES = frozenset({"tcp", "workload"})


def check(target: Target) -> str | None:
    """What is to be said of the control that the plan names: that this user may not choose it; None where it can be had.

    Modelled paths have namespaces, whose owner may choose any. Raises AskedWronglyError for one that this host does not
    know, unless it is the usual one, which targets name though nobody cares.
    """
    name, real = target.plan.congestion, any(path.model is None for path in target.paths)
    if not target.plan.congestion_asked or PROBES.isdisjoint(target.plan.probes):
        return None
    found = congestion_control.standing(name)
    if found == "usable" or (found == "forbidden" and not real):
        return None
    choice = ", ".join(
        each
        for each in congestion_control.known()
        if not real or congestion_control.standing(each) == "usable"
    )
    some = f"one of {choice}" if choice else "another, or none"
    if found == "unknown" and name != USUAL:
        raise AskedWronglyError(
            f"congestion control {name}: this host knows none of that name: take {some}"
        )
    why = "this host does not know it" if found == "unknown" else "this user may not choose it here"
    return (
        f"congestion control {name}: {why}, and bulk from here goes by the system's own: take {some}, add it to "
        "net.ipv4.tcp_allowed_congestion_control with sysctl, or run as root"
    )


def asked_of(plan: Plan, reach: Reach) -> str:
    """What a far end is asked for; "" is its own: an iperf3 server that does not have the usual one would refuse."""
    is_ours = reach.stream_port is not None
    return plan.congestion if is_ours or plan.congestion_asked else ""


def in_force(info: Samples | None) -> str:
    """The congestion control that a sender had; "" where no kernel tells."""
    if info is None or not len(info) or "congestion" not in info.columns:
        return ""
    return tcp.name_of(int(info.columns["congestion"].data[-1]))


def is_another(name: str, asked: str) -> bool:
    """Whether the one in force, as far as it is known, is another than was asked for."""
    return bool(name and asked) and name != tcp.name_of(tcp.word_of(asked))


def strayed(
    phase: Phase, plan: Plan, reaches: Mapping[str, Reach], harvest: Harvest
) -> Iterator[str]:
    """A line for each site that sent bulk in a phase by another control than it was asked for."""
    found = {
        (path.near if up else path.far, name, asked): None
        for path in phase.paths
        for stream, up in _streams(phase).items()
        for name in (in_force(harvest.samples("tcp_info", path.name, stream)),)
        for asked in (asked_of(plan, reaches[path.name]),)
        if is_another(name, asked)
    }
    for site, name, asked in found:
        yield (
            f"site {site} sent bulk by {name} for want of {asked} there: allow it by "
            "net.ipv4.tcp_allowed_congestion_control, or name another with --congestion"
        )


def _streams(phase: Phase) -> Mapping[str, bool]:
    """What the streams of a phase are called, and which of them go up."""
    if phase.name.startswith(phases.WORK):
        return {phase.name: True}
    return phases.BULK.get(phase.name, {})
