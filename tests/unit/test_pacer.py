"""Sends on schedule, on both kinds of loop."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import Callable
from itertools import pairwise

import pytest
import uvloop

from benchkit.clock import monotonic_ns
from benchkit.probes.pacer import Pacer, lead_of, open_loop
from benchkit.probes.precise import PrecisePacer
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
    lead_ns: int = 0,
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
        with Pacer(due, send, lead_ns=lead_ns) as pacer:
            await asyncio.wait_for(pacer.finished.wait(), PATIENCE_S)
        due_ns: list[int] = due.tolist()
        return due_ns

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(work()), sent, at


@pytest.mark.parametrize("lead_ns", [0, MS // 20, MS])
@pytest.mark.parametrize("loop", LOOPS)
def test_every_packet_is_sent_once_in_order_and_never_early(loop: Loop, lead_ns: int) -> None:
    due, sent, at = paced(loop, 2 * MS, 100, interval_ns=MS // 10, lead_ns=lead_ns)
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
@pytest.mark.parametrize("gap", [MS, MS // 10])
def test_requests_begin_in_order_none_early_and_all_are_seen_to_their_ends(
    loop: Loop, gap: int
) -> None:
    due = periodic(monotonic_ns() + 5 * MS, gap, 20)
    began: list[tuple[int, int]] = []
    ended: list[int] = []
    others = asyncio.Event()

    async def one(index: int) -> None:
        began.append((index, monotonic_ns()))
        if index == 0:
            await others.wait()
        ended.append(index)
        if len(ended) == len(due) - 1:
            others.set()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(open_loop(due, one, lead_ns=lead_of(gap)))
    assert [index for index, _ in began] == list(range(20))
    assert all(at >= due[index] for index, at in began)
    assert ended[-1] == 0, "the others did not wait for the first"
    assert sorted(ended) == list(range(20))
    assert (lead_of(MS) > 0, lead_of(MS // 10)) == (True, False)


def test_precise_sends_are_never_early_and_what_arrives_is_taken_in_between() -> None:
    ours, theirs = socket.socketpair(type=socket.SOCK_DGRAM)
    sent: list[tuple[int, int]] = []
    came: list[bytes] = []

    def send(index: int) -> None:
        sent.append((index, monotonic_ns()))
        theirs.send(bytes([index]))

    due = periodic(monotonic_ns() + 2 * MS, MS, 50)
    with ours, theirs, PrecisePacer(due, send, ours.fileno(), lambda: came.append(ours.recv(9))):
        deadline = time.monotonic() + PATIENCE_S
        while len(came) < 50 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert [index for index, _ in sent] == list(range(50))
    assert all(at >= planned for (_, at), planned in zip(sent, due.tolist(), strict=True))
    assert came == [bytes([index]) for index in range(50)]


def test_what_goes_wrong_in_a_precise_send_is_raised_where_the_pacer_is_used() -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EBADF, "no such socket")

    ours, theirs = socket.socketpair()
    due = periodic(monotonic_ns(), MS, 3)
    pacer = PrecisePacer(due, fail, ours.fileno(), lambda: None)
    with ours, theirs, pytest.raises(OSError, match="no such socket"), pacer:
        time.sleep(0.05)


def test_a_precise_pacer_that_is_left_early_sends_no_more() -> None:
    ours, theirs = socket.socketpair()
    sent: list[int] = []
    due = periodic(monotonic_ns() + MS, 3600 * 1000 * MS, 2)
    with ours, theirs:
        with PrecisePacer(due, sent.append, ours.fileno(), lambda: None):
            time.sleep(0.02)
        assert sent == [0]
