"""How long a stream takes to fill the path, and to come back after a loss."""

from __future__ import annotations

import math

from benchkit.planning.ceilings import CUBIC_BETA, CUBIC_C

FIRST_WINDOW = 10  # segments, RFC 6928


def slow_start_rounds(window: float) -> int:
    """Round trips until a window of so many segments is reached, doubled in each from 10 (RFC 5681, RFC 6928).

    >>> slow_start_rounds(345_000)
    16
    """
    return max(0, math.ceil(math.log2(window / FIRST_WINDOW))) if window > FIRST_WINDOW else 0


def slow_start_segments(window: float) -> float:
    """Segments sent in the round trips of `slow_start_rounds`, until a window of so many (RFC 5681, RFC 6928)."""
    return FIRST_WINDOW * (2.0 ** slow_start_rounds(window) - 1)


def reno_recovery_s(window: float, rtt_s: float) -> float:
    """Seconds from half a window back to the whole, a segment each round trip (RFC 5681).

    >>> reno_recovery_s(345_000, 0.010)
    1725.0
    """
    return window / 2 * rtt_s


def cubic_recovery_s(window: float) -> float:
    """Seconds from 0.7 of a window back to the whole: K of RFC 9438 section 4.2.

    >>> round(cubic_recovery_s(345_000), 1)
    63.7
    """
    return math.cbrt(window * (1 - CUBIC_BETA) / CUBIC_C)
