"""What a load does to latency: buffer delay and responsiveness."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

TRIMMED = 0.95
MS_PER_MINUTE = 60_000.0
FEWEST = 5


def buffer_delay_percent(idle: NDArray[np.float64], loaded: NDArray[np.float64]) -> float | None:
    """RFC 6349 section 5.3: by how much the average round trip under load exceeds the baseline, in percent of it.

    Lost packets (infinite) have no round trip to average. None where either has none.
    Both have shape (n,), in one unit.

    >>> buffer_delay_percent(np.array([8.0, 8.0]), np.array([12.0, 12.0, np.inf]))
    50.0
    """
    baseline, during = idle[np.isfinite(idle)], loaded[np.isfinite(loaded)]
    if not baseline.size or not during.size or baseline.mean() <= 0:
        return None
    return float(during.mean() / baseline.mean() - 1) * 100


def trimmed_mean(values: NDArray[np.float64]) -> float | None:
    """The mean of the lowest 95 %, as draft-ietf-ippm-responsiveness trims; None for fewer than five values.

    `values` has shape (n,).

    >>> trimmed_mean(np.array([10.0, 10.0, 10.0, 10.0, 90.0] * 4)) < 26
    True
    """
    if values.size < FEWEST:
        return None
    kept = np.sort(values)[: max(1, math.ceil(TRIMMED * values.size))]
    return float(kept.mean())


def foreign_rpm(
    handshakes_ms: NDArray[np.float64], requests_ms: NDArray[np.float64]
) -> float | None:
    """Round trips a minute by foreign probes over plain TCP: draft-ietf-ippm-responsiveness-09 section 4.3.1.

    60000 over the mean of the trimmed means of TCP handshake and of request to first octet, both in ms, on
    connections of their own while the path is loaded. The draft's other half, requests on the loaded
    connections themselves, is no part of it. None where either has too few values.
    Both have shape (n,).
    """
    handshake, request = trimmed_mean(handshakes_ms), trimmed_mean(requests_ms)
    if handshake is None or request is None or handshake + request <= 0:
        return None
    return MS_PER_MINUTE / ((handshake + request) / 2)
