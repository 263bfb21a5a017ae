"""What one key says about another: names, citations, units that depend on the metric, and delays.

These look at the tree as it was written, not at the checked tables, so that a mistake of shape in one
place hides none of the others. What has the wrong shape is passed over here: `schema` tells it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from benchkit import units
from benchkit.planning.framing import ETHERNET_OCTETS
from benchkit.targets.budget_checks import budget_complaints, context_complaints
from benchkit.targets.documents import Library
from benchkit.targets.folders import did_you_mean
from benchkit.targets.mesh import mesh_complaints
from benchkit.targets.positions import Location
from benchkit.targets.problems import NO_DELAY, Complaint
from benchkit.targets.tree import Table, table_in, tables_in, text_in
from benchkit.targets.values import name_for
from benchkit.targets.workload_table import misfits

# Two ways to say one thing.
EXCLUSIVE = (("loss", "bursts"), ("jitter", "deviations"))
_TRACE_ALONE = (
    "has a trace and no delay: a trace stands instead of the delay only while it is measured, and wants one beside it: "
    'write delay = "5 ms" (one way)'
)


def cross_complaints(tree: Table, library: Library) -> list[Complaint]:
    """Everything that does not fit together."""
    return [
        *_nothing_there(tree),
        *_twice("site", _names_of_sites(tree)),
        *_twice("path", [*_names_of_paths(tree), *_names_of_meters(tree)]),
        *_coordinates(tree),
        *_ends(tree),
        *_delays(tree),
        *_mesh(tree),
        *_weathers(tree),
        *_addresses(tree),
        *_iperf3_sites(tree),
        *_agents_ports(tree),
        *_verified(tree),
        *budget_complaints(tree, library),
        *context_complaints(tree, library),
        *_workloads(tree),
    ]


def _nothing_there(tree: Table) -> Iterator[Complaint]:
    if tree.get("meter") and not tree.get("path"):
        return
    if tree.get("site", []) == []:
        yield ("site",), "there is none: write at least two [[site]] tables, each with a name"
    if tree.get("path", []) == [] and "mesh" not in tree:
        yield ("path",), "there is none: write at least one [[path]] with `from` and `to`"


def _mesh(tree: Table) -> Iterator[Complaint]:
    shared = table_in(table_in(tree, "defaults"), "model")
    unplaced = _unplaced(tree)
    real = {
        text_in(site, "name")
        for _, site in tables_in(tree, ("site",))
        if "address" in site or site.get("agent") is True
    }
    known = [name for _, name in _names_of_sites(tree)]
    routed = "route_factor" in shared or set(known) <= real
    yield from mesh_complaints(tree.get("mesh"), known, unplaced - real, routed=routed)


def _twice(kind: str, names: list[tuple[Location, str]]) -> Iterator[Complaint]:
    seen: dict[str, Location] = {}
    for location, name in names:
        if name in seen:
            yield (
                location,
                f"{name!r} is already the name of {kind}[{int(seen[name][1]) + 1}]; give each {kind} its own",
            )
        seen.setdefault(name, location)


def _names_of_sites(tree: Table) -> list[tuple[Location, str]]:
    named = ((location, text_in(site, "name")) for location, site in tables_in(tree, ("site",)))
    return [((*location, "name"), name) for location, name in named if name]


def _names_of_paths(tree: Table) -> list[tuple[Location, str]]:
    named = []
    for location, path in tables_in(tree, ("path",)):
        near, far, name = (text_in(path, key) for key in ("from", "to", "name"))
        if name:
            named.append(((*location, "name"), name))
        elif near and far and "name" not in path:
            named.append((location, f"{near}-{far}"))
    return named


def _names_of_meters(tree: Table) -> list[tuple[Location, str]]:
    """A meter stands in a report where a path does, and has a name of its own."""
    named = ((location, text_in(meter, "name")) for location, meter in tables_in(tree, ("meter",)))
    return [((*location, "name"), name) for location, name in named if name]


def _coordinates(tree: Table) -> Iterator[Complaint]:
    for location, site in tables_in(tree, ("site",)):
        if ("latitude" in site) != ("longitude" in site):
            missing = "longitude" if "latitude" in site else "latitude"
            yield (*location, missing), "is missing: give latitude and longitude, or neither"


def _ends(tree: Table) -> Iterator[Complaint]:
    # What is wrong with a name is told at its site: of paths to it only by what it will be called.
    known = list(dict.fromkeys(name_for(name) for _, name in _names_of_sites(tree)))
    if len(_names_of_sites(tree)) < len(list(tables_in(tree, ("site",)))):
        return
    for location, path in tables_in(tree, ("path",)):
        near, far = text_in(path, "from"), text_in(path, "to")
        for key, name in (("from", near), ("to", far)):
            if name and name_for(name) not in known:
                sites = f"; known sites are {', '.join(known) or 'none'}"
                yield (*location, key), f"{name!r} is no site{did_you_mean(name, known) or sites}"
        if near and near == far:
            yield (*location, "to"), f"{far!r} is where the path begins; name another site"


def _delays(tree: Table) -> Iterator[Complaint]:
    shared = table_in(table_in(tree, "defaults"), "model")
    unplaced = _unplaced(tree)
    for location, path in tables_in(tree, ("path",)):
        model = table_in(path, "model")
        if path.get("real") is True:
            if "model" in path:
                yield (*location, "model"), "a real path has no model; drop it, or `real`"
            continue
        if "delay" in model and "route_factor" in model:
            yield (
                (*location, "model", "delay"),
                "stands instead of route_factor; give one of them",
            )
        each = (table_in(model, "forward"), table_in(model, "backward"))
        misplaced = {"delay", "route_factor"} & path.keys()  # which is told, and is what is meant
        if "delay" in model or misplaced or all("delay" in direction for direction in each):
            continue
        routed = "route_factor" in model or "route_factor" in shared
        traced = any("trace" in table for table in (shared, model, *each))
        bare = [end for key in ("from", "to") if (end := text_in(path, key)) in unplaced]
        if said := _without_delay(list(dict.fromkeys(bare)), routed=routed, traced=traced):
            to = text_in(path, "to")
            real = to is not None and to in _addressed(tree)
            meant = ", or write real = true into [[path]] to measure the way to its address"
            yield (*location, "model"), said + meant * real


def _without_delay(unplaced: Sequence[str], *, routed: bool, traced: bool) -> str:
    """What a path that has no delay of its own lacks, whose ends named have no coordinates; empty where nothing."""
    if traced and not routed:
        return _TRACE_ALONE
    bare = f"{' and '.join(map(repr, unplaced))} {units.by_number(len(unplaced), 'has', 'have')} no coordinates"
    if unplaced and routed:
        those = units.by_number(len(unplaced), "that site", "those sites")
        return (
            f'{NO_DELAY}: {bare}: give {those} latitude and longitude, or write delay = "5 ms" here'
        )
    if unplaced:
        return f'{NO_DELAY}, and {bare} to make one from: write delay = "5 ms" (one way)'
    if not routed:
        return f'{NO_DELAY}: write delay = "5 ms" (one way), or route_factor = 1.3 for one that follows the ground'
    return ""


def _addressed(tree: Table) -> set[str | None]:
    return {text_in(site, "name") for _, site in tables_in(tree, ("site",)) if "address" in site}


def _unplaced(tree: Table) -> set[str]:
    """Sites without coordinates. Half a pair is told at the site, and a second site of one name there too."""
    placed = {
        text_in(site, "name")
        for _, site in tables_in(tree, ("site",))
        if "latitude" in site or "longitude" in site
    }
    return {name for _, name in _names_of_sites(tree)} - placed


def _addresses(tree: Table) -> Iterator[Complaint]:
    """A real path is measured at the address of its far site, or at what an agent of a cluster tells."""
    bare = {
        text_in(site, "name")
        for _, site in tables_in(tree, ("site",))
        if "address" not in site and site.get("agent") is not True
    }
    for location, path in tables_in(tree, ("path",)):
        far = text_in(path, "to")
        if path.get("real") is True and "model" not in path and far in bare:
            yield (
                (*location, "to"),
                f"{far!r} has no address to measure: give the site an `address`, or `agent = true` where it has one in your cluster",
            )


def _iperf3_sites(tree: Table) -> Iterator[Complaint]:
    """A login is of an iperf3 server, and takes a user and a key."""
    keys = ("iperf3_user", "iperf3_key")
    for location, site in tables_in(tree, ("site",)):
        named = [key for key in keys if key in site]
        if not named:
            continue
        if not (text_in(site, "address") or "").startswith("iperf3://"):
            yield (
                (*location, named[0]),
                "is for a site whose address begins with iperf3://; drop it",
            )
        elif len(named) == 1:
            missing = next(key for key in keys if key not in site)
            yield (*location, missing), f"is missing: {keys[0]} and {keys[1]} go together"


def _agents_ports(tree: Table) -> Iterator[Complaint]:
    """Other web servers have their port in a `url`."""
    for location, site in tables_in(tree, ("site",)):
        if site.get("agent") is not True:
            for key in ("http_port", "stream_port"):
                if key in site:
                    yield (*location, key), "is of an agent there: add `agent = true`, or drop it"


def _verified(tree: Table) -> Iterator[Complaint]:
    """An iperf3 server sends what it likes, and looks at nothing."""
    plan = table_in(tree, "plan")
    if plan.get("stream_mode") != "verify" or "tcp" not in plan.get("probes", ("tcp",)):
        return
    servers = {
        text_in(site, "name")
        for _, site in tables_in(tree, ("site",))
        if (text_in(site, "address") or "").startswith("iperf3://") and not site.get("agent")
    }
    for _, path in tables_in(tree, ("path",)):
        far = text_in(path, "to")
        if far in servers:
            said = f"'verify' cannot be had of {far!r}, an iperf3 server, which looks at no content"
            yield ("plan", "stream_mode"), f"{said}: take 'copy' or 'zero-copy', or an agent there"
            return


def _weathers(tree: Table) -> Iterator[Complaint]:
    shared = table_in(table_in(tree, "defaults"), "model")
    yield from _exclusive(("defaults", "model"), shared)
    for location, path in tables_in(tree, ("path",)):
        model = table_in(path, "model")
        yield from _exclusive((*location, "model"), model)
        for side in ("forward", "backward"):
            yield from _exclusive((*location, "model", side), table_in(model, side))
    yield from _buffers(tree)


def _exclusive(location: Location, table: Table) -> Iterator[Complaint]:
    for one, other in EXCLUSIVE:
        if one in table and other in table:
            yield (*location, other), f"stands instead of `{one}`; give one of them"


def _buffers(tree: Table) -> Iterator[Complaint]:
    """A buffer that holds no packet passes none."""
    shared = table_in(table_in(tree, "defaults"), "model")
    places: list[tuple[Location, Table]] = [(("defaults", "model"), shared)]
    places += [
        ((*location, "model"), table_in(path, "model"))
        for location, path in tables_in(tree, ("path",))
    ]
    for location, model in places:
        mtu, buffer = model.get("mtu", shared.get("mtu", 1500)), text_in(model, "buffer")
        if buffer is None or not isinstance(mtu, int):
            continue
        with suppress(ValueError):
            if 0 < units.octets(buffer) < mtu + ETHERNET_OCTETS:
                said = f"{buffer!r} holds no packet of {mtu} octets"
                said += f", which takes {mtu + ETHERNET_OCTETS} on the wire: give a larger one"
                yield (*location, "buffer"), said


def _workloads(tree: Table) -> Iterator[Complaint]:
    named = [
        ((*location, "name"), name)
        for location, table in tables_in(tree, ("workload",))
        if (name := text_in(table, "name"))
    ]
    yield from _twice("workload", named)
    for location, table in tables_in(tree, ("workload",)):
        yield from misfits(location, table)
