"""Far ends tried before anything is measured: a port that opens to nobody, a key that is refused, an iperf3 server that is gone, are told once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from benchkit.campaign import discovery, path_jobs, phases
from benchkit.campaign.crew import Crew
from benchkit.campaign.log import Log
from benchkit.campaign.reach import Reach
from benchkit.clock import NS_PER_S
from benchkit.errors import MeasureError, ShutError, SiteLostError
from benchkit.model.bulk_spec import Iperf3TrialSpec, StreamKeySpec
from benchkit.model.place import Path
from benchkit.model.schedule import PERIODIC
from benchkit.model.spec import Spec
from benchkit.model.target import Target

IPERF3 = "iperf3"
# What each opens: to who has the right key, or of an iperf3 server to everybody.
DOORS = {
    IPERF3: ("tcp", "udp"),
    "stream": ("tcp", "udp", "workload"),
    "request": ("request",),
    "http": ("http", "http-fresh", "http-load"),
}


def tried(
    paths: Sequence[Path],
    reaches: Mapping[str, Reach],
    target: Target,
    crew: Crew,
    log: Log,
    say: Callable[[str], None],
) -> dict[str, Reach]:
    """How the paths are reached, without what their far ends refuse or nobody is there for: told, and noted as not measured.

    `paths` are those whose keys, or iperf3 servers, the target itself names.
    """
    found = dict(reaches)
    jobs = {
        (path.name, door): (reaches[path.name].site, path_jobs.with_key(spec, reaches[path.name]))
        for path in paths
        for door, spec in _trials(path, reaches[path.name], target)
    }
    named = {f"{path} {door}": job for (path, door), job in jobs.items()}
    try:
        troubles = crew.work(named, discovery.TRY_TIMEOUT_NS / NS_PER_S)
    finally:
        log.harvest.forget(discovery.TRIAL)
    for path, door in jobs:
        error = troubles.get(f"{path} {door}")
        if error is not None and _is_shut(door, error):
            found[path] = _without(found[path], door)
            _note(path, door, str(error), target, log)
            say(str(error))
    return found


def _is_shut(door: str, error: MeasureError) -> bool:
    """Whether it stays shut: whatever else goes wrong may go better when it is measured."""
    if isinstance(error, SiteLostError):
        return False
    return isinstance(error, ShutError) or door == IPERF3


def _trials(path: Path, there: Reach, target: Target) -> Iterator[tuple[str, Spec]]:
    """By door, where an agent may be that wants a key for what the plan asks, or an iperf3 server is asked."""
    asked = {probe for probe in target.plan.probes if there.can(probe)}
    server = there.iperf3 if there.stream_port is None else None
    if server is not None and asked & set(DOORS[IPERF3]):
        yield IPERF3, Iperf3TrialSpec(path.name, discovery.TRIAL, there.address, server.port)
        return
    if there.stream_port is not None and asked & set(DOORS["stream"]):
        where = path.name, discovery.TRIAL, there.address, there.stream_port
        yield "stream", StreamKeySpec(*where)
    loaded = "tcp" in asked and there.url is not None  # requests go on beside the load
    for door, probe in (("request", "request"), ("http", "http")):
        if asked & set(DOORS[door]) or (door == "http" and loaded):
            timing = discovery.TRY, discovery.TRY_TIMEOUT_NS, PERIODIC
            yield door, there.probe_of(probe, path.name, *timing)


def _without(there: Reach, door: str) -> Reach:
    left = replace(there, refused=there.refused | set(DOORS[door]))
    return replace(left, url=None) if door == "http" else left


def _note(path: str, door: str, why: str, target: Target, log: Log) -> None:
    log.unmeasured.append(why)
    log.notes.append(why)
    shut = [probe for probe in DOORS[door] if probe in target.plan.probes]
    names = [name for probe in shut for name in phases.names_of(probe, target.plan)]
    log.ledger.blame([(path, name) for name in names], why)
