"""Budgets against intervals: what passes, what fails, what stays open, and in which words."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit.model.place import Budget
from benchkit.stats.interval import Interval
from benchkit.stats.percentiles import percentile_intervals
from benchkit.stats.rates import loss_interval
from benchkit.stats.verdicts import could_be_decided, judge, overall, with_what_arrived

INF = math.inf
P95 = Budget("rtt", 10.0, "ms", "p95", fact="guizhou-2024:guiyang-guangzhou")
TAIL = Budget("rtt", 10.0, "ms", "p99.9")
MOST = Budget("rtt", 10.0, "ms", "max")
LOSS = Budget("loss", 0.1, "%", "mean")
GOODPUT = Budget("goodput", 900.0, "Mbit/s", "mean")

SENTENCES = [
    (
        P95, Interval(8.61, 8.6, 8.63), "pass",
        "p95 is 8.61 ms, at most 8.63 ms with 95 % confidence: 1.37 ms inside the 10 ms budget",
    ),
    (
        P95, Interval(9.9, 9.8, 10.0), "pass",
        "p95 is 9.9 ms, at most 10 ms with 95 % confidence: just the 10 ms budget",
    ),
    (
        P95, Interval(10.004, 10.002, 10.006), "fail",
        "p95 is 10.004 ms, at least 10.002 ms with 95 % confidence: 0.002 ms beyond the 10 ms budget",
    ),
    (
        P95, Interval(9.85, 9.6, 10.15), "inconclusive",
        ("p95 lies between 9.6 and 10.15 ms with 95 % confidence, so 10 ms is neither kept nor broken for "
        "sure; measure longer: about 4 times as many samples would decide at this spread"),
    ),
    (
        P95, Interval(10.02, 9.8, 10.3), "inconclusive",
        ("p95 lies between 9.8 and 10.3 ms with 95 % confidence, so 10 ms is neither kept nor broken for "
        "sure; the measured 10.02 ms is too near to it"),
    ),
    (
        P95, Interval(INF, 12.1, INF), "fail",
        ("too many packets were lost: p95 is a lost packet, at least 12.1 ms with 95 % confidence: "
        "2.1 ms beyond the 10 ms budget"),
    ),
    (
        P95, Interval(INF, INF, INF), "fail",
        "too many packets were lost: p95 is a lost packet with 95 % confidence, beyond the 10 ms budget",
    ),
    (
        P95, Interval(INF, 9.0, INF), "inconclusive",
        ("p95 is at least 9 ms with 95 % confidence, but no upper end can be given: "
        "too many packets were lost, or too few samples are independent: measure longer"),
    ),
    (
        TAIL, Interval(8.0, 7.9, INF), "inconclusive",
        "p99.9 needs at least 3688 effective samples, there were 812: measure about 5 times as long",
    ),
    (
        P95, Interval(8.0, -INF, 10.2), "inconclusive",
        "p95 was measured over too few independent samples for an interval: measure longer",
    ),
    (
        MOST, Interval(8.0, 8.0, INF), "inconclusive",
        "max is 8 ms so far, which bounds no packet yet to come: judge a percentile",
    ),
    (
        GOODPUT, Interval(941.2, 940.8, 941.5), "pass",
        ("goodput is 941.2 Mbit/s, at least 940.8 Mbit/s with 95 % confidence: "
        "40.8 Mbit/s above the 900 Mbit/s budget"),
    ),
    (
        GOODPUT, Interval(850.0, 840.0, 860.0), "fail",
        ("goodput is 850 Mbit/s, at most 860 Mbit/s with 95 % confidence: "
        "40 Mbit/s below the 900 Mbit/s budget"),
    ),
    (
        GOODPUT, Interval(905.0, -INF, INF), "inconclusive",
        "goodput was measured over too few independent samples for an interval: measure longer",
    ),
    (
        LOSS, Interval(0.0, 0.0, 0.4), "inconclusive",
        ("loss lies between 0 and 0.4 % with 95 % confidence, so 0.1 % is neither kept nor broken for "
        "sure; measure longer: about 4 times as many samples would decide at this spread"),
    ),
]  # fmt: skip

ends = st.one_of(st.floats(-50, 50), st.just(INF))
lows = st.one_of(ends, st.just(-INF))


@pytest.mark.parametrize(("budget", "interval", "verdict", "reason"), SENTENCES)
def test_the_verdict_and_its_sentence(
    budget: Budget, interval: Interval, verdict: str, reason: str
) -> None:
    found = judge(budget, interval, n=812)
    assert (found.verdict, found.reason) == (verdict, reason)


@given(st.lists(lows, min_size=3, max_size=3).map(sorted), st.floats(-50, 50))
def test_pass_fail_and_inconclusive_are_exclusive(found: list[float], limit: float) -> None:
    interval = Interval(found[1], found[0], found[2])
    less = judge(Budget("rtt", limit, "ms", "p95"), interval, n=100).verdict
    assert (less == "pass") == (interval.high <= limit)
    assert (less == "fail") == (interval.low > limit)
    more = judge(Budget("goodput", limit, "Mbit/s", ""), interval, n=100).verdict
    assert (more == "pass") == (interval.low >= limit)
    assert (more == "fail") == (interval.high < limit)


@given(st.lists(lows, min_size=3, max_size=3).map(sorted), st.floats(-50, 50))
def test_an_interval_without_an_upper_end_never_passes(found: list[float], limit: float) -> None:
    budget = Budget("rtt", limit, "ms", "p99")
    verdict = judge(budget, Interval(found[1], found[0], INF), n=100)
    assert verdict.verdict != "pass"
    assert verdict.reason


@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.integers(0, 200))
def test_more_loss_never_turns_a_fail_into_a_pass(seed: int, first: int, more: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(9.95, 0.1, 400)
    order = rng.permutation(400)
    verdicts = []
    for lost in (first, first + more):
        values[order[:lost]] = INF
        interval = percentile_intervals(values, ["p50"])["p50"]
        verdicts.append(judge(Budget("rtt", 10.0, "ms", "p50"), interval, n=400).verdict)
    assert verdicts != ["fail", "pass"]


@given(st.integers(1, 10_000), st.data())
def test_more_loss_never_makes_a_loss_budget_look_better(n: int, data: st.DataObject) -> None:
    few = data.draw(st.integers(0, n))
    many = data.draw(st.integers(few, n))
    order = ["pass", "inconclusive", "fail"]
    less, more = (
        order.index(judge(LOSS, loss_interval(lost, n), n=n).verdict) for lost in (few, many)
    )
    assert less <= more


def test_a_verdict_carries_the_fact_the_figures_and_the_headroom() -> None:
    found = judge(P95, Interval(8.5, 8.25, 8.75), n=500)
    assert found.fact == "guizhou-2024:guiyang-guangzhou"
    assert found.measured is not None
    assert (found.measured.value, found.measured.low, found.measured.high) == (8.5, 8.25, 8.75)
    assert found.headroom == 1.5
    assert judge(GOODPUT, Interval(941, 940, 942), n=50).headroom == 41


def test_a_lost_percentile_has_no_headroom() -> None:
    assert judge(P95, Interval(INF, 12, INF), n=500).headroom is None


def test_what_was_not_measured_is_inconclusive() -> None:
    found = judge(P95, None, n=0)
    assert (found.verdict, found.reason) == ("inconclusive", "not measured")
    assert (found.measured, found.headroom) == (None, None)


def test_an_unfit_machine_makes_even_a_clear_figure_inconclusive() -> None:
    found = judge(P95, Interval(1, 1, 1), n=5000, unfit="the clock stepped")
    assert (found.verdict, found.reason) == ("inconclusive", "the clock stepped")
    assert found.headroom == 9


def test_a_figure_far_below_its_budget_keeps_its_digits() -> None:
    reason = judge(P95, Interval(0.00213, 0.0021, 0.00222), n=5000).reason
    assert reason.startswith("p95 is 0.0021 ms, at most 0.0022 ms")


def test_a_limit_of_zero_can_be_put_into_words() -> None:
    found = judge(Budget("loss", 0.0, "%", ""), Interval(0, 0, 0.04), n=9000)
    assert found.verdict == "inconclusive"
    assert "lies between 0 and 0.04 %" in found.reason


def test_a_maximum_beyond_the_budget_is_a_fail() -> None:
    assert judge(MOST, Interval(12, 12, INF), n=10).verdict == "fail"


@pytest.mark.parametrize(
    ("verdicts", "unfit", "worst"),
    [
        (["pass", "pass"], False, "pass"),
        (["pass", "inconclusive"], False, "inconclusive"),
        (["inconclusive", "fail", "pass"], False, "fail"),
        (["fail"], True, "unfit"),
        (["pass", "unfit", "fail"], False, "unfit"),
        ([], False, "inconclusive"),
        ([], True, "unfit"),
    ],
)
def test_overall_is_the_worst(verdicts: list[str], unfit: bool, worst: str) -> None:
    assert overall(iter(verdicts), unfit) == worst


@pytest.mark.parametrize(
    ("budget", "interval"), [(MOST, Interval(8, 8, INF)), (P95, Interval(8, 8, 8)), (P95, None)]
)
def test_more_samples_decide_no_maximum_nothing_decided_and_nothing_unmeasured(
    budget: Budget, interval: Interval | None
) -> None:
    assert not could_be_decided(judge(budget, interval, n=10))


@pytest.mark.parametrize(
    ("p90", "said"),
    [
        (Interval(11.56, 11.55, 11.57), "; p90 is 11.56 ms, beyond it without any loss"),
        (Interval(8.56, 8.55, 8.57), "; p90 is 8.56 ms, within it: the loss alone breaks it"),
        (Interval(10.0, 9.9, 10.1), ""),
        (
            Interval(0.0012, 0.0011, 0.0013),
            "; p90 is 0.0012 ms, within it: the loss alone breaks it",
        ),
        (Interval(11.56, 11.55, INF), "; p50 is 8.51 ms, within it: the loss alone breaks it"),
    ],
)
def test_what_fails_by_loss_says_whether_it_is_the_loss_alone(p90: Interval, said: str) -> None:
    lost = Interval(INF, INF, INF)
    every = {"p50": Interval(8.51, 8.5, 8.52), "p90": p90, "p95": lost, "max": lost}
    failed = judge(P95, lost, n=2500)
    assert with_what_arrived(failed, every).reason == failed.reason + said
    kept = judge(P95, every["p50"], n=2500)
    assert with_what_arrived(kept, every) == kept
