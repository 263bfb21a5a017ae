"""What the kernel knows of CLOCK_REALTIME: whether something keeps it near UTC, and how far off it may be."""

from __future__ import annotations

import ctypes
from typing import NamedTuple

from benchkit.clock import NS_PER_US
from benchkit.linux import libc

STA_UNSYNC = 0x0040


class _Timex(ctypes.Structure):
    """The head of struct timex in <linux/timex.h>; what follows is not read."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 32),
    )


class ClockQuality(NamedTuple):
    """Whether CLOCK_REALTIME is kept near UTC, and the most it may be off by."""

    synchronised: bool
    error_ns: int


def clock_quality() -> ClockQuality:
    """Ask the kernel (adjtimex, which anybody may read)."""
    found = _Timex()
    libc.call("adjtimex", ctypes.byref(found))
    return ClockQuality(not found.status & STA_UNSYNC, int(found.maxerror) * NS_PER_US)
