"""Absolute timers as file descriptors: what paces sends, since loop timers are off by up to a millisecond."""

from __future__ import annotations

import ctypes
import os
import time
from typing import Self

from benchkit.clock import NS_PER_S
from benchkit.linux import libc

TFD_NONBLOCK = 0o4000
TFD_CLOEXEC = 0o2000000
TFD_TIMER_ABSTIME = 1


class _ItimerSpec(ctypes.Structure):
    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


class TimerFd:
    """A one-shot timer on CLOCK_MONOTONIC. Setting it forgets an expiry that nobody has read."""

    def __init__(self) -> None:
        """Create it, disarmed."""
        self._descriptor = libc.call(
            "timerfd_create", time.CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC
        )
        self._spec = _ItimerSpec()
        self._reference = ctypes.byref(self._spec)

    def fileno(self) -> int:
        """Give the descriptor, for a selector."""
        return self._descriptor

    def set(self, due_ns: int) -> None:
        """Expire at `due_ns`; at once if that has passed. 0 disarms."""
        self._spec.value_s, self._spec.value_ns = divmod(due_ns, NS_PER_S)
        libc.call("timerfd_settime", self._descriptor, TFD_TIMER_ABSTIME, self._reference, None)

    def clear(self) -> None:
        """Forget an expiry, so that a selector no longer reports it."""
        try:
            os.read(self._descriptor, 8)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
