"""Which sessions of real paths share a process: a mesh has hundreds of paths, and a host a few cores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benchkit.clock import NS_PER_S
from benchkit.model.spec import IcmpSpec, LightSpec, Spec, StampSpec, TogetherSpec, TwampSpec

Job = tuple[str, Spec]

# So many sessions have a process each; of more than these each takes in as many as it can pace well.
FEW = 8
MOST_SESSIONS, MOST_PER_S = 1000, 10_000


def shared(jobs: Mapping[str, Job], site: str) -> dict[str, Job]:
    """The same work, with the light sessions of one site put together where they are many."""
    light: dict[str, LightSpec] = {
        name: spec
        for name, (where, spec) in jobs.items()
        if where == site
        and isinstance(spec, (StampSpec, TwampSpec, IcmpSpec))
        and spec.schedule.pacing != "precise"  # which spins
    }
    if len(light) <= FEW:
        return dict(jobs)
    found = {name: job for name, job in jobs.items() if name not in light}
    for names in _groups(light):
        sessions = tuple(light[name] for name in names)
        found[f"{names[0]} and {len(names) - 1} more"] = site, TogetherSpec(sessions)
    return found


def _groups(sessions: Mapping[str, LightSpec]) -> Iterator[list[str]]:
    names: list[str] = []
    rate = 0.0
    for name, spec in sessions.items():
        own = NS_PER_S / spec.interval_ns
        if names and (len(names) == MOST_SESSIONS or rate + own > MOST_PER_S):
            yield names
            names, rate = [], 0.0
        names.append(name)
        rate += own
    yield names
