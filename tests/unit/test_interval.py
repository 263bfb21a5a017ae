"""A figure with both its ends."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit.model.record import Estimate
from benchkit.stats.interval import Interval

ends = st.floats(allow_nan=False, min_value=-1e300) | st.just(-math.inf)


@pytest.mark.parametrize(
    ("interval", "estimate"),
    [
        (Interval(8.5, 8.25, 8.75), Estimate(8.5, 8.25, 8.75)),
        (Interval(8.5, 8.25, math.inf), Estimate(8.5, 8.25, None)),
        (Interval(math.inf, 12.0, math.inf), Estimate(None, 12.0, None)),
        (Interval(8.5, -math.inf, math.inf), Estimate(8.5, None, None)),
        (Interval(math.nan, math.nan, math.nan), Estimate(None, None, None)),
        (Interval(0.0, 0.0, 0.0), Estimate(0.0, 0.0, 0.0)),
    ],
)
def test_what_is_infinite_is_absent_from_a_record(interval: Interval, estimate: Estimate) -> None:
    assert interval.estimate() == estimate


@given(st.lists(ends, min_size=3, max_size=3).map(sorted), st.floats(1e-9, 1e9))
def test_another_unit_keeps_the_order_and_what_is_infinite(
    figures: list[float], factor: float
) -> None:
    low, value, high = figures
    found = Interval(value, low, high).scaled(factor)
    assert (found.value, found.low, found.high) == (value * factor, low * factor, high * factor)
    assert found.low <= found.value <= found.high
    for before, after in zip((value, low, high), (found.value, found.low, found.high), strict=True):
        if math.isinf(before):
            assert after == before
