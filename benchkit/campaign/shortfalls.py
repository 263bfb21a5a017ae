"""What a plan asks of a real path that its far end does not take: told before anything is measured, with the remedy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from benchkit.campaign import phases, probe_packets
from benchkit.campaign.discovery import AUTO
from benchkit.campaign.log import Log
from benchkit.campaign.reach import HOST, Reach, real
from benchkit.errors import AskedWronglyError
from benchkit.linux.icmp import FORBIDDEN as ICMP_FORBIDDEN
from benchkit.model.place import Path, Site
from benchkit.model.target import Target

_AGENT = "`agent = true`, for a `benchkit agent` there"
_BULK = f"neither {_AGENT}, nor an iperf3:// address"
_URL = 'no `url = "http://…"`'
# What a site has not that does not take the probe, in the words of a target.
LACKS = {
    "rtt": 'nothing that answers round trips: start `benchkit agent` there, or set `reach = "tcp PORT"`',
    "connect": 'no TCP port that is known to be open: set `reach = "tcp PORT"`, or a `url`',
    "http": _URL,
    "http-fresh": _URL,
    "http-load": f"{_URL} without TLS",
    "tcp": _BULK,
    "udp": _BULK,
    "request": f"no {_AGENT}",
    "workload": f"no {_AGENT}",
}
MOST_NAMES = 8


class Shortfall(NamedTuple):
    """A path, and those of the plan's probes that its far end does not take, in the order of the plan."""

    path: Path
    probes: tuple[str, ...]


def shortfalls(
    paths: Sequence[Path], reaches: Mapping[str, Reach], probes: Sequence[str]
) -> list[Shortfall]:
    """Those of some paths, by whose names it is known how each is reached."""
    found = [
        Shortfall(path, tuple(probe for probe in probes if not reaches[path.name].can(probe)))
        for path in paths
    ]
    return [each for each in found if each.probes]


def foreseen(target: Target) -> list[Shortfall]:
    """Those of the real paths as far as the target says, were everything that may answer there to do so.

    What the agents of a cluster tell of themselves may be more.
    """
    paths = [path for path in target.paths if path.model is None]
    reaches = {path.name: _at_best(target.site(path.far)) for path in paths}
    return shortfalls(paths, reaches, target.plan.probes)


def without_cluster(target: Target) -> Iterator[str]:
    """Those foreseen, in words, for who may measure in a cluster or without."""
    for line in lines(foreseen(target)):
        yield f"{line} (with --cluster its agent tells what it takes)"


def may_take(target: Target) -> Callable[[str, Path], bool]:
    """Whether the far end of a path may take a probe, as far as the target says."""
    unable = {each.path.name: each.probes for each in foreseen(target)}
    return lambda probe, path: probe not in unable.get(path.name, ())


def check(target: Target, *, in_cluster: bool = False) -> None:
    """See that anything of what is asked may be measured. Raises AskedWronglyError."""
    plan = target.plan
    probe_packets.check(target)
    if "workload" in plan.probes and target.paths and not plan.workloads:
        raise AskedWronglyError(
            f"target {target.name}: probe workload: it has no [[workload]]: write one, or leave that probe out"
        )
    if in_cluster:  # whose agents may take more than the target says
        return
    found = foreseen(target)
    hopeless = [each for each in found if _is_whole(each, target)]
    if target.paths and not target.meters and len(hopeless) == len(target.paths):
        said = "; ".join(lines(found))
        raise AskedWronglyError(
            f"target {target.name}: nothing of it can be measured without --cluster: {said}"
        )


def settle(
    found: Sequence[Shortfall], target: Target, log: Log, say: Callable[[str], None]
) -> None:
    """Tell and note what is left out; a path of which nothing is left has not been measured."""
    for line in lines(found):
        log.notes.append(line)
        say(line)
    for each in found:
        path, said = each.path.name, "; ".join(lines([each]))
        names = [name for probe in each.probes for name in phases.names_of(probe, target.plan)]
        log.ledger.blame([(path, name) for name in names], said)
        if _is_whole(each, target):
            log.unmeasured.append(said)
            log.ledger.blame([(path, "")], said)


def lines(found: Sequence[Shortfall]) -> Iterator[str]:
    """In words; paths stand together of which the same is to be said."""
    alike: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path, probes in found:
        for probe in probes:
            why = ICMP_FORBIDDEN if probe == "icmp" else f"site {path.far} has {LACKS[probe]}"
            alike[why][path.name].append(probe)
    for why, named in alike.items():
        shown = ", ".join([*named][:MOST_NAMES])
        more = f" and {len(named) - MOST_NAMES} more" if len(named) > MOST_NAMES else ""
        left_out = dict.fromkeys(probe for each in named.values() for probe in each)
        yield f"{shown}{more}: {' and '.join(left_out)} not measured: {why}"


def _is_whole(each: Shortfall, target: Target) -> bool:
    return set(target.plan.probes) <= set(each.probes)


def _at_best(site: Site) -> Reach:
    """How a site is reached where whatever may answer does."""
    by_port = site.reach.partition(" ")[0] in {AUTO, "tcp"}
    return real(site, Reach(HOST, site.address or "", "connect" if by_port else "stamp"))
