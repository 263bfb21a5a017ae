"""Jitter as a table of deviations, each as likely as the next: what both emulators draw from.

netem's own tables end at four standard deviations, for its entries are 16-bit numbers of which 8192 is one.
A longer tail fits when the table is scaled down and the jitter up by the same factor.
"""

from __future__ import annotations

from functools import cache
from statistics import NormalDist, fmean, pstdev

from benchkit.model.place import Direction

ENTRIES = 4096
SHARES = [(index + 0.5) / ENTRIES for index in range(ENTRIES)]
ONE_SIGMA = 8192
LARGEST_ENTRY = 32_767
# The shape of netem's own Pareto table: the smallest for which a standard deviation exists by some margin.
PARETO_SHAPE = 3.0


def deviations_ns(direction: Direction) -> list[int]:
    """Sorted deviations from the delay in ns; empty without jitter. None takes a packet below zero delay.

    The list may be that of others too: nobody changes it.
    """
    if direction.distribution == "table":
        return [max(-direction.delay_ns, each) for each in direction.deviations_ns]
    if not direction.jitter_ns:
        return []
    scaled = _scaled(direction.distribution, direction.jitter_ns)
    if scaled[0] >= -direction.delay_ns:
        return scaled  # that of all directions of this jitter: a mesh has thousands
    return [max(-direction.delay_ns, each) for each in scaled]


@cache
def _scaled(distribution: str, jitter_ns: int) -> list[int]:
    values = _pareto() if distribution == "pareto" else _normal()
    # A table ends somewhere, and what lies beyond its end is missing from its spread: made up for here.
    middle, sigma = fmean(values), pstdev(values)
    return [round((value - middle) / sigma * jitter_ns) for value in values]


def _normal() -> list[float]:
    normal = NormalDist()
    return [normal.inv_cdf(share) for share in SHARES]


def _pareto() -> list[float]:
    return [(1 - share) ** (-1 / PARETO_SHAPE) for share in SHARES]


def netem_table(deviations: list[int]) -> tuple[int, str]:
    """The jitter in ns that netem must be told, and the text of its table, for these deviations.

    The largest deviation becomes the largest entry, so that nothing is clipped and the steps stay small.
    """
    largest = max(abs(each) for each in deviations) or 1
    jitter_ns = -(-largest * ONE_SIGMA // LARGEST_ENTRY)
    entries = [round(each * ONE_SIGMA / jitter_ns) for each in _spread_out(deviations)]
    lines = [" ".join(map(str, entries[at : at + 8])) for at in range(0, len(entries), 8)]
    return jitter_ns, "\n".join(lines) + "\n"


def _spread_out(deviations: list[int]) -> list[int]:
    """As many entries as netem's tables have, the same distribution."""
    count = len(deviations)
    return [deviations[index * count // ENTRIES] for index in range(ENTRIES)]
