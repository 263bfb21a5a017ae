"""Order statistics, their binomial intervals, and what autocorrelation takes from them."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats as oracle

from benchkit.model.record import Estimate
from benchkit.model.target import PERCENTILES
from benchkit.reports import sentences
from benchkit.stats.autocorrelation import autocorrelation
from benchkit.stats.binomial import binomial_ranks
from benchkit.stats.effective import effective_size
from benchkit.stats.interval import Interval
from benchkit.stats.latency import latency_metric
from benchkit.stats.percentiles import (
    SMALLEST_N,
    percentile_intervals,
    percentile_share,
    smallest_n,
)
from benchkit.stats.rates import loss_interval

Values = NDArray[np.float64]

# Integers, so that shifting and scaling by integers is exact; few of them, so that ties are common.
latencies = st.lists(
    st.one_of(st.integers(0, 10**9).map(float), st.integers(0, 5).map(float), st.just(math.inf)),
    min_size=1,
    max_size=200,
).map(np.array)


def autoregressive(rng: np.random.Generator, n: int, phi: float) -> Values:
    values = rng.standard_normal(n)
    values[1:] *= math.sqrt(1 - phi**2)
    for index in range(1, n):
        values[index] += phi * values[index - 1]
    return values


@given(latencies)
def test_percentiles_rise_with_their_share_within_least_and_most(values: Values) -> None:
    found = [interval.value for interval in percentile_intervals(values, PERCENTILES).values()]
    assert found == sorted(found)
    assert values.min() <= found[0]
    assert found[-1] == values.max()


@given(latencies)
def test_low_value_and_high_are_in_order(values: Values) -> None:
    for interval in percentile_intervals(values, PERCENTILES).values():
        assert interval.low <= interval.value <= interval.high


@given(latencies, st.integers(-1000, 1000), st.integers(1, 1000))
def test_percentiles_and_intervals_shift_and_scale_with_the_values(
    values: Values, shift: int, scale: int
) -> None:
    moved = percentile_intervals(values * scale + shift, PERCENTILES)
    for name, interval in percentile_intervals(values, PERCENTILES).items():
        ends = np.array([interval.value, interval.low, interval.high])
        assert (moved[name].value, moved[name].low, moved[name].high) == tuple(ends * scale + shift)


@given(latencies, st.integers(0, 199))
def test_one_more_lost_packet_never_lowers_a_percentile(values: Values, index: int) -> None:
    worse = values.copy()
    worse[index % values.size] = math.inf
    before, after = (percentile_intervals(each, PERCENTILES) for each in (values, worse))
    assert all(after[name].value >= before[name].value for name in PERCENTILES)


@given(latencies)
def test_the_percentile_is_scipys_inverted_distribution_function(values: Values) -> None:
    found = percentile_intervals(values, ["p50", "p90", "p99"])
    for name, interval in found.items():
        rank = math.ceil(Fraction(name[1:]) * values.size / 100)
        assert interval.value == np.sort(values)[rank - 1]


def test_the_rank_of_a_percentile_is_not_spoilt_by_floating_point() -> None:
    values = np.arange(1.0, 1001.0)
    assert percentile_intervals(values, ["p99.9"])["p99.9"].value == 999
    assert percentile_intervals(values, ["p55"])["p55"].value == 550


@pytest.mark.parametrize("n", [1, 2, 5, 6, 58, 367, 368, 1000, 12_345, 1_000_000, 10_000_000])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.95, 0.99, 0.999])
def test_ranks_are_those_of_the_exact_binomial(n: int, share: float) -> None:
    lower, upper = binomial_ranks(n, share, 0.95)
    assert lower == int(oracle.binom.ppf(0.025, n, share))
    assert upper == int(oracle.binom.ppf(0.975, n, share)) + 1


@pytest.mark.parametrize("name", ["p50", "p90", "p95", "p99", "p99.9"])
def test_an_interval_has_an_upper_end_from_the_smallest_n_on(name: str) -> None:
    rng = np.random.default_rng(3)
    enough = rng.permutation(float(smallest_n(name)) * np.arange(smallest_n(name)))
    _, upper = binomial_ranks(enough.size, float(percentile_share(name)), 0.95)
    assert upper == enough.size
    assert math.isinf(percentile_intervals(enough[:-1], [name])[name].high)


def test_the_smallest_n_are_the_known_ones() -> None:
    assert dict(SMALLEST_N) == {"p50": 6, "p90": 36, "p95": 72, "p99": 368, "p99.9": 3688}


def test_a_constant_series_has_intervals_without_width() -> None:
    values = np.full(5000, 8.5)
    for name, interval in percentile_intervals(values, PERCENTILES[:-1]).items():
        assert interval == Interval(8.5, 8.5, 8.5), name
    assert effective_size(values > 8.5) == 5000


def test_the_maximum_has_no_upper_end() -> None:
    assert percentile_intervals(np.array([1.0, 3.0, 2.0]), ["max"])["max"] == Interval(
        3, 3, math.inf
    )


def test_nothing_measured_gives_no_percentiles() -> None:
    assert percentile_intervals(np.array([]), PERCENTILES) == {}


def test_what_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        percentile_intervals(np.array([1.0, math.nan]), ["p50"])


@pytest.mark.parametrize("name", ["p0", "p100", "50", "", "p", "median", "p1/0", "pnan"])
def test_a_name_that_is_no_percentile_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="write p50"):
        percentile_share(name)


def test_bursts_of_loss_count_for_less_than_scattered_loss() -> None:
    rng = np.random.default_rng(4)
    scattered = np.where(rng.random(10_000) < 0.05, math.inf, rng.random(10_000))
    bursts = np.where(np.repeat(rng.random(200) < 0.05, 50), math.inf, rng.random(10_000))
    assert effective_size(np.isinf(scattered)) > 5_000
    assert effective_size(np.isinf(bursts)) < 1_000


def test_the_interval_at_a_lost_packet_knows_that_losses_came_in_bursts() -> None:
    """The p50 of a tied series is bounded by its more correlated indicator, here that of loss."""
    rng = np.random.default_rng(4)
    values = np.where(np.repeat(rng.random(100) < 0.6, 100), math.inf, rng.random(10_000))
    found = percentile_intervals(values, ["p50"])["p50"]
    assert math.isinf(found.value)
    assert found.low < 1


@given(st.lists(st.booleans(), min_size=1, max_size=300))
def test_an_effective_size_lies_between_one_and_n(exceeds: list[bool]) -> None:
    assert 1 <= effective_size(np.array(exceeds)) <= len(exceeds)


def test_alternating_samples_count_no_more_than_independent_ones() -> None:
    assert effective_size(np.arange(1000) % 2 == 0) == 1000


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_the_autocorrelation_time_of_an_autoregression_is_the_known_one(phi: float) -> None:
    values = autoregressive(np.random.default_rng(5), 60_000, phi)
    assert autocorrelation(values).time == pytest.approx((1 + phi) / (1 - phi), rel=0.15)


def test_summing_in_blocks_keeps_the_autocorrelation_time() -> None:
    """Repeating each sample six times makes the time six times as long, and the series too long for one FFT."""
    values = autoregressive(np.random.default_rng(6), 50_000, 0.9)
    short, long = autocorrelation(values), autocorrelation(np.repeat(values, 6))
    assert long.time == pytest.approx(6 * short.time, rel=0.1)


def autoregressions(rng: np.random.Generator, n: int, phi: float, many: int) -> Values:
    """Many at once: one row each, time along the columns."""
    steps = rng.standard_normal((n, many))
    steps[1:] *= math.sqrt(1 - phi**2)
    for index in range(1, n):
        steps[index] += phi * steps[index - 1]
    return steps.T


def covered(series: Values, names: tuple[str, ...]) -> dict[str, float]:
    """The share of series with standard normal margins whose interval holds the truth."""
    held = dict.fromkeys(names, 0)
    for values in series:
        for name, found in percentile_intervals(values, names).items():
            truth = float(oracle.norm.ppf(float(percentile_share(name))))
            held[name] += found.low <= truth <= found.high
    return {name: hits / len(series) for name, hits in held.items()}


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """Of 400 intervals at 95 %, 91 to 98.5 % hold it in all but one in a thousand honest outcomes."""
    found = covered(
        autoregressions(np.random.default_rng(7), 1000, 0.0, 400), ("p50", "p95", "p99")
    )
    assert all(0.91 <= share <= 0.985 for share in found.values()), found


def test_intervals_of_an_autoregression_cover_the_truth_as_often_or_are_open() -> None:
    """Two in five have no upper end at p95 with 1000 samples, and cover a little more."""
    found = covered(autoregressions(np.random.default_rng(7), 1000, 0.9, 400), ("p50", "p95"))
    assert all(0.91 <= share <= 0.995 for share in found.values()), found


def test_a_slow_drift_under_noise_is_not_lost_beyond_the_high_percentiles() -> None:
    """There alone their memory is seen in every other series, and three intervals in ten would miss the truth."""
    rng = np.random.default_rng(8)
    drift = autoregressions(rng, 1000, 0.98, 300)
    found = covered(
        math.sqrt(0.5) * (drift + rng.standard_normal(drift.shape)), ("p50", "p95", "p99")
    )
    assert all(share >= 0.87 for share in found.values()), found


def test_an_estimate_leaves_out_what_is_infinite() -> None:
    assert Interval(8.5, -math.inf, math.inf).estimate() == Estimate(8.5, None, None)
    assert Interval(math.inf, 8.25, math.nan).estimate() == Estimate(None, 8.25, None)


def test_a_latency_metric_counts_what_was_due_lost_and_unstamped() -> None:
    values = np.concatenate((np.linspace(8e6, 9e6, 98), [math.inf, math.inf]))
    metric, intervals = latency_metric(
        "rtt", "idle", values, unstamped=3, floor_ns=7.59e6, model_ns=8.5e6
    )
    assert (metric.n, metric.lost, metric.unstamped, metric.unit) == (103, 2, 3, "ms")
    assert metric.effective_n is not None
    assert metric.effective_n <= 100
    assert metric.floor == pytest.approx(7.59)
    assert metric.model == pytest.approx(8.5)
    assert metric.details["mean"] == pytest.approx(8.5)
    assert metric.percentiles["p50"].value == pytest.approx(intervals["p50"].value)
    assert metric.percentiles["max"].value is None


def test_a_latency_metric_of_nothing_has_no_percentiles() -> None:
    metric, intervals = latency_metric("http", "idle", np.array([]))
    assert (metric.n, metric.effective_n, dict(metric.percentiles), intervals) == (0, None, {}, {})
    lost, _ = latency_metric("rtt", "idle", np.full(10, math.inf))
    assert (lost.lost, dict(lost.details)) == (10, {})


def test_a_metric_has_its_loss_with_an_interval() -> None:
    values = np.full(990, 8e6)
    values[::99] = math.inf
    metric, intervals = latency_metric("rtt", "idle", values, unstamped=10)
    wanted = loss_interval(10, 1000)
    assert metric.loss == intervals["loss"].estimate()
    assert metric.loss is not None
    assert metric.loss.value == wanted.value == 1.0
    assert metric.loss.high == pytest.approx(wanted.high, rel=0.2)
    kept, _ = latency_metric("rtt", "idle", np.full(5000, 8e6))
    assert kept.loss == loss_interval(0, 5000).estimate()
    assert sentences.counts(kept) == "5000 due, 0 lost (at most 0.077 %), 5000 effective"
    assert "10 lost (1 %, 0.5" in sentences.counts(metric)
    assert latency_metric("rtt", "idle", np.array([]))[0].loss is None


def test_each_percentile_says_on_how_many_effective_samples_it_rests() -> None:
    rng = np.random.default_rng(1)
    drifting = np.linspace(8e6, 8.1e6, 2000)
    scattered = rng.random(2000) < 0.1
    drifting[scattered] += rng.uniform(0.5e6, 2e6, 2000)[scattered]
    metric, intervals = latency_metric("rtt", "idle", drifting)
    sizes = {name: metric.percentiles[name].effective_n for name in SMALLEST_N}
    assert metric.effective_n == min(size for size in sizes.values() if size is not None)
    assert (sizes["p50"] or 0) < 50
    assert (sizes["p95"] or 0) > 300
    assert intervals["p95"].size == pytest.approx(sizes["p95"], abs=1)
    assert metric.percentiles["max"].effective_n is None
    assert f"{metric.effective_n} to {max(filter(None, sizes.values()))} effective" in (
        sentences.counts(metric)
    )


def test_an_end_that_is_open_is_that_of_a_percentile_further_out() -> None:
    """A level that wanders leaves few independent samples beyond p95, and rare spikes are independent all the same."""
    rng = np.random.default_rng(3)
    values = 8.5 + np.repeat(rng.standard_normal(20), 1000) + 0.001 * rng.standard_normal(20_000)
    values[rng.choice(values.size, 60, replace=False)] += 20
    found = percentile_intervals(values, PERCENTILES)
    alone = percentile_intervals(values, ["p95"])["p95"]
    assert math.isinf(alone.high)
    assert found["p95"].high == found["p99.9"].high < math.inf
    assert found["p95"].value == alone.value
    assert math.isinf(found["max"].high)
