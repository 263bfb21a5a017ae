"""Sends on schedule, on both kinds of loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import pairwise

import pytest
import uvloop

from benchkit.clock import monotonic_ns
from benchkit.linux.timerfd import TimerFd
from benchkit.probes.pacer import Pacer, until
from benchkit.probes.schedule import periodic

MS = 1_000_000
PATIENCE_S = 10.0
LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]
Loop = Callable[[], asyncio.AbstractEventLoop]


def paced(
    loop: Loop,
    start_in_ns: int,
    count: int,
    *,
    interval_ns: int = MS,
    slow: dict[int, float] | None = None,
) -> tuple[list[int], list[int], list[int]]:
    """When packets were due, which were sent, and when; some sends take so many seconds."""
    sent: list[int] = []
    at: list[int] = []

    def send(index: int) -> None:
        sent.append(index)
        at.append(monotonic_ns())
        time.sleep((slow or {}).get(index, 0))

    async def work() -> list[int]:
        due = periodic(monotonic_ns() + start_in_ns, interval_ns, count)
        with Pacer(due, send) as pacer:
            await asyncio.wait_for(pacer.finished.wait(), PATIENCE_S)
        due_ns: list[int] = due.tolist()
        return due_ns

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(work()), sent, at


@pytest.mark.parametrize("loop", LOOPS)
def test_every_packet_is_sent_once_in_order_and_never_early(loop: Loop) -> None:
    due, sent, at = paced(loop, 2 * MS, 100, interval_ns=MS // 10)
    assert sent == list(range(100))
    assert {later - earlier for earlier, later in pairwise(due)} == {MS // 10}
    assert all(then >= planned for then, planned in zip(at, due, strict=True))


@pytest.mark.parametrize("loop", LOOPS)
def test_a_slow_send_makes_others_late_and_moves_no_schedule(loop: Loop) -> None:
    due, sent, at = paced(loop, 2 * MS, 60, slow={5: 0.05})
    assert sent == list(range(60))
    # What was due meanwhile goes out in one go, and not a millisecond apart; then nothing is early.
    assert at[6] >= due[5] + 50 * MS
    assert at[50] - at[6] < 40 * MS
    assert at[59] >= due[59]


def test_a_schedule_that_has_passed_goes_out_at_once() -> None:
    _, sent, at = paced(asyncio.new_event_loop, -500 * MS, 100)
    assert sent == list(range(100))
    assert at[99] - at[0] < 90 * MS


@pytest.mark.parametrize("loop", LOOPS)
def test_sleeping_until_a_time_is_never_too_short(loop: Loop) -> None:
    async def work() -> None:
        with TimerFd() as timer:
            for wait in (0, 1, 2 * MS, 5 * MS):
                due = monotonic_ns() + wait
                await until(timer, due)
                assert monotonic_ns() >= due

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(work())
