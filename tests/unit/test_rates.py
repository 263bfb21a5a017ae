"""Loss ratios, Student's t, and goodput after its ramp."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats as oracle

from benchkit.stats.autocorrelation import autocorrelation, autocorrelation_of_few
from benchkit.stats.rates import Plateau, loss_interval, plateau
from benchkit.stats.student import student_quantile

TENTH_NS = 100_000_000


def counted(rates_mbit: NDArray[np.float64]) -> Plateau:
    """The plateau of these rates, counted over intervals of 100 ms."""
    start = np.arange(rates_mbit.size, dtype=np.int64) * TENTH_NS
    octets = np.round(rates_mbit * 1e6 / 8 * 0.1).astype(np.int64)
    return plateau(octets, start, start + TENTH_NS)


@given(st.integers(1, 10**7), st.floats(0, 1))
def test_a_loss_interval_is_wilsons(n: int, share: float) -> None:
    lost = round(share * n)
    found = loss_interval(lost, n)
    wanted = oracle.binomtest(lost, n).proportion_ci(0.95, "wilson")
    assert found.value == pytest.approx(100 * lost / n)
    assert found.low == pytest.approx(100 * wanted.low, abs=1e-9)
    assert found.high == pytest.approx(100 * wanted.high, abs=1e-9)


@given(st.integers(1, 10**7), st.floats(0, 1))
def test_a_loss_ratio_lies_within_its_interval_and_that_within_0_and_100(
    n: int, share: float
) -> None:
    found = loss_interval(round(share * n), n)
    assert 0 <= found.low <= found.value <= found.high <= 100


def test_no_loss_has_a_low_of_exactly_0_and_all_lost_a_high_of_exactly_100() -> None:
    assert loss_interval(0, 1000).low == 0
    assert loss_interval(0, 1000).high == pytest.approx(0.383, abs=1e-3)
    assert loss_interval(1000, 1000).high == 100


def test_losses_in_bursts_widen_the_interval() -> None:
    scattered, bursts = loss_interval(50, 1000), loss_interval(50, 1000, effective_n=100.0)
    assert bursts.value == scattered.value
    assert bursts.low < scattered.low
    assert bursts.high > scattered.high


@pytest.mark.parametrize(("lost", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_a_loss_that_is_no_ratio_is_refused(lost: int, n: int) -> None:
    with pytest.raises(ValueError, match="no ratio"):
        loss_interval(lost, n)


@given(st.floats(1, 1e7), st.sampled_from([0.75, 0.95, 0.975, 0.995]))
def test_the_t_quantile_is_scipys(freedom: float, probability: float) -> None:
    wanted = float(oracle.t.ppf(probability, freedom))
    assert student_quantile(probability, freedom) == pytest.approx(wanted, rel=1e-4)


def test_infinite_freedom_is_the_normal_distribution() -> None:
    assert student_quantile(0.975, math.inf) == pytest.approx(1.95996, abs=1e-5)


def test_a_ramp_is_found_and_left_out_of_the_goodput() -> None:
    rates = np.concatenate((np.linspace(50, 900, 10), np.full(90, 940.0)))
    found = counted(rates)
    assert found.goodput.value == pytest.approx(940, rel=0.01)
    assert 0.5 <= found.ramp_s <= 1.0
    assert found.intervals == 100 - round(found.ramp_s * 10)


def test_a_slow_first_interval_that_overshoots_at_once_is_a_ramp() -> None:
    found = counted(np.array([400.0, 1070.0, *[941.0] * 28]))
    assert found.ramp_s == pytest.approx(0.1)


def test_a_steady_rate_has_no_ramp_and_hardly_an_interval() -> None:
    found = counted(np.full(50, 940.0))
    assert found.ramp_s == 0
    assert found.intervals == 50
    assert found.goodput.low == pytest.approx(940)
    assert found.goodput.high == pytest.approx(940)


def test_the_breathing_of_a_loss_based_sender_is_no_ramp() -> None:
    rates = 900 + 40 * np.sin(np.arange(100) / 3)
    assert counted(rates).ramp_s == 0


def test_a_ramp_never_reaches_into_the_later_half() -> None:
    rates = np.linspace(10, 1000, 60)
    assert counted(rates).ramp_s <= 3.0


def test_goodput_is_total_octets_over_total_time_however_long_the_intervals() -> None:
    start = np.array([0, 100, 400], dtype=np.int64) * 1_000_000
    end = np.array([100, 400, 500], dtype=np.int64) * 1_000_000
    found = plateau(np.array([125_000, 1_500_000, 250_000]), start, end)
    assert found.goodput.value == pytest.approx(30)


@pytest.mark.parametrize("n", [1, 2])
def test_fewer_than_three_intervals_have_no_ends(n: int) -> None:
    found = counted(np.full(n, 100.0)).goodput
    assert (found.low, found.high) == (-math.inf, math.inf)


def test_the_interval_of_goodput_is_students_where_intervals_are_independent() -> None:
    rates = np.random.default_rng(8).normal(900, 10, 80)
    found = counted(rates).goodput
    half = oracle.t.ppf(0.975, 79) * rates.std(ddof=1) / math.sqrt(80)
    assert half <= (found.high - found.low) / 2 * 1.001 <= 2 * half


@pytest.mark.parametrize(
    ("phi", "n"), [(0.0, 20), (0.0, 100), (0.5, 20), (0.5, 100), (0.8, 50), (0.9, 50), (0.9, 300)]
)
def test_the_interval_of_goodput_covers_the_truth_about_as_often_as_it_says(
    phi: float, n: int
) -> None:
    rng = np.random.default_rng(9)
    rates = rng.standard_normal((n, 400))
    for index in range(1, n):
        rates[index] = phi * rates[index - 1] + math.sqrt(1 - phi * phi) * rates[index]
    ends = [counted(900 + 10 * column).goodput for column in rates.T]
    covered = sum(each.low <= 900 <= each.high for each in ends) / 400
    assert 0.92 <= covered <= 0.99


def test_rates_of_which_too_few_are_independent_have_no_ends() -> None:
    found = counted(np.linspace(900, 920, 20)).goodput
    assert (found.low, found.high) == (-math.inf, math.inf)


def test_what_too_few_take_off_the_first_lag_is_put_back() -> None:
    rng = np.random.default_rng(10)
    found = []
    for _ in range(300):
        series = rng.standard_normal(40)
        for index in range(1, 40):
            series[index] = 0.6 * series[index - 1] + 0.8 * series[index]
        found.append((autocorrelation_of_few(series).time, autocorrelation(series).time))
    few, many = np.median(found, axis=0)
    assert many < (1 + 0.6) / (1 - 0.6) <= few
    assert autocorrelation_of_few(np.full(20, 5.0)).time == 1


@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=120))
def test_goodput_lies_within_its_interval_and_is_never_below_zero(rates: list[float]) -> None:
    found = counted(np.array(rates)).goodput
    assert found.low <= found.value <= found.high
    assert found.value >= 0


def test_nothing_counted_is_refused() -> None:
    nothing = np.array([], dtype=np.int64)
    with pytest.raises(ValueError, match="0 intervals"):
        plateau(nothing, nothing, nothing)
    with pytest.raises(ValueError, match="must have a length"):
        plateau(np.array([1]), np.array([5]), np.array([5]))
