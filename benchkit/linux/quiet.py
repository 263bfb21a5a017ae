"""Make a process fit to time packets: no collector pauses, no timer slack, and priority where allowed."""

from __future__ import annotations

import gc
import os
from collections.abc import Mapping
from contextlib import suppress

from benchkit.clock import monotonic_ns
from benchkit.linux import libc

REALTIME_PRIORITY = 10
NICEST = -19

_pauses_ns: list[int] = []
_collecting_since = 0


def quieten() -> None:
    """Stop the cyclic collector and sharpen sleeps. For a process that does nothing but measure.

    What the collector does all the same is noted: `collector_pauses_ns`.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    _pauses_ns.clear()
    if _note_pause not in gc.callbacks:
        gc.callbacks.append(_note_pause)
    libc.wake_on_time()


def collector_pauses_ns() -> list[int]:
    """How long each run of the collector held this process up since it was quietened."""
    return list(_pauses_ns)


def _note_pause(phase: str, _: Mapping[str, int]) -> None:
    global _collecting_since  # noqa: PLW0603  the collector belongs to the process
    if phase == "start":
        _collecting_since = monotonic_ns()
    else:
        _pauses_ns.append(monotonic_ns() - _collecting_since)


def take_priority(priority: int = REALTIME_PRIORITY) -> bool:
    """Take real-time priority; failing that a better nice value. True when real-time was granted."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except OSError:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, NICEST)
        return False
    return True
