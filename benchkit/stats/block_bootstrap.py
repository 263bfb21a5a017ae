"""A moving-block bootstrap of percentiles: how they would vary if the run were measured again.

Blocks of neighbours are drawn, never single packets, because neighbours resemble each other (Künsch 1989; the
circular form of Politis and Romano 1992, so that each packet is as likely as the next). A replicate's
percentile is read off its distribution function on a grid of order statistics around the measured one: then all
replicates are one product of matrices, and a million samples take a second, not minutes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

REPLICATES = 1000
# So many places where a block may begin; more would change nothing but the time it takes.
_MOST_STARTS = 4000
# Order statistics on the grid of each percentile, and how many standard errors it reaches to each side.
_GRID = 129
_REACH = 6.0
# Blocks of four autocorrelation times lose a quarter of the variance at most; fewer than ten say nothing of it.
_TIMES_PER_BLOCK = 4
_FEWEST_BLOCKS = 10


@dataclass(frozen=True, slots=True)
class _Blocks:
    """The series cut in segments: a block is `width` of them in a row, from any one on, round the end."""

    segment: int
    segments: int
    width: int

    @property
    def samples(self) -> int:
        return self.segment * self.segments

    @property
    def drawn(self) -> int:
        """How many blocks make a replicate."""
        return max(round(self.segments / self.width), 2)


def bootstrap_percentiles(
    values: NDArray[np.float64],
    shares: Sequence[float],
    time: float,
    seed: int,
    replicates: int = REPLICATES,
) -> NDArray[np.float64]:
    """Replicates of the percentiles at `shares`, of shape (replicates, len(shares)), in the unit of `values`.

    `values` has shape (n,), at least one, in time order, +inf for lost. `time` is the autocorrelation time in
    samples. What lies outside of the grid is put at its end. The same seed gives the same replicates.
    """
    blocks = _cut(values.size, time)
    ordered = np.sort(values)
    ranks = [_grid_ranks(values.size, share, time) for share in shares]
    grids = [ordered[each] for each in ranks]
    grid = np.unique(np.concatenate(grids))
    counted = _block_counts(values[: blocks.samples], grid, blocks)
    weights = _weights(blocks, replicates, np.random.default_rng(seed))
    below = weights @ counted
    below /= blocks.drawn * blocks.width * blocks.segment
    found = np.empty((replicates, len(shares)))
    for index, (share, own) in enumerate(zip(shares, grids, strict=True)):
        first, last = np.searchsorted(grid, (own[0], own[-1]))
        # In single precision a share of 0.99 may come out as 0.98999995.
        reached = below[:, first : last + 1] >= share - 1e-6
        reached[:, -1] = True
        found[:, index] = grid[first + reached.argmax(axis=1)]
    return found


def _cut(n: int, time: float) -> _Blocks:
    segment = -(-n // _MOST_STARTS)
    segments = n // segment
    length = max(n ** (1 / 3), _TIMES_PER_BLOCK * time)
    length = min(length, n / _FEWEST_BLOCKS)
    return _Blocks(segment, segments, min(max(math.ceil(length / segment), 1), segments))


def _grid_ranks(n: int, share: float, time: float) -> NDArray[np.int64]:
    """Indices, from 0, of order statistics as far around the percentile as replicates may stray."""
    middle = math.ceil(share * n) - 1
    reach = _REACH * math.sqrt(n * share * (1 - share) * max(time, 1.0)) + 2
    low, high = max(math.floor(middle - reach), 0), min(math.ceil(middle + reach), n - 1)
    return np.unique(np.linspace(low, high, _GRID).astype(np.int64))


def _block_counts(
    values: NDArray[np.float64], grid: NDArray[np.float64], blocks: _Blocks
) -> NDArray[np.float32]:
    """How many samples of each block are at most each grid value: shape (segments, grid)."""
    codes = np.searchsorted(grid, values, side="left")
    codes += np.repeat(np.arange(blocks.segments) * (grid.size + 1), blocks.segment)
    counts = np.bincount(codes, minlength=blocks.segments * (grid.size + 1))
    table = counts.reshape(blocks.segments, grid.size + 1)[:, : grid.size].cumsum(axis=1)
    round_the_end = np.concatenate((table, table[: blocks.width - 1]))
    sums = np.zeros((round_the_end.shape[0] + 1, grid.size), dtype=np.int64)
    np.cumsum(round_the_end, axis=0, out=sums[1:])
    return (sums[blocks.width :] - sums[: -blocks.width]).astype(np.float32)


def _weights(blocks: _Blocks, replicates: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """How often each block is in each replicate: shape (replicates, segments)."""
    drawn = rng.integers(0, blocks.segments, (replicates, blocks.drawn))
    drawn += np.arange(replicates)[:, np.newaxis] * blocks.segments
    counts = np.bincount(drawn.ravel(), minlength=replicates * blocks.segments)
    return counts.reshape(replicates, blocks.segments).astype(np.float32)
