"""The energy distance of two parts of a series, over every way to part it: one series, or many at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEPS = 2.0**40


def best_split(values: NDArray[np.float64], least: int) -> tuple[float, int]:
    """The greatest energy statistic of [0, at) against [at, end), over all ends, and its `at`.

    `values` has shape (n,), n >= 2 `least`; each part has `least` values or more. Székely and Rizzo 2010.
    """
    size = values.size
    sums = np.zeros((size + 1, size + 1))
    sums[1:, 1:] = np.abs(values[:, None] - values[None, :]).cumsum(axis=0).cumsum(axis=1)
    at, end = np.meshgrid(
        np.arange(least, size - least + 1), np.arange(2 * least, size + 1), indexing="ij"
    )
    whole = end - at >= least
    at, end = at[whole], end[whole]
    between, ours, all_of = _weights(at, end)
    statistic = between * sums[at, end] - ours * sums[at, at] - all_of * sums[end, end]
    first = int(statistic.argmax())
    return float(statistic[first]), int(at[first])


def greatest(series: NDArray[np.float64], least: int) -> NDArray[np.float64]:
    """The statistic of `best_split` for each row of shape (m, n): shape (m,), and 0 where it is less; n < 2048.

    Step by step over the series, so that what is worked on stays in the cache; and in whole steps of 2^-40 of the
    range, for a processor sums integers several times as fast as floats, where each sum waits for the one before.
    """
    low, reach = series.min(), float(np.ptp(series)) or 1.0
    whole = np.rint((series - low) * (STEPS / reach)).astype(np.int64)
    many, size = whole.shape
    # From each value to those before it; and among the first of them, for each count.
    back = [np.abs(whole[:, :at] - whole[:, at, None]).sum(axis=1) for at in range(size)]
    within = np.zeros((many, size + 1))
    within[:, 1:] = 2 * np.cumsum(back, axis=0).T
    # Of the first `at` values to the first of each count: only counts beyond `at` are kept up.
    across = np.zeros((many, size + 1), np.int64)
    found = np.zeros(many)
    for at in range(1, size - least + 1):
        ahead = whole[:, at:] - whole[:, at - 1, None]
        np.abs(ahead, out=ahead)
        ahead[:, 0] += back[at - 1]
        across[:, at + 1 :] += np.cumsum(ahead, axis=1, out=ahead)
        if at >= least:
            ends = slice(at + least, None)
            between, ours, all_of = _weights(at, np.arange(at + least, size + 1))
            statistic = across[:, ends].astype(np.float64)
            statistic *= between
            statistic -= within[:, ends] * all_of
            statistic -= within[:, at, None] * ours
            np.maximum(found, statistic.max(axis=1), out=found)
    return found * (reach / STEPS)


def _weights(
    at: NDArray[np.int64] | int, end: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """What counts how much: distances of the first `at` to the first `end`, among the former, among the latter.

    The statistic is the first sum less the two others, each by its weight.
    """
    beyond = end - at
    all_of = at / (end * (beyond - 1.0))
    between = 2 / end
    return between + 2 * all_of, between + all_of + beyond / (end * (at - 1.0)), all_of
