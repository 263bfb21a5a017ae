"""What one key says about another: names, citations, units that depend on the metric, and delays.

These look at the tree as it was written, not at the checked tables, so that a mistake of shape in one
place hides none of the others. What has the wrong shape is passed over here: `schema` tells it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from benchkit import units
from benchkit.model.target import METRICS, PERCENTILES
from benchkit.targets.documents import Library
from benchkit.targets.folders import did_you_mean
from benchkit.targets.limits import HAS_PERCENTILES, limit_of
from benchkit.targets.mesh import mesh_complaints
from benchkit.targets.positions import Location
from benchkit.targets.problems import Complaint
from benchkit.targets.workload_table import misfits

Table = dict[str, Any]
# Two ways to say one thing.
EXCLUSIVE = (("loss", "bursts"), ("jitter", "deviations"))
# What one packet of a frame adds around its payload: Ethernet header, preamble, checksum and gap.
FRAME_OCTETS = 38


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
        *_budgets(tree, library),
        *_context(tree, library),
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
    shared = _table(_table(tree, "defaults"), "model")
    unplaced = _unplaced(tree)
    real = {
        _text(site, "name")
        for _, site in _tables(tree, ("site",))
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
    named = ((location, _text(site, "name")) for location, site in _tables(tree, ("site",)))
    return [((*location, "name"), name) for location, name in named if name]


def _names_of_paths(tree: Table) -> list[tuple[Location, str]]:
    named = []
    for location, path in _tables(tree, ("path",)):
        near, far, name = (_text(path, key) for key in ("from", "to", "name"))
        if name:
            named.append(((*location, "name"), name))
        elif near and far and "name" not in path:
            named.append((location, f"{near}-{far}"))
    return named


def _names_of_meters(tree: Table) -> list[tuple[Location, str]]:
    """A meter stands in a report where a path does, and has a name of its own."""
    named = ((location, _text(meter, "name")) for location, meter in _tables(tree, ("meter",)))
    return [((*location, "name"), name) for location, name in named if name]


def _coordinates(tree: Table) -> Iterator[Complaint]:
    for location, site in _tables(tree, ("site",)):
        if ("latitude" in site) != ("longitude" in site):
            missing = "longitude" if "latitude" in site else "latitude"
            yield (*location, missing), "is missing: give latitude and longitude, or neither"


def _ends(tree: Table) -> Iterator[Complaint]:
    known = [name for _, name in _names_of_sites(tree)]
    for location, path in _tables(tree, ("path",)):
        near, far = _text(path, "from"), _text(path, "to")
        for key, name in (("from", near), ("to", far)):
            if name and name not in known:
                sites = f"; known sites are {', '.join(known) or 'none'}"
                yield (*location, key), f"{name!r} is no site{did_you_mean(name, known) or sites}"
        if near and near == far:
            yield (*location, "to"), f"{far!r} is where the path begins; name another site"


def _delays(tree: Table) -> Iterator[Complaint]:
    shared = _table(_table(tree, "defaults"), "model")
    unplaced = _unplaced(tree)
    for location, path in _tables(tree, ("path",)):
        model = _table(path, "model")
        if path.get("real") is True:
            if "model" in path:
                yield (*location, "model"), "a real path has no model; drop it, or `real`"
            continue
        if "delay" in model and "route_factor" in model:
            yield (
                (*location, "model", "delay"),
                "stands instead of route_factor; give one of them",
            )
        each = (_table(model, "forward"), _table(model, "backward"))
        if "delay" in model or all("delay" in direction for direction in each):
            continue
        if not ("route_factor" in model or "route_factor" in shared):
            yield (*location, "model"), "has no delay: give `delay`, or `route_factor` for a route"
        for end in (_text(path, "from"), _text(path, "to")):
            if end and end in unplaced:
                yield (
                    (*location, "model"),
                    f"has no delay: {end!r} has no coordinates; give them, or `delay`",
                )


def _unplaced(tree: Table) -> set[str]:
    """Sites without coordinates. Half a pair is told at the site, and a second site of one name there too."""
    placed = {
        _text(site, "name")
        for _, site in _tables(tree, ("site",))
        if "latitude" in site or "longitude" in site
    }
    return {name for _, name in _names_of_sites(tree)} - placed


def _addresses(tree: Table) -> Iterator[Complaint]:
    """A real path is measured at the address of its far site, or at what an agent of a cluster tells."""
    bare = {
        _text(site, "name")
        for _, site in _tables(tree, ("site",))
        if "address" not in site and site.get("agent") is not True
    }
    for location, path in _tables(tree, ("path",)):
        far = _text(path, "to")
        if path.get("real") is True and "model" not in path and far in bare:
            yield (
                (*location, "to"),
                f"{far!r} has no address to measure: give the site an `address`, or `agent = true` where it has one in your cluster",
            )


def _iperf3_sites(tree: Table) -> Iterator[Complaint]:
    """A login is of an iperf3 server, and takes a user and a key."""
    keys = ("iperf3_user", "iperf3_key")
    for location, site in _tables(tree, ("site",)):
        named = [key for key in keys if key in site]
        if not named:
            continue
        if not (_text(site, "address") or "").startswith("iperf3://"):
            yield (
                (*location, named[0]),
                "is for a site whose address begins with iperf3://; drop it",
            )
        elif len(named) == 1:
            missing = next(key for key in keys if key not in site)
            yield (*location, missing), f"is missing: {keys[0]} and {keys[1]} go together"


def _weathers(tree: Table) -> Iterator[Complaint]:
    shared = _table(_table(tree, "defaults"), "model")
    yield from _exclusive(("defaults", "model"), shared)
    for location, path in _tables(tree, ("path",)):
        model = _table(path, "model")
        yield from _exclusive((*location, "model"), model)
        for side in ("forward", "backward"):
            yield from _exclusive((*location, "model", side), _table(model, side))
    yield from _buffers(tree)


def _exclusive(location: Location, table: Table) -> Iterator[Complaint]:
    for one, other in EXCLUSIVE:
        if one in table and other in table:
            yield (*location, other), f"stands instead of `{one}`; give one of them"


def _buffers(tree: Table) -> Iterator[Complaint]:
    """A buffer that holds no packet passes none."""
    shared = _table(_table(tree, "defaults"), "model")
    places: list[tuple[Location, Table]] = [(("defaults", "model"), shared)]
    places += [
        ((*location, "model"), _table(path, "model")) for location, path in _tables(tree, ("path",))
    ]
    for location, model in places:
        mtu, buffer = model.get("mtu", shared.get("mtu", 1500)), _text(model, "buffer")
        if buffer is None or not isinstance(mtu, int):
            continue
        with suppress(ValueError):
            if 0 < units.octets(buffer) < mtu + FRAME_OCTETS:
                said = f"{buffer!r} holds no packet of {mtu} octets"
                said += f", which takes {mtu + FRAME_OCTETS} on the wire: give a larger one"
                yield (*location, "buffer"), said


def _budgets(tree: Table, library: Library) -> Iterator[Complaint]:
    holders = [*_tables(tree, ("path",)), *_tables(tree, ("meter",))]
    holders.append((("defaults",), _table(tree, "defaults")))
    for holder_location, holder in holders:
        for location, budget in _tables(holder, (*holder_location, "budget")):
            metric = _text(budget, "metric")
            if metric in METRICS and (metric == "ratio") != (holder_location[0] == "meter"):
                yield (
                    (*location, "metric"),
                    f"{metric!r} is not what a {'meter' if holder_location[0] == 'meter' else 'path'} measures",
                )
            if "fact" in budget and "limit" in budget:
                yield (*location, "limit"), "stands beside a fact; give one of them"
            if "fact" not in budget and "limit" not in budget:
                yield location, "has no limit: give `fact`, to cite a document, or `limit`"
            if metric in METRICS:
                yield from _misfits(location, budget, metric)
            yield from _figures(location, budget, metric, library)


def _misfits(location: Location, budget: Table, metric: str) -> Iterator[Complaint]:
    percentile = budget.get("percentile")
    if percentile in PERCENTILES and metric not in HAS_PERCENTILES:
        yield (
            (*location, "percentile"),
            f"{percentile!r} cannot be: {metric} has no percentiles; drop it",
        )
    if "reading" in budget and metric != "rtt":
        yield (
            (*location, "reading"),
            f"only rtt is read one way or round trip, not {metric}; drop it",
        )


def _figures(
    location: Location, budget: Table, metric: str | None, library: Library
) -> Iterator[Complaint]:
    citation, limit = _text(budget, "fact"), _text(budget, "limit")
    judged = metric if metric in METRICS else None
    if limit is not None and judged:
        try:
            limit_of(judged, limit)
        except ValueError as error:
            yield (*location, "limit"), str(error)
    if citation is None:
        return
    try:
        fact = library.fact(citation)
    except LookupError as error:
        yield (*location, "fact"), str(error.args[0])
        return
    if fact and judged:
        try:
            limit_of(judged, fact.figure)
        except ValueError as error:
            yield (*location, "fact"), f"{citation!r} is no budget for {judged}: {error}"


def _context(tree: Table, library: Library) -> Iterator[Complaint]:
    context = tree.get("context")
    for index, citation in enumerate(context if isinstance(context, list) else []):
        if isinstance(citation, str):
            try:
                library.fact(citation)
            except LookupError as error:
                yield ("context", index), str(error.args[0])


def _workloads(tree: Table) -> Iterator[Complaint]:
    named = [
        ((*location, "name"), name)
        for location, table in _tables(tree, ("workload",))
        if (name := _text(table, "name"))
    ]
    yield from _twice("workload", named)
    for location, table in _tables(tree, ("workload",)):
        yield from misfits(location, table)


def _tables(within: Table, location: Location) -> Iterator[tuple[Location, Table]]:
    """The well-shaped elements of the array whose key is the location's last."""
    found = within.get(str(location[-1]))
    for index, table in enumerate(found if isinstance(found, list) else []):
        if isinstance(table, dict):
            yield (*location, index), table


def _table(within: Table, key: str) -> Table:
    found = within.get(key)
    return found if isinstance(found, dict) else {}


def _text(within: Table, key: str) -> str | None:
    found = within.get(key)
    return found if isinstance(found, str) else None
