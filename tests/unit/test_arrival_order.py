"""Answers doubled and overtaken, counted."""

from __future__ import annotations

import pytest

from benchkit.model.samples import DUPLICATES, Samples, column
from benchkit.stats.arrival_order import ArrivalOrder, arrival_order


def rows_of(received: list[int], copies: list[int] | None = None) -> Samples:
    """When each packet's answer came; 0 is lost."""
    columns = {"received_ns": column(received, [each == 0 for each in received])}
    if copies is not None:
        columns[DUPLICATES] = column(copies)
    return Samples("rtt", "a-b", "idle", columns)


@pytest.mark.parametrize(
    ("received", "reordered"),
    [
        ([10, 20, 30], 0),
        ([10, 0, 30], 0),
        ([20, 10, 30], 1),
        ([10, 50, 30, 40], 1),
        ([40, 30, 20, 10], 3),
        ([50, 10, 20, 0, 30], 1),
        ([10, 10, 10], 0),
        ([0, 0], 0),
    ],
)
def test_reordered(received: list[int], reordered: int) -> None:
    assert arrival_order(rows_of(received)) == ArrivalOrder(0, reordered)


def test_packets_answered_more_than_once_count_once_each() -> None:
    assert arrival_order(rows_of([1, 2, 0], [0, 3, 1])) == ArrivalOrder(2, 0)
