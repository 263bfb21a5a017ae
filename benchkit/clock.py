"""The two clocks, in integer nanoseconds, and the step between them.

Schedules and user-space stamps are on CLOCK_MONOTONIC. The kernel stamps packets on CLOCK_REALTIME,
which an administrator or NTP may step: `realtime_offset_ns` lets a reader notice.
"""

from __future__ import annotations

import time

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
NS_PER_US = 1_000

monotonic_ns = time.monotonic_ns
realtime_ns = time.time_ns


def realtime_offset_ns() -> int:
    """CLOCK_REALTIME minus CLOCK_MONOTONIC now, as the tightest of three readings."""
    best_gap, best = NS_PER_S, 0
    for _ in range(3):
        before = monotonic_ns()
        real = realtime_ns()
        after = monotonic_ns()
        if after - before < best_gap:
            best_gap, best = after - before, real - (before + after) // 2
    return best
