"""Where a series of figures, one of each run, changed its level for good.

E-divisive (Matteson and James 2014): the split whose two sides differ most by the energy distance, found again
within each side as long as shuffling the runs seldom does as well. It asks for no distribution, sees a change of
spread too, and one outlier is none. A split needs a few runs on both sides, so the newest ones cannot be confirmed.
"""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import fmean, median, stdev

import numpy as np
from numpy.typing import NDArray

from benchkit.stats.student import student_quantile

LEAST_SEGMENT = 3
LEVEL = 0.01
PERMUTATIONS = 199
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
    """
    if values.size < LEAST_SEGMENT:
        return False
    spread = stdev(values.tolist()) * math.sqrt(1 + 1 / values.size)
    reach = student_quantile(1 - LEVEL / 2, values.size - 1) * spread
    return abs(newest - fmean(values.tolist())) > max(float(reach), floor)


def _splits(values: NDArray[np.float64], start: int, rng: np.random.Generator) -> list[int]:
    if values.size < 2 * LEAST_SEGMENT:
        return []
    best, at = _best_split(values)
    as_good = sum(_best_split(rng.permutation(values))[0] >= best for _ in range(PERMUTATIONS))
    if best <= 0 or (as_good + 1) / (PERMUTATIONS + 1) > LEVEL:
        return []
    before = _splits(values[:at], start, rng)
    return [*before, start + at, *_splits(values[at:], start + at, rng)]


def _best_split(values: NDArray[np.float64]) -> tuple[float, int]:
    """The greatest energy statistic of [0, at) against [at, end), over all ends, and its `at`."""
    size = values.size
    sums = np.zeros((size + 1, size + 1))
    sums[1:, 1:] = np.abs(values[:, None] - values[None, :]).cumsum(axis=0).cumsum(axis=1)
    at, end = np.meshgrid(
        np.arange(LEAST_SEGMENT, size - LEAST_SEGMENT + 1),
        np.arange(2 * LEAST_SEGMENT, size + 1),
        indexing="ij",
    )
    whole = end - at >= LEAST_SEGMENT
    at, end = at[whole], end[whole]
    ours, theirs = at, end - at
    inside = sums[at, at]
    across = sums[at, end] - inside
    beyond = sums[end, end] - 2 * sums[at, end] + inside
    apart = 2 * across / (ours * theirs)
    apart -= inside / (ours * (ours - 1)) + beyond / (theirs * (theirs - 1))
    statistic = apart * ours * theirs / (ours + theirs)
    first = int(statistic.argmax())
    return float(statistic[first]), int(at[first])


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
