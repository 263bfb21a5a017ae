"""A machine that stands still: what it did not send in time stays unsent, and what lay at either end is not the path's."""

from __future__ import annotations

import asyncio
import ctypes

import numpy as np
import pytest
from flights import far_end, flown, run

from benchkit.clock import NS_PER_MS as MS
from benchkit.model.samples import Samples
from benchkit.model.spec import StampSpec
from benchkit.probes.flight_rows import Answer, Rows, on_the_way_ns
from benchkit.stats.round_trip import that_left

TIMEOUT_NS = 100 * MS


def stand_still(milliseconds: int) -> None:
    """No thread of this process goes on: the interpreter's lock is kept."""
    ctypes.PyDLL(None).usleep(milliseconds * 1000)


@pytest.mark.parametrize(("count", "rate"), [(400, 500), (16_000, 20_000)])
def test_what_was_due_in_a_standstill_does_not_leave_at_once_after_it(
    count: int, rate: int
) -> None:
    async def work() -> Samples:
        async with far_end() as port:
            asyncio.get_running_loop().call_later(0.2, stand_still, 400)
            return await flown(port, count, rate, timeout_ns=TIMEOUT_NS)

    rows = run(work())
    late = (rows.columns["sent_ns"] - rows.columns["due_ns"]).compressed()
    assert late.max() <= TIMEOUT_NS + 20 * MS
    unsent = count - len(late)
    assert 0.25 * rate < unsent < 0.6 * rate  # of those due in 400 ms all but the last 100 ms
    assert rows.columns["sequence"].tolist() == list(range(count))
    # Stamps stay with their own packets, after as many that never left.
    sent = that_left(rows).columns
    offset = sent["t1_ns"] - sent["sent_ns"]
    assert offset.max() - offset.min() < 150 * MS


def test_an_answer_that_lay_at_a_far_end_beyond_the_timeout_is_no_loss() -> None:
    spec = StampSpec("a-b", "idle", "127.0.0.1", 862, 1, 3, MS, TIMEOUT_NS)
    rows = Rows(spec, np.array([1, 2, 3]) * MS, ("t2_ns", "t3_ns"))
    held, slow = 900 * MS, 8 * MS
    for number, (dwell, network) in enumerate([(0, slow), (held, slow), (slow, held)]):
        sent = (number + 1) * MS
        rows.times["sent_ns"][number] = rows.times["t1_ns"][number] = sent
        there = sent + network // 2
        came = sent + network + dwell
        rows.note(Answer(number, (there, there + dwell)), came, came)
    told = rows.settle()
    assert told is not None
    lost = np.ma.getmaskarray(told.columns["received_ns"])
    assert lost.tolist() == [False, False, True]


def test_stamps_of_a_far_end_that_cannot_be_take_nothing_off() -> None:
    def took(there: int, back: int) -> int:
        times = {"t1_ns": 10, "t2_ns": there, "t3_ns": back, "t4_ns": 110}
        columns = {name: np.array([value]) for name, value in times.items()}
        return int(on_the_way_ns(columns, np.array([500]))[0])

    assert took(30, 70) == 60
    assert took(0, 70) == took(30, 0) == took(70, 30) == 100
    assert took(30, 9000) == 0
