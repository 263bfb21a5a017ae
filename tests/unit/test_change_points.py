"""Where a level changed: steps are found where they are, and noise has hardly any."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from benchkit.stats.change_points import PERMUTATIONS, _is_rare, change_points, is_outside
from benchkit.stats.energy import best_split, greatest


def noise(seed: int, n: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.random.default_rng(seed).standard_normal(n)


def test_a_step_is_found_where_it_is() -> None:
    values = np.concatenate((noise(1, 15), noise(2, 15) + 5))
    assert change_points(values) == (15,)


def test_two_steps_are_found() -> None:
    values = np.concatenate((noise(1, 15), noise(2, 15) + 6, noise(3, 15)))
    assert change_points(values) == (15, 30)


def test_noise_has_hardly_any_changes() -> None:
    # At a level of 1 % for each of 40 series.
    assert sum(bool(change_points(noise(seed, 20), seed=seed)) for seed in range(40)) <= 3


def test_one_outlier_is_no_change() -> None:
    values = noise(1, 20)
    values[10] += 30
    assert change_points(values) == ()


def test_the_newest_two_runs_make_no_change() -> None:
    values = np.concatenate((noise(1, 20), noise(2, 2) + 50))
    assert all(index <= 19 for index in change_points(values))


def test_a_change_below_the_floor_is_left_out() -> None:
    values = np.concatenate((noise(1, 15), noise(2, 15) + 5))
    assert change_points(values, floor=6.0) == ()
    assert change_points(values, floor=3.0) == (15,)


@pytest.mark.parametrize("n", [0, 1, 5])
def test_too_few_runs_have_no_changes(n: int) -> None:
    assert change_points(np.arange(n, dtype=np.float64)) == ()


def test_equal_figures_have_no_changes() -> None:
    assert change_points(np.full(30, 8.5)) == ()


def test_many_series_at_once_part_as_each_alone() -> None:
    series = np.stack([noise(1, 30), noise(2, 30) + 1e6, np.repeat([1.0, 7.0, 2.0], 10)])
    alone = [best_split(row, 3)[0] for row in series]
    assert [float(greatest(row[None], 3)[0]) for row in series] == pytest.approx(alone, rel=1e-6)
    together = greatest(series[::2], 3)
    assert together.tolist() == pytest.approx(alone[::2], rel=1e-6)


def test_a_step_between_the_parts_has_the_statistic_of_the_definition() -> None:
    # Two and two: the mean distance across, twice, less the mean distance within each; by 2 * 2 / 4.
    assert best_split(np.array([0.0, 1.0, 5.0, 7.0]), 2) == (pytest.approx(2 * 5.5 - 1 - 2), 2)


@pytest.mark.parametrize("step", [0.0, 0.4, 0.8, 1.2, 5.0])
def test_stopping_early_says_what_all_shuffles_say(step: float) -> None:
    tried: list[int] = []

    def counted(series: NDArray[np.float64], least: int) -> NDArray[np.float64]:
        tried.append(len(series))
        return greatest(series, least)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchkit.stats.change_points.greatest", counted)
        for seed in range(6):
            values = noise(seed, 40)
            values[20:] += step
            tried.clear()
            found = _is_rare(values, best_split(values, 3)[0], np.random.default_rng(seed))
            rng = np.random.default_rng(100 + seed)
            many = greatest(rng.permuted(np.tile(values, (999, 1)), axis=1), 3)
            share = float((many >= best_split(values, 3)[0]).mean())
            if found:
                assert (sum(tried), share < 0.04) == (PERMUTATIONS, True)
            if share > 0.2:
                assert sum(tried) < PERMUTATIONS


def test_what_lies_outside_is_told_from_what_does_not() -> None:
    before = noise(1, 20)
    assert is_outside(before, 8.0, 0.0)
    assert not is_outside(before, 0.5, 0.0)
    assert not is_outside(before, 8.0, 20.0)
    assert not is_outside(before[:2], 8.0, 0.0)
