"""Rounds of a run at aligned times: every 10 minutes on the clock, not 10 minutes after the last one ended.

A round that is still running when the next is due has that one skipped, which is counted; one that fails ends nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from benchkit.clock import NS_PER_S

# A clock that is set while we wait is noticed within so long.
NAP_NS = 10 * NS_PER_S
INTERRUPTED = 130


@dataclass(frozen=True)
class Round:
    """One start: its place from 1, when it was due (CLOCK_REALTIME), and how many were skipped before it."""

    number: int
    due_ns: int
    skipped: int


@dataclass
class Series:
    """What has become of a series so far: the exit status of each round that ran, and how many were skipped."""

    statuses: list[int] = field(default_factory=list)
    skipped: int = 0


@dataclass(frozen=True)
class Timing:
    """The clock and the pillow; others for tests. `now` is CLOCK_REALTIME in ns; `awaited` is told of each wait."""

    now: Callable[[], int]
    sleep: Callable[[float], None]
    awaited: Callable[[Round], None] = lambda _: None


def aligned(now_ns: int, every_ns: int) -> int:
    """The next moment, or this one, that is a whole number of intervals after midnight UTC, 1 January 1970."""
    return -(-now_ns // every_ns) * every_ns


def planned_rounds(every_ns: int, lasts_ns: int | None) -> int | None:
    """How many starts there are in that time, at least one; None for as long as it takes."""
    return None if lasts_ns is None else max(1, math.ceil(lasts_ns / every_ns))


def run_series(
    every_ns: int,
    planned: int | None,
    measure: Callable[[Round], int],
    series: Series,
    timing: Timing,
) -> None:
    """Call `measure` at every aligned time until all planned starts are over, and keep the statuses it returns.

    INTERRUPTED ends the series. KeyboardInterrupt passes through.
    """
    first = aligned(timing.now(), every_ns)
    slot = 0
    while planned is None or slot < planned:
        one = Round(slot + 1, first + slot * every_ns, series.skipped)
        _wait_until(one, timing)
        series.statuses.append(measure(one))
        if series.statuses[-1] == INTERRUPTED:
            return
        # A start that is due at this very moment is not missed yet.
        following = max(slot + 1, -(-(timing.now() - first) // every_ns))
        if planned is not None:
            following = min(following, planned)
        series.skipped += following - slot - 1
        slot = following


def _wait_until(one: Round, timing: Timing) -> None:
    if one.due_ns > timing.now():
        timing.awaited(one)
    while (left := one.due_ns - timing.now()) > 0:
        timing.sleep(min(left, NAP_NS) / NS_PER_S)
