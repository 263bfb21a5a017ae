"""How long given data sets take: ideally, at the line's full goodput, and as predicted."""

from __future__ import annotations

from dataclasses import dataclass

from benchkit.planning.ramp import slow_start_rounds, slow_start_segments

CHECKPOINT_EVERY_S = 600.0
MODEL_OCTETS = 140e9
DATA_SETS = (
    ("a 140 GB model", MODEL_OCTETS),
    ("1 TB", 1e12),
    ("1 PB", 1e15),
)


def ideal_s(octets: float, goodput_bps: float) -> float:
    """Seconds: size x 8 over the most that the line can carry (RFC 6349 section 4.1.2).

    >>> ideal_s(1e12, 400e9)
    20.0
    """
    return octets * 8 / goodput_bps


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one transfer over so many streams is expected to do: rate of data in bit/s, and what bounds it."""

    rate_bps: float
    limited_by: str
    streams: int
    rtt_s: float
    segment_octets: int

    def seconds(self, octets: float) -> float:
        """How long so many take: a handshake, slow start up to the window of this rate (RFC 6928), the rest at it."""
        window = self.rate_bps * self.rtt_s / (8 * self.segment_octets * self.streams)
        ramped = self.streams * slow_start_segments(window) * self.segment_octets
        ramp_s = (1 + slow_start_rounds(window)) * self.rtt_s
        return ramp_s + max(0.0, octets - ramped) * 8 / self.rate_bps
