"""The account of numbered datagrams, against one that is kept datagram by datagram."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from benchkit.stats import reception
from benchkit.stats.reception import Reception

FATES = some.lists(
    some.tuples(
        some.sampled_from(["arrives", "lost", "doubled"]),
        some.integers(0, 6),  # how many places it is overtaken by
    ),
    max_size=60,
)


def arrivals(fates: list[tuple[str, int]]) -> list[int]:
    """Numbers in the order in which they come."""
    came = []
    for number, (fate, late) in enumerate(fates):
        copies = {"arrives": 1, "lost": 0, "doubled": 2}[fate]
        came += [(number + late, copy, number) for copy in range(copies)]
    return [number for _, _, number in sorted(came)]


def taken(numbers: list[int], cuts: list[int]) -> Reception:
    found = Reception()
    for part in np.split(np.array(numbers, dtype=np.int64), sorted(cuts)):
        found.add(part, part * 1000, part * 1000 + 500)
    return found


@given(FATES, some.lists(some.integers(0, 60), max_size=5))
def test_every_datagram_is_counted_once(fates: list[tuple[str, int]], cuts: list[int]) -> None:
    came = arrivals(fates)
    totals = taken(came, cuts).totals(len(fates))
    seen: set[int] = set()
    reordered, highest = 0, -1
    for number in came:
        if number not in seen:
            reordered += number < highest
        seen.add(number)
        highest = max(highest, number)
    assert totals.sent == len(fates) == totals.received + totals.lost
    assert totals.received == len(seen)
    assert totals.duplicates == len(came) - len(seen)
    assert totals.reordered == reordered
    assert 0 <= totals.lost <= totals.sent


@given(some.lists(some.integers(0, 10**7), min_size=2, max_size=300), some.integers(1, 50))
def test_jitter_is_that_of_rfc_3550(delays: list[int], cut: int) -> None:
    numbers = np.arange(len(delays), dtype=np.int64)
    found = Reception()
    for part in np.split(numbers, range(cut, len(delays), cut)):
        found.add(part, part * 1000, part * 1000 + np.array(delays)[part])
    jitter = 0.0
    for before, after in pairwise(delays):
        jitter += (abs(after - before) - jitter) / 16
    assert found.totals(len(delays)).jitter_ns == pytest.approx(jitter, abs=1)


def test_delay_variation_is_beyond_the_least() -> None:
    numbers = np.arange(1000, dtype=np.int64)
    found = Reception()
    found.add(numbers, numbers, numbers + 7_000 + numbers[::-1])
    assert found.totals(1000).pdv_ns == (499, 989, 998)


def test_many_delays_are_thinned_and_still_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "MOST_DELAYS", 256)
    found = Reception()
    for start in range(0, 10_000, 100):
        numbers = np.arange(start, start + 100, dtype=np.int64)
        found.add(numbers, numbers, numbers * 2)
    p50, p99, _ = found.totals(10_000).pdv_ns
    assert p50 == pytest.approx(5_000, abs=150)
    assert p99 == pytest.approx(9_900, abs=150)


def test_numbers_beyond_the_window_are_strangers() -> None:
    found = Reception()
    strange = np.array([0, 2**40, -5, 1], dtype=np.int64)
    assert found.add(strange, strange * 0, strange * 0) == 2
    assert (found.received, found.duplicates) == (2, 2)


def test_the_window_moves_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "WINDOW", 64)
    found = Reception()
    for start in range(0, 1000, 10):
        numbers = np.arange(start, start + 10, dtype=np.int64)
        assert found.add(numbers, numbers, numbers) == 10
        assert found.add(numbers, numbers, numbers) == 0
    assert (found.received, found.duplicates) == (1000, 1000)


def test_nothing_came() -> None:
    totals = Reception().totals(7)
    assert (totals.sent, totals.received, totals.lost, totals.jitter_ns) == (7, 0, 7, 0)
    assert totals.pdv_ns == (0, 0, 0)
