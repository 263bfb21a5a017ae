"""Our own CLOCK_REALTIME through a session: a step of it is taken out of the kernel's stamps.

The kernel stamps packets by CLOCK_REALTIME, which NTP or an administrator may step. Every stamp is held against
CLOCK_MONOTONIC, which nobody can step: it was taken between the moment its packet was sent and now.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchkit.clock import NS_PER_MS, monotonic_ns, realtime_ns, realtime_offset_ns

Integers = NDArray[np.int64]

# Clocks that are slewed drift by up to 0.5 ms in each second; a step is more than that between two looks.
STEP_NS = NS_PER_MS
SLEW = 1000  # one in so many
# How far the offset may have moved since it was last looked at.
SLACK_NS = 2 * NS_PER_MS


class NearClock:
    """Gives stamps as they would be, had the clock run on as it did when the session began."""

    def __init__(self) -> None:
        """Begin now."""
        self._looked_ns = monotonic_ns()
        # Each stretch between steps: CLOCK_REALTIME less CLOCK_MONOTONIC, and by how much it has been stepped.
        self._stretches = [(realtime_offset_ns(), 0)]

    @property
    def steps(self) -> int:
        """How many steps there have been."""
        return len(self._stretches) - 1

    def look(self) -> None:
        """Follow the clock; call it often."""
        offset, now = realtime_ns() - monotonic_ns(), monotonic_ns()
        known, shift = self._stretches[-1]
        limit = STEP_NS + (now - self._looked_ns) // SLEW
        if abs(offset - known) > limit:
            offset = realtime_offset_ns()  # it may be that we were held up between two readings
        if abs(offset - known) > limit:
            self._stretches.append((offset, shift + offset - known))
        else:
            self._stretches[-1] = offset, shift
        self._looked_ns = now

    def steady_many(self, stamps_ns: Integers, since_ns: Integers) -> Integers:
        """`steady` of many stamps; shapes (n,)."""
        offset, shift = self._stretches[-1]
        taken = stamps_ns - offset
        if (taken >= since_ns - SLACK_NS).all() and (taken <= monotonic_ns() + SLACK_NS).all():
            return stamps_ns - shift
        pairs = zip(stamps_ns.tolist(), since_ns.tolist(), strict=True)
        return np.array([self.steady(*pair) for pair in pairs], dtype=np.int64)

    def steady(self, stamp_ns: int, since_ns: int) -> int:
        """A stamp of a packet sent at `since_ns` on CLOCK_MONOTONIC, without the steps; 0 where it fits no time since."""
        if not stamp_ns:
            return 0
        offset, shift = self._stretches[-1]
        if since_ns - SLACK_NS <= stamp_ns - offset <= monotonic_ns() + SLACK_NS:
            return stamp_ns - shift
        self.look()
        now = monotonic_ns()
        for offset, shift in reversed(self._stretches):
            if since_ns - SLACK_NS <= stamp_ns - offset <= now + SLACK_NS:
                return stamp_ns - shift
        return 0
