"""A mesh: every site to every other, or pairs of sites, as directed paths modelled from geography.

A path that is listed by itself stands instead of the mesh's own; the way back, where it is not listed too, is its mirror.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Annotated, Any, Literal

from pydantic import PlainValidator

from benchkit.model.place import Path, PathModel
from benchkit.targets.folders import did_you_mean
from benchkit.targets.positions import Location
from benchkit.targets.problems import Complaint, shown

FULL = "full"
Pair = tuple[str, str]
_PAIRS = "[['guiyang', 'hangzhou'], ['guiyang', 'shenzhen']]"


def _mesh(value: object) -> str | tuple[Pair, ...]:
    """As it is written; of a union pydantic would tell what is wrong with each half of it."""
    if value == FULL:
        return FULL
    if not isinstance(value, list) or not value:
        raise ValueError(f"{shown(value)} is no mesh: write 'full', or pairs, like {_PAIRS}")
    for place, pair in enumerate(value):
        if not _is_pair(pair):
            raise ValueError(f"element {place + 1} is no pair of sites: write them like {_PAIRS}")
    return tuple((near, far) for near, far in value)


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and list(map(type, value)) == [str, str]


Mesh = Annotated[Literal["full"] | tuple[Pair, ...], PlainValidator(_mesh)]


def pairs_of(mesh: Mesh | None, sites: Sequence[str]) -> list[Pair]:
    """Each pair of sites once, in the order of the sites or of the list; none without a mesh."""
    if mesh is None:
        return []
    return list(combinations(sites, 2)) if mesh == FULL else [*mesh]


def meshed(
    listed: Sequence[Path], pairs: Sequence[Pair], path_of: Callable[[str, str], Path]
) -> tuple[Path, ...]:
    """The listed paths, then those of the mesh that are not among them, there and back.

    `path_of` makes the path between two sites; the way back of one has the same model, for the ground is the same.
    """
    ways = {way for near, far in pairs for way in ((near, far), (far, near))}
    found = {
        (path.near, path.far): replace(path, in_mesh=True)
        for path in listed
        if (path.near, path.far) in ways
    }
    rest = [path for path in listed if (path.near, path.far) not in ways]
    for near, far in pairs:
        fresh = path_of(near, far)
        there, back = found.get((near, far)), found.get((far, near))
        if there is None:
            there = replace(
                fresh, in_mesh=True, model=mirrored(back.model) if back else fresh.model
            )
            found[near, far] = there
        if back is None:
            found[far, near] = replace(
                fresh,
                name=f"{far}-{near}",
                near=far,
                far=near,
                in_mesh=True,
                model=mirrored(there.model),
            )
    return (*rest, *found.values())


def mirrored(model: PathModel | None) -> PathModel | None:
    """The same path as its far end sees it."""
    return model and replace(model, forward=model.backward, backward=model.forward)


def mesh_complaints(
    mesh: Any,  # noqa: ANN401  as it was written
    known: Sequence[str],
    unplaced: Collection[str],
    *,
    routed: bool,
) -> Iterator[Complaint]:
    """What is wrong with a mesh of sites of these names, some without coordinates, with a route factor or without."""
    if mesh is None:
        return
    pairs = [
        (("mesh", index), pair)
        for index, pair in enumerate(mesh if isinstance(mesh, list) else [])
        if _is_pair(pair)
    ]
    yield from _pair_complaints(pairs, known)
    ends = set(known) if mesh == FULL else {end for _, pair in pairs for end in pair}
    if mesh == FULL and len(ends) < 2:  # noqa: PLR2004  a pair
        yield ("mesh",), "needs two sites or more: write a [[site]] table for each"
    if not routed:
        yield ("mesh",), "has no delays: write route_factor = 1.3 or the like into [defaults.model]"
    yield from (
        (
            ("mesh",),
            f"{end!r} has no coordinates, which its delays come from: give that site latitude and longitude",
        )
        for end in sorted(ends & set(unplaced))
    )


def _pair_complaints(
    pairs: Sequence[tuple[Location, list[str]]], known: Sequence[str]
) -> Iterator[Complaint]:
    seen: set[frozenset[str]] = set()
    for location, pair in pairs:
        for end in pair:
            if end not in known:
                sites = f"; known sites are {', '.join(dict.fromkeys(known)) or 'none'}"
                yield location, f"{end!r} is no site{did_you_mean(end, known) or sites}"
        if len(set(pair)) < len(pair):
            yield location, f"{pair[0]!r} is both ends; name another site"
        if frozenset(pair) in seen:
            yield location, "is there already: a pair is measured both ways; drop one of them"
        seen.add(frozenset(pair))
