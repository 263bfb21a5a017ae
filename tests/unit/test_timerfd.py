"""Absolute timers as file descriptors."""

from __future__ import annotations

import os
import select

import pytest

from benchkit.clock import monotonic_ns
from benchkit.linux.timerfd import TimerFd

MS = 1_000_000
PATIENCE_S = 10.0


def expired(timer: TimerFd, seconds: float = 0) -> bool:
    return bool(select.select([timer.fileno()], [], [], seconds)[0])


def test_it_expires_when_its_time_has_come_and_never_before() -> None:
    with TimerFd() as timer:
        assert not expired(timer)
        for wait in (1, MS, 7 * MS // 2, 10 * MS):
            due = monotonic_ns() + wait
            timer.set(due)
            assert expired(timer, PATIENCE_S)
            assert monotonic_ns() >= due
            timer.clear()
            assert not expired(timer)


def test_a_time_that_has_passed_expires_at_once() -> None:
    with TimerFd() as timer:
        timer.set(1)
        assert expired(timer)


def test_setting_it_forgets_what_was_set_before() -> None:
    with TimerFd() as timer:
        timer.set(1)
        assert expired(timer)
        timer.set(monotonic_ns() + 3600 * 1000 * MS)  # the expiry was not read
        assert not expired(timer)
        timer.set(monotonic_ns() + 5 * MS)
        assert expired(timer, PATIENCE_S)


def test_zero_disarms() -> None:
    with TimerFd() as timer:
        timer.set(monotonic_ns() + 5 * MS)
        timer.set(0)
        assert not expired(timer, 0.015)


def test_clearing_what_has_not_expired_waits_for_nothing() -> None:
    with TimerFd() as timer:
        timer.set(monotonic_ns() + 3600 * 1000 * MS)
        timer.clear()
        assert not expired(timer)


def test_its_end_closes_the_descriptor_and_no_program_inherits_it() -> None:
    with TimerFd() as timer:
        descriptor = timer.fileno()
        assert not os.get_inheritable(descriptor)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
