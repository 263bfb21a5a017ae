"""Where the probes of real paths run, and what answers them there: at an agent of the cluster, or from this host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from benchkit.campaign import discovery, reach, sharing
from benchkit.campaign.crew import Crew
from benchkit.campaign.log import Log
from benchkit.campaign.reach import HOST, Reach
from benchkit.clock import NS_PER_S
from benchkit.errors import MeasureError
from benchkit.model.place import Path, Site
from benchkit.model.responder_spec import HTTP_PORT
from benchkit.model.spec import Spec
from benchkit.model.stamp_options import FOLLOWED_UP
from benchkit.model.target import Target
from benchkit.units import by_number

# What stands before the name of an agent where it could be taken for that of a namespace.
AGENT = "/agent/"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Agents:
    """The agents of a cluster by site, and what each tells of itself; without a cluster there are none.

    Of all that have `joined` it those are told of that are at an end of a real path.
    """

    told: Mapping[str, Mapping[str, Any]]
    in_cluster: bool = True
    joined: Sequence[str] = ()

    @property
    def stations(self) -> tuple[str, ...]:
        """What the executors of all are called."""
        return tuple(f"{AGENT}{name}" for name in self.told)

    def station(self, site: Site) -> str:
        """Where probes of a path from that site run. Raises MeasureError where its agent is missing."""
        if site.name in self.told:
            return f"{AGENT}{site.name}"
        if site.agent and self.in_cluster:
            raise MeasureError(
                f"site {site.name} has no agent in the cluster: start `benchkit agent --site {site.name} --cluster …` there"
            )
        return HOST

    @property
    def greeting(self) -> str:
        """Who is there, in words; where nobody is of use, why."""
        if self.told:
            return ", ".join(sorted(self.told))
        if not self.joined:
            return "no agent has joined it"
        verb = by_number(len(self.joined), "has", "have")
        return f"{', '.join(self.joined)} {verb} joined it, but no real path of this target begins or ends there"

    def no_address(self, site: Site) -> MeasureError:
        """That nobody has told where a site is."""
        if not self.in_cluster:
            return MeasureError(
                f"site {site.name} has no address: give it one, or run with the --cluster that its agent is in"
            )
        others = sorted({*self.told, *self.joined})
        verb = by_number(len(others), "is", "are")
        there = f"; there {verb} {', '.join(others)}" if others else ", nor any other"
        return MeasureError(
            f"site {site.name} has no address, and the cluster no agent of that name{there}: start "
            f"`benchkit agent --site {site.name} --cluster …` there, or give the site an address"
        )

    def acquainted(self, target: Target) -> Target:
        """The target with what agents tell of themselves, where its sites say nothing else."""
        return replace(target, sites=tuple(self._acquainted(site) for site in target.sites))

    def _acquainted(self, site: Site) -> Site:
        told = self.told.get(site.name)
        if told is None:
            return site
        address = site.address or told.get("address") or told.get("host")
        if not self.answers(site.name) or address is None:
            return replace(site, address=address)
        http_port = site.http_port or told.get("http_port", HTTP_PORT)
        return replace(
            site,
            agent=True,
            address=address,
            reach=f"stamp {told['stamp_port']}" if site.reach == discovery.AUTO else site.reach,
            url=site.url or reach.http_url(address, http_port),
            http_port=http_port,
            stream_port=site.stream_port or told.get("stream_port"),
            stream_key=told.get("stream_key", b""),
            request_key=told.get("request_key", b""),
        )

    def answers(self, site: str) -> bool:
        """Whether it has responders of ours: a bare worker of Dask's measures, and answers nobody."""
        return "stamp_port" in self.told.get(site, {})


NO_AGENTS = Agents({}, in_cluster=False)


def find(
    paths: Sequence[Path], target: Target, agents: Agents, crew: Crew, log: Log, say: Say
) -> dict[str, Reach]:
    """How each real path is reached, by name. What is not is told and noted, and has no entry."""
    found: dict[str, Reach] = {}
    say = _once(say)  # several paths of a mesh may lack the same site
    together = [path for path in paths if path.near in agents.told and agents.answers(path.far)]
    found |= _between_agents(together, target, agents, crew, log)
    for path in paths:
        if path.name in found:
            continue
        try:
            found[path.name] = way = _one(path, target, agents, crew, say)
            near = target.site(path.near)
            if agents.in_cluster and near.address and near.name not in agents.told:
                log.notes.append(
                    f"{path.name}: measured from this machine: no agent of {near.name} is in the cluster"
                )
                say(log.notes[-1])
            if way.probe not in ("stamp", reach.NO_PROBE):
                log.notes.append(discovery.measured_by(path.name, target.site(path.far), way))
        except MeasureError as error:
            log.miss(path.name, str(error))
            say(str(error))
        finally:
            log.harvest.forget(discovery.TRIAL)
    return found


def _once(say: Say) -> Say:
    told: set[str] = set()

    def tell(words: str) -> None:
        if words not in told:
            told.add(words)
            say(words)

    return tell


def _one(path: Path, target: Target, agents: Agents, crew: Crew, say: Say) -> Reach:
    near, far = target.site(path.near), target.site(path.far)
    if far.address is None:
        raise agents.no_address(far)
    if near.name in agents.told and agents.answers(far.name):  # which was tried before
        discovery.addresses(far.address or "")
        raise MeasureError(
            f"nothing answers {near.name} at {far.name} ({far.address}, {far.reach}): may UDP pass from its agent there, and has the --allow of {far.name} who asks?"
        )
    return discovery.find(far, crew, say, agents.station(near))


def _between_agents(
    paths: Sequence[Path], target: Target, agents: Agents, crew: Crew, log: Log
) -> dict[str, Reach]:
    """All tried at once, for a mesh has many: agents answer STAMP with telemetry, or not at all."""
    ways: dict[str, Reach] = {}
    for path in paths:
        far = target.site(path.far)
        with suppress(MeasureError):  # told when its path has its turn
            found = discovery.addresses(far.address or "")
            first = next(discovery.candidates(found, far.reach, far.stamp or FOLLOWED_UP))
            ways[path.name] = replace(first, site=f"{AGENT}{path.near}")
    jobs: dict[str, tuple[str, Spec]] = {
        name: (
            way.site,
            way.round_trips(name, discovery.TRY, at % 65_535 + 1, discovery.TRY_TIMEOUT_NS),
        )
        for at, (name, way) in enumerate(ways.items())
    }
    crew.work(shared(jobs, agents), discovery.TRY_TIMEOUT_NS / NS_PER_S)
    answered = {
        name: reach.real(target.site(path.far), ways[name])
        for path in paths
        for name in (path.name,)
        if name in ways and _answers(log, name)
    }
    log.harvest.forget(discovery.TRIAL)
    return answered


def shared(jobs: Mapping[str, tuple[str, Spec]], agents: Agents) -> dict[str, tuple[str, Spec]]:
    """The same work, with light sessions of one station put together where they are many."""
    found = dict(jobs)
    for station in (HOST, *agents.stations):
        found = sharing.shared(found, station)
    return found


def cells(spec: Spec) -> Iterable[tuple[str, str]]:
    """The (path, phase) that a probe measures."""
    each: Any
    for each in getattr(spec, "sessions", (spec,)):
        if hasattr(each, "path"):
            yield each.path, each.phase


def _answers(log: Log, path: str) -> bool:
    rows = log.harvest.samples("rtt", path, discovery.TRIAL)
    return rows is not None and bool(rows.columns["received_ns"].count())
