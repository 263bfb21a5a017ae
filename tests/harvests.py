"""A harvest made by hand, and the record of its one path."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchkit.campaign import phases, summary
from benchkit.campaign.harvest import Harvest
from benchkit.model.place import Budget, Direction, Path, PathModel
from benchkit.model.record import Metric, PathRecord
from benchkit.model.samples import GOODPUT_COLUMNS, RTT_COLUMNS, Samples, column

MS = 1_000_000
TENTH_NS = 100 * MS
REALTIME = 1_700_000_000_000_000_000  # the clock of kernel stamps, far from that of the others
# In front of our device; at the far end; in user space.
QUEUE, DWELL, HOST = 300_000, 70_000, 40_000
MODEL = PathModel(Direction(4 * MS), Direction(4 * MS), 1_000_000_000)


def path(*budgets: Budget) -> Path:
    return Path("a-b", "a", "b", MODEL, budgets, great_circle_km=775.0)


def round_trips(
    harvest: Harvest,
    took_ns: Sequence[int],
    *,
    phase: str = "idle",
    lost: Sequence[int] = (),
    unstamped: Sequence[int] = (),
) -> None:
    """Put packets into the harvest whose network round trips took so long, one a millisecond.

    Those `unstamped` were answered, but their far end's kernel did not say when the answer left.
    """
    count = len(took_ns)
    numbers, took = np.arange(count), np.array(took_ns, dtype=np.int64)
    gone = np.isin(numbers, lost)
    due = 1000 * MS + numbers * MS
    t1 = REALTIME + due
    t2 = t1 + took // 2
    t3 = t2 + DWELL
    t4 = t3 + took - took // 2
    values = {
        "sequence": numbers,
        "due_ns": due,
        "sent_ns": due + 10,
        "received_ns": due + 10 + took + DWELL + HOST,
        "t1_sched_ns": t1 - QUEUE,
        "t1_ns": t1,
        "t2_ns": t2,
        "t3_ns": t3 - 1000,  # user space, before it called the kernel
        "t4_ns": t4,
    }
    holes = dict.fromkeys(("received_ns", "t2_ns", "t3_ns", "t4_ns"), gone)
    columns = {name: column(values[name], holes.get(name, False)) for name in RTT_COLUMNS}
    ssid = harvest.open_session("a-b", phase)
    harvest.add(Samples("rtt", "a-b", phase, columns))
    left = ~gone & ~np.isin(numbers, unstamped)
    departures = {"ssid": np.full(left.sum(), ssid), "sequence": numbers[left], "t3_ns": t3[left]}
    harvest.add(
        Samples("departures", "", "", {name: column(one) for name, one in departures.items()})
    )


def goodput(harvest: Harvest, phase: str, mbit_per_s: float, intervals: int = 20) -> None:
    start = np.arange(intervals) * TENTH_NS
    octets = np.full(intervals, round(mbit_per_s * 1e6 / 8 / 10))
    values = (start, start + TENTH_NS, octets)
    columns = {name: column(one) for name, one in zip(GOODPUT_COLUMNS, values, strict=True)}
    harvest.add(Samples("goodput", "a-b", phase, columns))


def record_of(
    harvest: Harvest, *budgets: Budget, unfit: str | None = None, drops: int = 0
) -> PathRecord:
    dropped = {("a-b", phase): drops for phase in phases.LOADED}
    under = summary.Circumstances(unfit=unfit, emulator_drops=dropped)
    return summary.path_record(path(*budgets), harvest, under)


def metric(record: PathRecord, name: str, phase: str) -> Metric:
    (found,) = [one for one in record.metrics if (one.metric, one.phase) == (name, phase)]
    return found


def idle_rows(took_ns: Sequence[int], **holes: Sequence[int]) -> Samples:
    harvest = Harvest()
    round_trips(harvest, took_ns, **holes)
    rows = harvest.samples("rtt", "a-b", "idle")
    assert rows is not None
    return rows
