"""Whether the packets themselves say that the emulator was late."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchkit.campaign import phases
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.lateness import late_paths
from benchkit.model.impairment import Trace
from benchkit.model.place import Direction, Path, PathModel
from benchkit.model.samples import DUPLICATES, RTT_COLUMNS, Samples, column

MS = 1_000_000
N = 2000
TOLERANCE = MS // 2
STEADY = PathModel(Direction(5 * MS), Direction(5 * MS))
TRACE = Trace(at_ns=(0, MS), delay_ns=(5 * MS, 6 * MS))


def idle(took: np.ndarray) -> Harvest:
    """Idle round trips of path a-b that took so long, all of it on the way there."""
    harvest = Harvest()
    ssid = harvest.open_session("a-b", phases.IDLE)
    t1 = np.arange(len(took)) * MS
    times = {"t1_ns": t1, "t2_ns": t1 + took, "t3_ns": t1 + took, "t4_ns": t1 + took}
    columns = {name: column(times.get(name, t1)) for name in RTT_COLUMNS}
    columns["sequence"] = column(np.arange(len(took)))
    columns[DUPLICATES] = column(np.zeros(len(took)))
    harvest.add(Samples("rtt", "a-b", phases.IDLE, columns))
    left = {
        "ssid": np.full(len(took), ssid),
        "sequence": np.arange(len(took)),
        "t3_ns": times["t3_ns"],
    }
    harvest.add(Samples("departures", "", "", {key: column(value) for key, value in left.items()}))
    return harvest


def late_by(late_ns: int, share: float) -> np.ndarray:
    took = np.full(N, 10 * MS)
    took[: round(share * N)] += late_ns
    return took


def troubles(took: np.ndarray, model: PathModel = STEADY) -> list[str]:
    return late_paths([Path("a-b", "a", "b", model)], idle(took), TOLERANCE)


@pytest.mark.parametrize(("late_ns", "share"), [(0, 0), (TOLERANCE, 1), (9 * MS, 0.05)])
def test_a_few_late_packets_or_a_little_lateness_is_no_trouble(late_ns: int, share: float) -> None:
    assert troubles(late_by(late_ns, share)) == []


def test_more_than_one_late_packet_in_twenty_is_told() -> None:
    (said,) = troubles(late_by(MS, 0.1))
    assert said.startswith("a-b: 10 % of 2000 idle round trips took more than 10.50 ms")


def test_jitter_that_the_model_has_is_not_lateness() -> None:
    noise = np.random.default_rng(1).normal(0, 2 * MS, (2, N)).sum(axis=0).astype(np.int64)
    jittery = PathModel(Direction(5 * MS, 2 * MS), Direction(5 * MS, 2 * MS))
    assert troubles(10 * MS + noise, jittery) == []
    assert troubles(10 * MS + noise) != []


def test_a_path_that_changes_or_was_not_measured_is_not_judged_here() -> None:
    moving = replace(STEADY, forward=replace(STEADY.forward, trace=TRACE))
    assert troubles(late_by(9 * MS, 1), moving) == []
    assert late_paths([Path("a-b", "a", "b", STEADY)], Harvest(), TOLERANCE) == []
