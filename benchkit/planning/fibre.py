"""How long the fibre may be for a budget, and how much room the great circle leaves.

Light takes 4.897 us for a kilometre of fibre of group index 1.468 (G.652).
"""

from __future__ import annotations

from benchkit.model.place import FIBRE_NS_PER_KM


def longest_fibre_km(rtt_limit_ns: float, equipment_ns: float = 0.0) -> float:
    """Kilometres of fibre, one way, that a round trip allows, less what equipment takes of the round trip.

    >>> round(longest_fibre_km(10e6))  # of a 10 ms budget
    1021
    """
    return max(0.0, (rtt_limit_ns - equipment_ns) / (2 * FIBRE_NS_PER_KM))


def fibre_rtt_ns(length_km: float) -> float:
    """The round trip over so much fibre.

    >>> fibre_rtt_ns(775)  # Guiyang to Guangzhou, as the crow flies
    7590350
    """
    return 2 * length_km * FIBRE_NS_PER_KM
