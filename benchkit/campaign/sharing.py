"""Which sessions share a process: a mesh has thousands of paths, and a machine a few cores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from benchkit.clock import NS_PER_MS, NS_PER_S
from benchkit.model.spec import (
    FanSpec,
    IcmpSpec,
    LightSpec,
    Spec,
    StampSpec,
    TogetherSpec,
    TwampSpec,
)
from benchkit.model.stamp_options import PLAIN

Job = tuple[str, Spec]

# So many sessions have a process each; of more than these each takes in as many as it can pace well.
FEW_SESSIONS = 8
MOST_SESSIONS, MOST_PER_S = 1000, 10_000
# Sessions of an emulated site that send no faster than this share a socket.
SLOW_NS = 10 * NS_PER_MS
# What it takes to start a process, with some to spare; and over how long the starts of all fans are spread.
STARTING_NS, APART_NS = 60 * NS_PER_MS, 50 * NS_PER_MS


def shared(jobs: Mapping[str, Job], site: str) -> dict[str, Job]:
    """The same work, with the light sessions of one site put together where they are many."""
    light: dict[str, LightSpec] = {
        name: spec
        for name, (where, spec) in jobs.items()
        if where == site
        and isinstance(spec, (StampSpec, TwampSpec, IcmpSpec))
        and spec.schedule.pacing != "precise"  # which spins
    }
    if len(light) <= FEW_SESSIONS:
        return dict(jobs)
    found = {name: job for name, job in jobs.items() if name not in light}
    for names in _groups(light):
        sessions = tuple(light[name] for name in names)
        found[f"{names[0]} and {len(names) - 1} more"] = site, TogetherSpec(sessions)
    return found


def fanned(jobs: Mapping[str, Job], now_ns: int) -> dict[str, Job]:
    """The same work, with the STAMP sessions of each emulated site put into one where they are many.

    All fans begin at one time, when every process will have started, a little apart: so that starting disturbs no
    packet, and the packets of one site not those of the next.
    """
    fans: dict[tuple[str, int, int, int], dict[str, StampSpec]] = {}
    for name, (site, spec) in jobs.items():
        if isinstance(spec, StampSpec) and _fits_a_fan(spec):
            alike = (site, spec.count, spec.interval_ns, spec.timeout_ns)
            fans.setdefault(alike, {})[name] = spec
    found = dict(jobs)
    many = [
        (site, sessions) for (site, *_), sessions in fans.items() if len(sessions) > FEW_SESSIONS
    ]
    start_ns = now_ns + len(many) * STARTING_NS
    for place, (site, sessions) in enumerate(many):
        for name in sessions:
            del found[name]
        first = next(iter(sessions))
        own_ns = start_ns + place * APART_NS // len(many)
        fan = FanSpec(tuple(replace(one, start_ns=own_ns) for one in sessions.values()))
        found[f"{first} and {len(sessions) - 1} more"] = site, fan
    return found


def _fits_a_fan(spec: StampSpec) -> bool:
    plain = spec.options == PLAIN and not spec.start_ns and ":" not in spec.address
    return plain and spec.schedule.pacing != "precise" and spec.interval_ns >= SLOW_NS


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
