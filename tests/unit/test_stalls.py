"""A far end that stands still answers too late: that is told by its own stamps, and held against no path."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from plans import plan_of
from round_trip_rows import MS

from benchkit.campaign.harvest import Harvest
from benchkit.campaign.latencies import Circumstances
from benchkit.campaign.summary import path_record
from benchkit.model.place import Budget, Path
from benchkit.model.samples import Samples, column
from benchkit.stats.stalls import held_back

TIMEOUT_NS = 1000 * MS


def stalled(
    for_ms: int, *, count: int = 3000, cut_ms: int = 0, lost: tuple[int, ...] = ()
) -> Samples:
    """One packet a millisecond, 8 ms there and back; the far end stands still from 1 s on, or the path is cut from 2 s on."""
    at = np.arange(count) * MS
    came = at + 4 * MS
    goes_on = (1000 + for_ms) * MS
    left = np.where((came >= 1000 * MS) & (came < goes_on), goes_on, came)
    gone = left + 4 * MS - at > TIMEOUT_NS
    gone |= (at >= 2000 * MS) & (at < (2000 + cut_ms) * MS)
    gone[list(lost)] = True
    columns = {
        "sequence": column(np.arange(count)),
        "due_ns": column(at),
        "sent_ns": column(at),
        "t1_sched_ns": column(at),
        "t1_ns": column(at),
        "received_ns": column(left + 4 * MS, gone),
        "t2_ns": column(came, gone),
        "t3_ns": column(left, gone),
        "t4_ns": column(left + 4 * MS, gone),
    }
    return Samples("rtt", "a-b", "idle", columns)


@pytest.mark.parametrize(
    ("rows", "held"),
    [
        (stalled(0), 0),
        (stalled(900), 0),
        (stalled(1300), 308),
        (stalled(1300, lost=(5, 2900)), 308),
        (stalled(0, cut_ms=300), 0),
        (stalled(400, lost=(1100, 2000)), 0),
    ],
)
def test_what_is_lost_before_a_long_dwell_was_held(rows: Samples, held: int) -> None:
    assert held_back(rows, TIMEOUT_NS) == held


def test_a_far_end_without_stamps_tells_nothing() -> None:
    rows = stalled(1300)
    kept = {name: each for name, each in rows.columns.items() if name not in {"t2_ns", "t3_ns"}}
    assert held_back(replace(rows, columns=kept), TIMEOUT_NS) == 0


@pytest.mark.parametrize(("told", "verdict"), [(True, "inconclusive"), (False, "fail")])
def test_no_budget_fails_for_a_far_end_that_stood_still(told: bool, verdict: str) -> None:
    harvest = Harvest()
    harvest.open_session("a-b", "idle", ours=False)
    rows = stalled(1300)
    columns = rows.columns if told else {**rows.columns, "t3_ns": rows.columns["t2_ns"]}
    harvest.add(replace(rows, columns=columns))
    under = Circumstances(plan=plan_of(TIMEOUT_NS))
    budget = Budget("loss", 0.1, "%", "")
    (found,) = path_record(Path("a-b", "a", "b", None, (budget,)), harvest, under).verdicts
    assert found.verdict == verdict, found.reason
    assert ("stood still" in found.reason) == told
