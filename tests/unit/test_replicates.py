"""Runs as replicates: Student's tail, and the error that a bootstrap of packets has."""

from __future__ import annotations

import math

import numpy as np
import pytest
from comparisons import correlated, normal
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchkit.stats.block_bootstrap import bootstrap_percentiles
from benchkit.stats.student import student_tail


@pytest.mark.parametrize("freedom", [1, 2, 4.5, 8, 100, 1e7])
@pytest.mark.parametrize("t", [-2.0, 0.0, 0.7, 3.0, 9.0])
def test_the_tail_of_student_is_that_of_scipy(t: float, freedom: float) -> None:
    assert student_tail(t, freedom) == pytest.approx(stats.t.sf(t, freedom), rel=1e-3)


def test_a_bootstrap_of_independent_samples_has_the_error_that_theory_has() -> None:
    found = bootstrap_percentiles(normal(1, 20_000), [0.5, 0.95, 0.99], 1.0, seed=1)
    shares = np.array([0.5, 0.95, 0.99])
    density = stats.norm.pdf(stats.norm.ppf(shares)) / 0.05
    assert found.std(axis=0) == pytest.approx(
        np.sqrt(shares * (1 - shares) / 20_000) / density, rel=0.2
    )


def test_a_bootstrap_of_correlated_samples_has_a_larger_error() -> None:
    alike, apart = (
        bootstrap_percentiles(values, [0.5], size, seed=1).std()
        for values, size in ((correlated(1), 19.0), (normal(1), 1.0))
    )
    # The mean of AR(1) 0.9 varies as that of a nineteenth of the samples; its median a little less.
    assert 2.5 < alike / apart < 6


def test_a_bootstrap_repeats_itself_from_its_seed() -> None:
    once, again, other = (bootstrap_percentiles(normal(1), [0.99], 1.0, seed) for seed in (1, 1, 2))
    assert (once == again).all()
    assert (once != other).any()


@given(
    st.lists(st.floats(0, 100) | st.just(math.inf), min_size=1, max_size=60),
    st.floats(1, 30),
)
@settings(max_examples=60, deadline=None)
def test_replicates_are_among_the_samples(values: list[float], size: float) -> None:
    found = bootstrap_percentiles(np.array(values), [0.5, 0.99], size, seed=0, replicates=20)
    assert set(found.ravel()) <= set(values)
