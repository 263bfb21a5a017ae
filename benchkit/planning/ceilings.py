"""How fast a loss rate lets TCP go: average windows in segments of one stream, and the loss that a window allows.

`loss` is the share of segments lost, above 0 and at most 1; `rtt_s` is in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable

MATHIS = math.sqrt(3 / 2)
# RFC 9438 and RFC 3649 print tables by 1.2, not by Mathis's 1.2247.
RENO = 1.2
CUBIC_C = 0.4
CUBIC_BETA = 0.7
LINUX_TIMEOUT_S = 0.2
_HALVINGS = 200


def mathis_window(loss: float) -> float:
    """Reno, in segments, by Mathis et al. 1997: sqrt(3 / (2 p)).

    >>> round(mathis_window(1e-4), 1)
    122.5
    """
    return MATHIS / math.sqrt(loss)


def reno_window(loss: float) -> float:
    """Reno, in segments, as RFC 9438 section 5.1 has it: 1.2 / sqrt(p)."""
    return RENO / math.sqrt(loss)


def pftk_window(loss: float, rtt_s: float, timeout_s: float | None = None) -> float:
    """Reno with timeouts, in segments, by Padhye et al. 1998, in the form of RFC 5348 section 3.1 with b = 1.

    Without `timeout_s` it is Linux's: one round trip and 200 ms.
    """
    timeout = rtt_s + LINUX_TIMEOUT_S if timeout_s is None else timeout_s
    backing_off = timeout * 3 * math.sqrt(3 * loss / 8) * loss * (1 + 32 * loss**2)
    return rtt_s / (rtt_s * math.sqrt(2 * loss / 3) + backing_off)


def cubic_window(loss: float, rtt_s: float, c: float = CUBIC_C) -> float:
    """CUBIC, in segments, by RFC 9438 equation 6, at least Reno's (its Reno-friendly region).

    >>> round(cubic_window(1e-4, rtt_s=0.010), 1)
    120.0
    """
    factor = math.pow(c * (3 + CUBIC_BETA) / (4 * (1 - CUBIC_BETA)), 0.25)
    return max(factor * math.pow(rtt_s / loss, 0.75), reno_window(loss))


def mathis_loss(window: float) -> float:
    """The share of segments lost at which Reno, by Mathis, has this average window in segments.

    >>> f"{mathis_loss(345_000):.1e}"  # 400 Gbit/s over 10 ms, one stream
    '1.3e-11'
    """
    return min(1.0, (MATHIS / window) ** 2)


def reno_loss(window: float) -> float:
    """The share of segments lost at which Reno, by RFC 9438, has this average window in segments."""
    return min(1.0, (RENO / window) ** 2)


def cubic_loss(window: float, rtt_s: float, c: float = CUBIC_C) -> float:
    """The loss at which CUBIC has this average window: RFC 9438 equation 6 turned round, or Reno's if larger."""
    factor = math.pow(c * (3 + CUBIC_BETA) / (4 * (1 - CUBIC_BETA)), 0.25)
    return min(1.0, max(rtt_s * math.pow(factor / window, 4 / 3), reno_loss(window)))


def pftk_loss(window: float, rtt_s: float) -> float:
    """The loss at which Reno, by PFTK, has this average window; by bisection, as it has no closed form."""
    return _bisect(lambda loss: pftk_window(loss, rtt_s), window)


def _bisect(window_of: Callable[[float], float], window: float) -> float:
    """The loss between 1e-30 and 1 where a falling function has the value, on a logarithmic scale."""
    low, high = -30.0, 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if window_of(10**middle) > window:
            low = middle
        else:
            high = middle
    return float(10**high)
