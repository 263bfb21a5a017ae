"""Where a series of figures, one of each run, changed its level for good.

E-divisive (Matteson and James 2014): the split whose two sides differ most by the energy distance, found again
within each side as long as shuffling the runs seldom does as well. It asks for no distribution, sees a change of
spread too, and one outlier is none. A split needs a few runs on both sides, so the newest ones cannot be confirmed.

The p-value is a sequential Monte Carlo one (Besag and Clifford 1991): shuffling stops as soon as so many orders did
as well that the rest cannot make the split significant. The answer is that of all PERMUTATIONS; a series without a
change, which most are, costs a few of them.
"""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import fmean, median, stdev

import numpy as np
from numpy.typing import NDArray

from benchkit.stats.energy import best_split, greatest
from benchkit.stats.student import student_quantile

LEAST_SEGMENT = 3
LEVEL = 0.01
PERMUTATIONS = 199
# Orders tried at once: few at first, for that often decides it; then twice as many, as far as they stay in the cache.
FIRST_BATCH, MOST_FIGURES = 8, 20_000
ROUNDING = 1e-9
# More would take seconds, and old changes are no news.
LONGEST = 300


def change_points(
    values: NDArray[np.float64], *, floor: float = 0.0, seed: int = 1
) -> tuple[int, ...]:
    """Indices where a new level begins, in order; `values` has shape (n,), in time order, finite.

    Each level has LEAST_SEGMENT runs or more, and its median lies further than `floor` from the one before.
    Only the last LONGEST runs are looked at. The permutations are drawn from `seed`.
    """
    skipped = max(values.size - LONGEST, 0)
    recent = values[skipped:]
    rng = np.random.default_rng(seed)
    found = _splits(recent, 0, rng)
    kept = _beyond(recent, found, floor)
    return tuple(skipped + index for index in kept)


def is_outside(values: NDArray[np.float64], newest: float, floor: float) -> bool:
    """Whether a new figure lies outside what those before lead to expect, with 99 %, and by more than `floor`.

    Student's prediction interval, of LEAST_SEGMENT values at least; of fewer nothing is expected.
    `values` has shape (n,), oldest first.
    """
    if values.size < LEAST_SEGMENT:
        return False
    spread = stdev(values.tolist()) * math.sqrt(1 + 1 / values.size)
    reach = student_quantile(1 - LEVEL / 2, values.size - 1) * spread
    return abs(newest - fmean(values.tolist())) > max(float(reach), floor)


def _splits(values: NDArray[np.float64], start: int, rng: np.random.Generator) -> list[int]:
    if values.size < 2 * LEAST_SEGMENT:
        return []
    best, at = best_split(values, LEAST_SEGMENT)
    if best <= 0 or not _is_rare(values, best, rng):
        return []
    before = _splits(values[:at], start, rng)
    return [*before, start + at, *_splits(values[at:], start + at, rng)]


def _is_rare(values: NDArray[np.float64], best: float, rng: np.random.Generator) -> bool:
    """Whether at most LEVEL of PERMUTATIONS orders, this one counted in, part as well as `best`."""
    allowed = math.floor(LEVEL * (PERMUTATIONS + 1)) - 1
    as_good, tried, many = 0, 0, FIRST_BATCH
    while tried < PERMUTATIONS and as_good <= allowed:
        many = min(many, PERMUTATIONS - tried)
        shuffled = rng.permuted(np.tile(values, (many, 1)), axis=1)
        # The same split of the same figures comes out another way in the last digits.
        as_good += int((greatest(shuffled, LEAST_SEGMENT) >= best * (1 - ROUNDING)).sum())
        tried, many = tried + many, min(2 * many, MOST_FIGURES // values.size)
    return as_good <= allowed


def _beyond(values: NDArray[np.float64], found: list[int], floor: float) -> list[int]:
    """Without those whose levels are no further apart than `floor`: the least change goes first."""
    kept = list(found)
    while kept:
        edges = [0, *kept, values.size]
        levels = [median(values[first:last].tolist()) for first, last in pairwise(edges)]
        steps = [abs(after - before) for before, after in pairwise(levels)]
        least = min(range(len(steps)), key=steps.__getitem__)
        if steps[least] > floor:
            break
        del kept[least]
    return kept
