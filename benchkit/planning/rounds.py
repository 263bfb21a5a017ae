"""Rounds of pairs that share no site, so that tests of one round do not disturb each other at either end.

Rounds are the colours of an edge colouring. A full mesh takes as few as can be (the circle method of tournaments); any
other mesh at most one more than the busiest site has pairs (Misra and Gries 1992, after Vizing 1964), and that many is
the least that can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

Pair = tuple[str, str]
# At each site: which other its edge of a colour leads to.
_Colours = dict[str, dict[int, str]]


def rounds(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """The pairs dealt to rounds, each once and as it was given; a pair and its reverse are one.

    >>> rounds([("a", "b"), ("b", "c"), ("a", "c"), ("c", "d")])
    [[('b', 'c')], [('a', 'b'), ('c', 'd')], [('a', 'c')]]
    """
    given: dict[frozenset[str], Pair] = {}
    for pair in pairs:
        given.setdefault(frozenset(pair), pair)
    sites = list(dict.fromkeys(site for pair in given.values() for site in pair))
    if len(given) == len(sites) * (len(sites) - 1) // 2:
        found = _circle(sites)
    else:
        found = _coloured(list(given.values()), sites)
    return [[given[frozenset(pair)] for pair in one] for one in found if one]


def _circle(sites: Sequence[str]) -> list[list[Pair]]:
    """All pairs: one site stays, the others walk round it; of an odd number each rests once."""
    ring: list[str | None] = [*sites, *([None] if len(sites) % 2 else [])]
    half = len(ring) // 2
    found = []
    for _ in range(len(ring) - 1):
        facing = zip(ring[:half], reversed(ring[half:]), strict=True)
        found.append([(one, other) for one, other in facing if one and other])
        ring = [ring[0], ring[-1], *ring[1:-1]]
    return found


def _coloured(pairs: Sequence[Pair], sites: Sequence[str]) -> list[list[Pair]]:
    colours: _Colours = {site: {} for site in sites}
    degree = {site: sum(site in pair for pair in pairs) for site in sites}
    most = max(degree.values(), default=0) + 1
    for hub, first in pairs:
        fan = _fan(colours, hub, first)
        free = _free(colours[hub], most)
        wanted = _free(colours[fan[-1]], most)
        _swap(colours, hub, wanted, free)
        _turn(colours, hub, fan[: _last_of(colours, hub, fan, wanted) + 1], wanted)
    found: list[list[Pair]] = [[] for _ in range(most)]
    for hub, first in pairs:
        colour = next(colour for colour, site in colours[hub].items() if site == first)
        found[colour].append((hub, first))
    return found


def _free(at_site: dict[int, str], most: int) -> int:
    """The least colour that the site has not used: there is one, for it has at most one pair fewer than colours."""
    return next(colour for colour in range(most) if colour not in at_site)


def _fan(colours: _Colours, hub: str, first: str) -> list[str]:
    """Neighbours of the hub from `first` on, each by an edge whose colour is free at the one before."""
    fan = [first]
    while True:
        last = colours[fan[-1]]
        further = (
            site for colour, site in colours[hub].items() if colour not in last and site not in fan
        )
        found = next(further, None)
        if found is None:
            return fan
        fan.append(found)


def _swap(colours: _Colours, start: str, one: int, other: int) -> None:
    """Exchange two colours along the path of both that begins at `start`, where `other` is free."""
    path = [start]
    colour = one
    while colour in colours[path[-1]]:
        path.append(colours[path[-1]][colour])
        colour = other if colour == one else one
    edges = list(pairwise(path))
    for place, (near, far) in enumerate(edges):
        old = (one, other)[place % 2]
        del colours[near][old], colours[far][old]
    for place, (near, far) in enumerate(edges):
        new = (other, one)[place % 2]
        colours[near][new], colours[far][new] = far, near


def _last_of(colours: _Colours, hub: str, fan: Sequence[str], wanted: int) -> int:
    """How far the fan can be turned: to the first of it, still a fan, where the wanted colour is free."""
    of = {site: colour for colour, site in colours[hub].items()}
    for place, site in enumerate(fan):
        if place and of[site] in colours[fan[place - 1]]:
            break
        if wanted not in colours[site]:
            return place
    raise AssertionError("Vizing's theorem does not hold")


def _turn(colours: _Colours, hub: str, fan: Sequence[str], wanted: int) -> None:
    """Give each edge of the fan the colour of the next, and the last one the wanted colour."""
    of = {site: colour for colour, site in colours[hub].items()}
    fresh = [of[site] for site in fan[1:]] + [wanted]
    for site in fan[1:]:
        del colours[hub][of[site]], colours[site][of[site]]
    for site, colour in zip(fan, fresh, strict=True):
        colours[hub][colour], colours[site][colour] = site, hub
