"""Make a process fit to time packets: no collector pauses, no timer slack, and priority where allowed."""

from __future__ import annotations

import gc
import os

from benchkit.linux import libc

REALTIME_PRIORITY = 10
NICEST = -19


def quieten() -> None:
    """Stop the cyclic collector and sharpen sleeps. For a process that does nothing but measure."""
    gc.collect()
    gc.freeze()
    gc.disable()
    libc.wake_on_time()


def take_priority() -> bool:
    """Take real-time priority; failing that a better nice value. True when real-time was granted."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(REALTIME_PRIORITY))
    except (PermissionError, OSError):
        try:
            os.setpriority(os.PRIO_PROCESS, 0, NICEST)
        except (PermissionError, OSError):
            return False
        return False
    return True
