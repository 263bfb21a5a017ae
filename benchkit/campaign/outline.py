"""What a campaign is going to do and how long that takes, in words, before it starts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchkit.campaign import phases, shortfalls
from benchkit.campaign.phases import Phase
from benchkit.clock import NS_PER_S
from benchkit.model.place import Path
from benchkit.model.target import Target
from benchkit.planning.rounds import rounds
from benchkit.units import show_count, show_figure

MINUTE, HOUR = 60, 3600


def outline(target: Target, *, in_cluster: bool = False) -> list[str]:
    """A line on the whole; of a mesh what it is made of, too.

    Real far ends are taken to answer all that the target says they may, and agents of a cluster to answer everything.
    """
    calibrating, measuring = _calibrating(target), _measuring(target, in_cluster=in_cluster)
    seconds = sum(phase.seconds for phase in (*calibrating, *measuring))
    sites = {site for path in target.paths for site in (path.near, path.far)}
    paths = f"{show_count(len(target.paths), 'path')} between {show_count(len(sites), 'site')}"
    whole = f"plan: {paths}, about {duration_words(seconds)}"
    if target.plan.longest_ns and target.plan.longest_ns > target.plan.duration_ns:
        more = (target.plan.longest_ns - target.plan.duration_ns) / NS_PER_S
        whole += f", up to {duration_words(seconds + more)} until it is decided"
    if not any(path.in_mesh for path in target.paths):
        return [whole] if target.paths else []
    return [f"{whole}, each step with its set-up:", *_mesh_lines(target, calibrating, measuring)]


def seconds_of(target: Target) -> float:
    """How long a campaign of it takes, about."""
    phases_of_it = (*_calibrating(target), *_measuring(target, in_cluster=False))
    return sum(phase.seconds for phase in phases_of_it)


def _measuring(target: Target, *, in_cluster: bool) -> tuple[Phase, ...]:
    can = _anything if in_cluster else shortfalls.may_take(target)
    return phases.measuring_phases(target.plan, target.paths, can)


def _anything(_: str, __: Path) -> bool:
    return True


def _calibrating(target: Target) -> tuple[Phase, ...]:
    plan, emulated = target.plan, target.emulated
    if not emulated:
        return (phases.host_floor(plan, target.paths),) if target.paths else ()
    floor, got = phases.calibration_phases(plan, emulated)
    wires = (*phases.wire_phases(emulated), *phases.rate_phases(plan, emulated))
    return (floor, *wires, got)


def _mesh_lines(
    target: Target, calibrating: Sequence[Phase], measuring: Sequence[Phase]
) -> Iterator[str]:
    if calibrating:
        yield f"  {'calibration' if target.emulated else 'floor'}: {_total(calibrating)}"
    bulk = (*phases.LOADED, *phases.DATAGRAMS)
    for phase in measuring:
        if phase.name in bulk:
            continue
        rate = f"{len(phase.paths)} paths at once, {show_figure(phase.packets_per_s)}/s on each"
        yield f"  {phase.words}: {_total([phase])}, {rate}, {show_figure(len(phase.paths) * phase.packets_per_s)}/s in all"
    loading = [phase for phase in measuring if phase.name in bulk]
    if loading:
        pairs = [(path.near, path.far) for path in target.paths if path.in_mesh]
        parts = len({id(phase.paths) for phase in loading})
        said = f"{show_count(len(rounds(pairs)), 'round')} of pairs that share no site"
        if parts > len(rounds(pairs)):
            said += f", in {parts} parts that this machine carries"
        yield f"  throughput: {_total(loading)}, {said}"


def _total(found: Sequence[Phase]) -> str:
    return duration_words(sum(phase.seconds for phase in found))


def duration_words(seconds: float) -> str:
    """So many seconds as a person says it.

    >>> duration_words(11.4), duration_words(150), duration_words(7260)
    ('11 s', '2 min 30 s', '2 h 1 min')
    """
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE:.0f} min {seconds % MINUTE:.0f} s"
    return f"{seconds // HOUR:.0f} h {seconds % HOUR // MINUTE:.0f} min"
