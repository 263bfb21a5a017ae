"""Where the sites are drawn, in kilometres: by their coordinates, by their distances, or round the first of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from benchkit.model.place import Site
from benchkit.model.record import RunRecord

KM_PER_DEGREE = 111.19
# How far a line may be from its path's length and still be called to scale: nobody sees less.
TO_SCALE = 0.02

Places = Mapping[str, tuple[float, float]]


def places_of(record: RunRecord, sites: Sequence[Site]) -> tuple[Places, str]:
    """Each site's x and y in km, and a sentence on what directions and lengths say."""
    names = list(dict.fromkeys(name for path in record.paths for name in (path.near, path.far)))
    known = _by_coordinates(names, sites)
    if known is not None:
        return known, "Places by their coordinates; straight lines, not the route of a fibre."
    places = _by_distances(names, record) or _as_star(names, record)
    if _is_to_scale(places, record):
        return places, "Schematic: lengths are to scale, directions are not."
    return places, "Schematic: directions and lengths say nothing."


def _by_coordinates(names: Sequence[str], sites: Sequence[Site]) -> Places | None:
    known = {
        site.name: (site.latitude, site.longitude)
        for site in sites
        if site.latitude is not None and site.longitude is not None
    }
    if not set(names) <= set(known):
        return None
    middle = math.radians(sum(known[name][0] for name in names) / len(names))
    return {
        name: (known[name][1] * math.cos(middle) * KM_PER_DEGREE, known[name][0] * KM_PER_DEGREE)
        for name in names
    }


def _by_distances(names: Sequence[str], record: RunRecord) -> Places | None:
    """Classical scaling (Torgerson 1952) into a plane; None where the distance of a pair is not known.

    The first site is the origin, the second lies right of it and what is farthest aside above: eigenvectors have no sign.
    """
    km = {
        frozenset((path.near, path.far)): path.great_circle_km
        for path in record.paths
        if path.great_circle_km is not None
    }
    if len(names) < 3 or any(frozenset(pair) not in km for pair in combinations(names, 2)):  # noqa: PLR2004  a triangle
        return None
    squares = np.array([[km.get(frozenset((a, b)), 0.0) ** 2 for b in names] for a in names])
    centre = np.eye(len(names)) - 1 / len(names)
    values, vectors = np.linalg.eigh(-centre @ squares @ centre / 2)
    at = vectors[:, -2:] * np.sqrt(np.maximum(values[-2:], 0.0))
    flat = (at[:, 0] + 1j * at[:, 1]) - complex(*at[0])
    flat *= np.exp(-1j * np.angle(flat[1]))
    if flat.imag[np.argmax(np.abs(flat.imag))] < 0:
        flat = flat.conj()
    return {name: (float(x.real), float(x.imag)) for name, x in zip(names, flat, strict=True)}


def _as_star(names: Sequence[str], record: RunRecord) -> Places:
    """The site of most paths in the middle, the others round it as far away as they are.

    An odd number of directions: of no two is one behind the other, so that no line runs through the middle. Where there are
    lines past it all are equally far, so that none runs through a third site.
    """
    hub = max(names, key=lambda name: sum(name in {path.near, path.far} for path in record.paths))
    km = {
        ({path.near, path.far} - {hub}).pop(): path.great_circle_km
        for path in record.paths
        if hub in {path.near, path.far} and path.near != path.far
    }
    typical = next((each for each in km.values() if each), 1.0)
    if any(hub not in {path.near, path.far} for path in record.paths):
        km = {}
    others = [name for name in names if name != hub]
    places = {hub: (0.0, 0.0)}
    for index, name in enumerate(others):
        angle = math.radians(360.0 * index / (len(others) | 1) - 60.0)
        length = km.get(name) or typical
        places[name] = (length * math.cos(angle), length * math.sin(angle))
    return places


def _is_to_scale(places: Places, record: RunRecord) -> bool:
    return all(
        path.great_circle_km is not None
        and math.isclose(
            math.dist(places[path.near], places[path.far]), path.great_circle_km, rel_tol=TO_SCALE
        )
        for path in record.paths
    )
