"""Room for values: the same in memory and on a disk, and what was handed out stays."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchkit.campaign import room
from benchkit.campaign.room import Room

COUNT = 1_000_000


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def descriptors_open() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def filled(count: int = COUNT, step: int = 50_000) -> Room[np.int64]:
    found = Room(np.int64)
    for first in range(0, count, step):
        found.put(first, np.arange(first, first + step))
    return found


@settings(max_examples=30)
@given(st.lists(st.integers(0, 3000), min_size=1, max_size=20), st.integers(0, 1 << 16))
def test_values_come_back_wherever_they_lie(lengths: list[int], large: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(room, "LARGE", large)
        patched.setattr(room, "STRIDE_OCTETS", 4096)
        found, at = Room(np.int64), 0
        seen = []
        for length in lengths:
            found.put(at, np.arange(at, at + length))
            at += length
            seen.append(found.upto(at))
        for view in seen:
            assert view.tolist() == list(range(len(view)))


def test_many_values_are_on_the_disk_and_not_in_this_process() -> None:
    before, descriptors = resident_mib(), descriptors_open()
    found = filled()
    assert resident_mib() - before < 5  # they are 7.6 MiB
    assert np.array_equal(found.upto(COUNT), np.arange(COUNT))
    del found
    assert descriptors_open() == descriptors


def test_a_disk_that_takes_nothing_leaves_them_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    assert np.array_equal(filled().upto(COUNT), np.arange(COUNT))


def test_a_disk_that_fills_later_costs_nothing_that_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = filled(COUNT // 2)

    def refuse(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    found.put(COUNT // 2, np.arange(COUNT // 2, 2 * COUNT))
    assert np.array_equal(found.upto(2 * COUNT), np.arange(2 * COUNT))
