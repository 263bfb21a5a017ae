"""How late the line was, from its bins."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit.emulators.line import LineReport, quantile_ns


def report(*bins: int) -> LineReport:
    return LineReport(bin_ns=2000, lateness=bins)


@pytest.mark.parametrize(
    ("bins", "share", "ns"),
    [
        ((1,), 1.0, 2000),
        ((50, 50), 0.5, 2000),
        ((50, 50), 0.51, 4000),
        ((0, 0, 7), 0.01, 6000),
        ((99, 0, 0, 1), 0.99, 2000),
        ((99, 0, 0, 1), 0.995, 8000),
    ],
)
def test_it_is_the_upper_edge_of_the_bin_that_holds_the_share(
    bins: tuple[int, ...], share: float, ns: int
) -> None:
    assert quantile_ns(report(*bins), share) == ns


@pytest.mark.parametrize("bins", [(), (0, 0, 0)])
def test_without_frames_there_is_none(bins: tuple[int, ...]) -> None:
    assert quantile_ns(report(*bins), 0.5) is None


@given(st.lists(st.integers(0, 59_999), min_size=1), st.sampled_from([0.01, 0.5, 0.95, 0.99, 1]))
def test_it_is_the_nearest_rank_rounded_up_to_its_bin(late: list[int], share: float) -> None:
    bins = [0] * 30
    for each in late:
        bins[each // 2000] += 1
    exact = sorted(late)[math.ceil(share * len(late)) - 1]
    assert quantile_ns(report(*bins), share) == exact // 2000 * 2000 + 2000
