"""What makes a verdict less sure: the emulator's own error, several looks, packets that hang together."""

from __future__ import annotations

import math

import pytest

from benchkit.model.place import Budget
from benchkit.stats.doubt import Doubt
from benchkit.stats.interval import Interval
from benchkit.stats.verdicts import could_be_decided, judge

INF = math.inf
P95 = Budget("rtt", 10.0, "ms", "p95", fact="guizhou-2024:guiyang-guangzhou")
GOODPUT = Budget("goodput", 900.0, "Mbit/s", "mean")


def test_the_emulators_error_takes_a_wrong_fail_away() -> None:
    late = Doubt(less_by=0.4)
    found = judge(P95, Interval(10.05, 10.04, 10.07), n=5000, doubt=late)
    assert found.verdict == "inconclusive"
    assert found.reason == (
        "p95 is 10.05 ms, at least 10.04 ms with 95 % confidence: 0.04 ms beyond the 10 ms budget; but the "
        "emulator's own error is 0.4 ms, and without it the figure may be 9.64 ms: free a core and run again"
    )
    assert found.judged is not None
    assert (found.judged.low, found.judged.high, found.less_by) == (
        pytest.approx(9.64),
        10.07,
        0.4,
    )
    assert not could_be_decided(found)


def test_the_emulators_error_takes_a_wrong_pass_away() -> None:
    early = Doubt(more_by=0.5)
    assert judge(P95, Interval(9.62, 9.61, 9.63), n=5000, doubt=early).verdict == "inconclusive"
    assert judge(P95, Interval(9.42, 9.41, 9.43), n=5000, doubt=early).verdict == "pass"


def test_a_verdict_that_the_emulators_error_cannot_change_stays() -> None:
    both = Doubt(less_by=0.3, more_by=0.3)
    assert judge(P95, Interval(10.5, 10.4, 10.6), n=5000, doubt=both).verdict == "fail"
    assert judge(GOODPUT, Interval(941, 940, 942), n=50, doubt=Doubt(less_by=41)).verdict == (
        "inconclusive"
    )


@pytest.mark.parametrize(
    ("figure", "doubt", "said"),
    [
        (
            Interval(10.052, 10.044, 10.06), Doubt(less_by=0.01),
            "p95 is 10.052 ms, at least 10.034 ms with 95 % confidence and the emulator's own error: 0.034 ms beyond",
        ),
        (Interval(10.052, 10.044, 10.06), Doubt(more_by=0.01), "at least 10.044 ms with 95 % confidence: 0.044 ms"),
        (Interval(10.05, 10.04, 10.06), Doubt(less_by=0.00001), "at least 10.04 ms with 95 % confidence: 0.04 ms"),
        (
            Interval(10.01, 9.98, 10.06), Doubt(less_by=0.1),
            "lies between 9.88 and 10.06 ms with 95 % confidence and the emulator's own error, so 10 ms is",
        ),
        (Interval(10.01, 9.98, 10.06), Doubt(), "lies between 9.98 and 10.06 ms with 95 % confidence, so 10 ms is"),
    ],
)  # fmt: skip
def test_an_end_beside_another_interval_says_why_it_is_not_that_intervals(
    figure: Interval, doubt: Doubt, said: str
) -> None:
    assert said in judge(P95, figure, n=5000, doubt=doubt).reason


def test_several_looks_are_said_and_need_more_samples() -> None:
    six = Doubt(looks=6)
    found = judge(P95, Interval(8.61, 8.6, 8.63), n=812, doubt=six)
    assert (found.verdict, found.looks, found.judged) == ("pass", 6, None)
    assert "at most 8.63 ms with 95 % confidence over 6 looks" in found.reason
    open_ended = judge(Budget("rtt", 10.0, "ms", "p99"), Interval(8, 7, INF), n=400, doubt=six)
    assert open_ended.reason == (
        "p99 needs at least 546 effective samples, there were 400: measure about 2 times as long"
    )
    assert could_be_decided(open_ended)


@pytest.mark.parametrize(
    ("due", "told"),
    [
        (71, "there were 60: measure about 2 times as long"),
        (
            2500,
            "there were 60 in 2500 packets, which a busy machine or path delays or loses together: free a core, or measure about 2 times as long",
        ),
    ],
)
def test_packets_that_are_many_but_hang_together_are_told_from_ones_that_are_few(
    due: int, told: str
) -> None:
    found = judge(P95, Interval(8.6, 8.5, INF), n=60, doubt=Doubt(due=due))
    assert found.reason == f"p95 needs at least 72 effective samples, {told}"
