"""One-way delay from two clocks whose error is known, because it was made."""

from __future__ import annotations

import numpy as np
import pytest

from benchkit.model.samples import RTT_COLUMNS, Samples, column
from benchkit.stats.one_way import REFUTED, RELATIVE, estimate_clocks, one_way

MS, S = 1_000_000, 1_000_000_000
REALTIME = 1_700_000_000 * S


def run(
    *,
    offset_ns: int = 0,
    skew_ppm: float = 0.0,
    there_ns: int = 5 * MS,
    back_ns: int = 3 * MS,
    queue_ns: int = 0,
    step_at: int | None = None,
    count: int = 3000,
) -> Samples:
    """A minute of packets over a path of those delays, with queues; the far clock is off by so much, and drifts."""
    rng = np.random.default_rng(7)
    sent = np.arange(count, dtype=np.int64) * (60 * S // count)
    queue = (
        rng.exponential(queue_ns, (2, count)).astype(np.int64)
        if queue_ns
        else np.zeros((2, count), np.int64)
    )

    def near(at: np.ndarray) -> np.ndarray:
        return at + REALTIME + (0 if step_at is None else 5 * S * (at >= sent[step_at]))

    def far(at: np.ndarray) -> np.ndarray:
        return at + REALTIME + offset_ns + ((at - 30 * S) * skew_ppm * 1e-6).astype(np.int64)

    arrived = sent + there_ns + queue[0]
    answered = arrived + 50_000
    returned = answered + back_ns + queue[1]
    values = (
        *(np.arange(count), sent, sent, returned),
        *(near(sent), near(sent), far(arrived), far(answered), near(returned)),
    )
    columns = {name: column(each) for name, each in zip(RTT_COLUMNS, values, strict=True)}
    return Samples("rtt", "a-b", "idle", columns)


def test_one_clock_gives_each_direction_its_own_delay() -> None:
    found = one_way(run(), "one clock", 0, 2000)
    assert found is not None
    assert not found.relative
    assert (found.forward.p50, found.backward.p50) == pytest.approx((5, 3))
    assert found.error == pytest.approx(0.002)


@pytest.mark.parametrize("skew", [-80.0, 0.0, 12.0, 500.0])
def test_skew_is_found_under_queues_and_taken_out(skew: float) -> None:
    rows = run(offset_ns=3 * S, skew_ppm=skew, queue_ns=2 * MS)
    found = one_way(rows, "unknown", 0, 0)
    assert found is not None
    assert found.relative
    assert found.words == RELATIVE
    assert found.skew_ppm is not None
    assert found.skew_error_ppm is not None
    assert abs(found.skew_ppm - skew) <= max(2 * found.skew_error_ppm, 0.5)
    # The queues of both directions are exponential, and all that is left: their median is 2 ms x ln 2.
    assert found.forward.p50 == pytest.approx(2 * np.log(2), abs=0.15)
    assert found.backward.p50 == pytest.approx(2 * np.log(2), abs=0.15)
    assert found.error is None


def test_the_offset_is_bounded_by_causality_and_by_light_and_never_guessed() -> None:
    rows = run(offset_ns=3 * S)
    t = {name: rows.columns[name].data for name in ("t1_ns", "t2_ns", "t3_ns", "t4_ns")}
    forward, backward = (t["t2_ns"] - t["t1_ns"]) * 1.0, (t["t4_ns"] - t["t3_ns"]) * 1.0
    free = estimate_clocks(t["t1_ns"], forward, backward)
    assert (free.least_offset_ns, free.most_offset_ns) == pytest.approx(
        (3 * S - 3 * MS, 3 * S + 5 * MS)
    )
    bound = estimate_clocks(t["t1_ns"], forward, backward, 2.5 * MS)
    assert bound.most_offset_ns - bound.least_offset_ns == pytest.approx(3 * MS)
    assert bound.least_offset_ns <= 3 * S <= bound.most_offset_ns


def test_clocks_that_say_they_are_synchronised_are_believed_within_what_causality_allows() -> None:
    found = one_way(run(offset_ns=200_000), "synchronised", 2.5 * MS, 0)
    assert found is not None
    assert not found.relative
    assert found.error is not None
    assert abs(found.forward.p50 - 5) <= found.error
    assert found.error < 4
    liars = one_way(run(offset_ns=40 * MS), "synchronised", 2.5 * MS, 0)
    assert liars is not None
    assert (liars.relative, liars.words) == (True, REFUTED)


def test_a_step_of_our_clock_leaves_the_longer_side() -> None:
    found = one_way(run(step_at=2000), "one clock", 0, 0)
    assert found is not None
    assert (found.forward.p99, found.backward.p99) == pytest.approx((5, 3))


def test_few_answers_and_far_ends_without_stamps_tell_nothing() -> None:
    assert one_way(run(count=19), "one clock", 0, 0) is None
    rows = run()
    columns = {name: each for name, each in rows.columns.items() if name != "t3_ns"}
    assert one_way(Samples("rtt", "a-b", "idle", columns), "one clock", 0, 0) is None
