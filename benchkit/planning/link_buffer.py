"""How much a bottleneck must hold, in the unit of the BDP that is given, for its line never to go idle."""

from __future__ import annotations

import math

from benchkit.planning.ceilings import CUBIC_BETA


def reno_buffer(bdp: float) -> float:
    """One BDP for one Reno stream, which halves (Villamizar and Song 1994)."""
    return bdp


def cubic_buffer(bdp: float) -> float:
    """For one CUBIC stream: 0.7 (BDP + buffer) must still be a BDP (beta of RFC 9438)."""
    return bdp * (1 / CUBIC_BETA - 1)


def shared_buffer(bdp: float, streams: int) -> float:
    """For many Reno streams out of step: BDP / sqrt(n) (Appenzeller et al. 2004).

    >>> shared_buffer(1_000_000, 100)
    100000.0
    """
    return bdp / math.sqrt(streams)
