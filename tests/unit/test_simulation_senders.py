"""What the simulated senders do, beside what the kernel's do by its own arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from benchkit.planning.simulation_cubic import Cubic
from benchkit.planning.simulation_hystart import HyStart
from benchkit.planning.simulation_notices import timer_s
from benchkit.planning.simulation_pipe import Heard
from benchkit.planning.simulation_recovery import Recovery
from benchkit.planning.simulation_senders import Reno

STEP_S, DELAY = 0.001, 10
NONE = np.zeros(1)


def some(segments: float) -> np.ndarray:
    return np.array([float(segments)])


def came(sent: int, segments: float) -> Heard:
    return Heard(sent, some(segments), NONE)


def lost(sent: int, segments: float) -> Heard:
    return Heard(sent, NONE, some(segments))


def test_a_timer_is_rounded_up_and_begins_with_the_next_jiffy() -> None:
    assert timer_s(0.0025) == pytest.approx(
        0.010
    )  # 4.5 ms are two jiffies, and half of one until they begin
    assert timer_s(0.020) == pytest.approx(0.026)


def test_recovery_lets_a_share_go_above_the_threshold_and_the_lost_ones_first() -> None:
    recovery = Recovery(1)
    recovery.begin(np.array([True]), 5, some(20), some(14), some(1))
    assert recovery.send(5) == 1  # the lost one, at once
    flight, sent = 20.0, 1.0
    for number in range(6, 14):
        flight -= 1
        recovery.hear(came(number - 10, 1), some(flight))
        goes = float(recovery.send(number)[0])
        flight += goes
        sent += goes
    assert sent == np.ceil(14 * 8 / 20)


def test_recovery_is_over_when_what_was_sent_again_has_come() -> None:
    recovery = Recovery(1)
    recovery.begin(np.array([True]), 5, some(20), some(14), some(2))
    assert recovery.send(5) == 1
    recovery.hear(came(0, 2), some(17))
    assert recovery.send(6)[0] >= 1  # the second one
    recovery.hear(came(5, 1), some(15))
    assert recovery.active[0]
    recovery.hear(came(6, 1), some(14))
    assert not recovery.active[0]


def test_what_is_lost_anew_while_recovering_is_found_when_it_is_over() -> None:
    recovery = Recovery(1)
    recovery.begin(np.array([True]), 5, some(20), some(14), some(1))
    assert recovery.send(5) == 1
    for number in range(6, 9):
        recovery.hear(came(0, 2), some(17))
        recovery.send(number)
    recovery.hear(lost(7, 1), some(15))
    assert recovery.hear(came(5, 1), some(14)) == 1
    assert not recovery.active[0]


def test_recovery_never_waits_with_nothing_on_its_way() -> None:
    recovery = Recovery(1)
    recovery.begin(np.array([True]), 5, some(3), some(2), some(1))
    recovery.send(5)
    recovery.hear(lost(5, 1), some(0))
    assert recovery.send(20) == 1


@pytest.mark.parametrize(
    ("sender", "reduced"),
    [(Reno(1, STEP_S, DELAY, 100.0), 50), (Cubic(1, STEP_S, DELAY, 100.0, 1.0), 70)],
)
def test_one_reduction_for_the_losses_of_a_window(sender: Reno, reduced: int) -> None:
    sender._window[:] = 100.0
    sender.send(0)
    sender.hear(10, lost(0, 1))
    sender.hear(11, lost(0, 3))
    assert sender._threshold == reduced


def grown(sender: Cubic, rounds: int) -> float:
    """Its window after so many round trips without a loss, each of its segments acknowledged two by two."""
    number = 0
    for _ in range(rounds):
        window = int(sender._window[0])
        for at in range(0, window, 2):
            sender.send(number + at * DELAY // window)
            sender.hear(number + at * DELAY // window, came(number - DELAY, min(2, window - at)))
        number += DELAY
    return float(sender._window[0])


def cubic(window: float) -> Cubic:
    sender = Cubic(1, STEP_S, DELAY, np.inf, 1.0)
    sender._window[:] = sender._threshold[:] = window
    sender._before[:] = window / 0.7
    return sender


def test_small_windows_grow_as_renos_do_by_8_of_15_segments_a_round_trip() -> None:
    # 60 round trips from 40: 32 more by Reno; Linux looks every 28 ms, and so is a little late.
    assert 27 <= grown(cubic(40.0), 60) - 40 <= 32


def test_large_windows_grow_by_the_clock_and_stand_where_they_were() -> None:
    sender = cubic(1000.0)
    sender._before[:] = 1400.0
    after = grown(sender, 300)  # K is 10 s: at 3 s 0.4 (3 - 10)^3 below 1400
    assert after == pytest.approx(1400 - 0.4 * 7**3, rel=0.02)


def test_a_window_smaller_than_the_one_before_aims_lower() -> None:
    sender = cubic(100.0)
    sender._reduce(np.array([True]), some(100.0))
    assert sender._before == 85  # floor(100 x 1741 / 2048)


def trained(apart: int, rounds: int = 1) -> int | None:
    """The step in which acknowledgements so many steps apart end slow start, if they do."""
    watch = HyStart(1, STEP_S, DELAY, 1.0)
    slow = np.array([True])
    for number in range(DELAY, DELAY * (rounds + 1), apart):
        if watch.found(number, came(number - DELAY + 1, 2), some(100.0), slow):
            return number - DELAY
    return None


def test_a_train_of_half_a_round_trip_ends_slow_start() -> None:
    # 5 ms, and half of what four super-packets of one segment take at twice the rate of 100 in 10 ms.
    assert trained(1) == 6
    assert trained(2) == 6


def test_acknowledgements_far_apart_are_no_train() -> None:
    assert trained(3) is None


def test_a_queue_ends_slow_start_only_when_it_stands_through_a_round_trip() -> None:
    watch = HyStart(1, STEP_S, DELAY, 1.0)
    slow = np.array([True])
    assert not watch.found(10, came(1, 10), some(100.0), slow)
    assert not any(watch.found(20 + 3 * n, came(11, 2), some(100.0), slow) for n in range(3))
    # One round trip later all are 8 ms late.
    late = [bool(watch.found(38 + 3 * n, came(21, 2), some(100.0), slow)) for n in range(12)]
    assert late.index(True) == 8


def test_small_windows_do_not_leave_slow_start() -> None:
    watch = HyStart(1, STEP_S, DELAY, 1.0)
    for number in range(DELAY, 2 * DELAY):
        assert not watch.found(number, came(number - DELAY + 1, 2), some(15.0), np.array([True]))
