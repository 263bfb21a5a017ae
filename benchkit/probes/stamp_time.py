"""Time on the wire of STAMP: NTP's 64 bits, PTPv2's truncated 64 bits, and the error estimate beside them.

NTP is 32 bits of seconds since 1900 and 32 of fraction; PTP is 32 bits of seconds since 1970 in atomic time
(TAI) and 32 of nanoseconds. The error estimate's 16 bits (RFC 4656 section 4.1.2, RFC 8762 section 4.2.1): S, the
clock is synchronised to UTC; Z, the stamp is PTP's; 6 bits of scale, 8 of multiplier, error = multiplier x
2^(scale - 32) seconds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchkit.clock import NS_PER_S

Integers = NDArray[np.int64]

NTP_EPOCH_S = 2_208_988_800
ERA_S = 1 << 32
# TAI less UTC since 2017; no leap second has been announced since.
TAI_UTC_S = 37
SYNCHRONISED, PTP = 0x8000, 0x4000
LARGEST_MULTIPLIER = 0xFF
LARGEST_SCALE = 0x3F


class WireTime(NamedTuple):
    """A moment as it stands in a packet: two words, and the error estimate that says what they mean."""

    high: int
    low: int
    error_estimate: int


class ErrorEstimate(NamedTuple):
    """What a far end says of its clock. An `error_ns` of 0 is none that RFC 4656 allows."""

    synchronised: bool
    ptp: bool
    error_ns: int


def to_ntp(realtime_ns: int) -> tuple[int, int]:
    """Nanoseconds since 1970 as NTP seconds and fraction, the fraction to the nearest unit."""
    units = (((realtime_ns % NS_PER_S) << 32) + NS_PER_S // 2) // NS_PER_S
    seconds = realtime_ns // NS_PER_S + NTP_EPOCH_S + (units >> 32)
    return seconds % ERA_S, units & 0xFFFFFFFF


def from_ntp(seconds: int, fraction: int, near_ns: int) -> int:
    """NTP time as nanoseconds since 1970, in the era (2036 and on) that is nearest to `near_ns`."""
    whole = _nearest_s(seconds - NTP_EPOCH_S, near_ns)
    return whole * NS_PER_S + ((fraction * NS_PER_S + (1 << 31)) >> 32)


def ntp_words(realtime_ns: Integers) -> tuple[Integers, Integers]:
    """`to_ntp` of many moments at once.

    In ns since 1970, of shape (n,); both words of shape (n,) too.
    """
    units = (((realtime_ns % NS_PER_S) << 32) + NS_PER_S // 2) // NS_PER_S
    seconds = realtime_ns // NS_PER_S + NTP_EPOCH_S + (units >> 32)
    return seconds % ERA_S, units & 0xFFFFFFFF


def ntp_times(seconds: Integers, fraction: Integers, near_ns: int | Integers) -> Integers:
    """`from_ntp` of many moments at once.

    Words and answer of shape (n,).
    """
    whole = seconds - NTP_EPOCH_S
    whole = whole + np.rint((near_ns // NS_PER_S - whole) / ERA_S).astype(np.int64) * ERA_S
    found: Integers = whole * NS_PER_S + ((fraction * NS_PER_S + (1 << 31)) >> 32)
    return found


def to_ptp(realtime_ns: int) -> tuple[int, int]:
    """Nanoseconds since 1970 in UTC as PTP seconds and nanoseconds."""
    seconds, nanoseconds = divmod(realtime_ns, NS_PER_S)
    return (seconds + TAI_UTC_S) % ERA_S, nanoseconds


def from_ptp(seconds: int, nanoseconds: int, near_ns: int) -> int:
    """PTP time as nanoseconds since 1970 in UTC.

    Some far ends count from 1900, and some in UTC: of the three readings, the one nearest to `near_ns`.
    """
    readings = (
        _nearest_s(seconds - epoch_s, near_ns) * NS_PER_S + nanoseconds
        for epoch_s in (TAI_UTC_S, 0, NTP_EPOCH_S)
    )
    return min(readings, key=lambda reading: abs(reading - near_ns))


def _nearest_s(seconds: int, near_ns: int) -> int:
    """`seconds`, which are known but for whole eras, in the era nearest to `near_ns`."""
    off = near_ns // NS_PER_S - seconds
    if -ERA_S // 2 < off < ERA_S // 2:  # as it is for decades on end
        return seconds
    return seconds + round(off / ERA_S) * ERA_S


def wire_time(realtime_ns: int, error_estimate: int) -> WireTime:
    """A moment in the format that the error estimate's Z names."""
    words = to_ptp(realtime_ns) if error_estimate & PTP else to_ntp(realtime_ns)
    return WireTime(*words, error_estimate)


def from_wire(high: int, low: int, error_estimate: int, near_ns: int) -> int:
    """A moment in nanoseconds since 1970, read in the format that the error estimate's Z names."""
    if error_estimate & PTP:
        return from_ptp(high, low, near_ns)
    return from_ntp(high, low, near_ns)


def pack_error_estimate(error_ns: int, *, synchronised: bool, ptp: bool = False) -> int:
    """The 16 bits: the least scale with which the error, rounded up, fits the multiplier."""
    units = max(1, -(-(error_ns << 32) // NS_PER_S))
    scale = max(0, units.bit_length() - LARGEST_MULTIPLIER.bit_length())
    multiplier = -(-units >> scale)
    if multiplier > LARGEST_MULTIPLIER:
        scale, multiplier = scale + 1, (multiplier + 1) // 2
    if scale > LARGEST_SCALE:
        scale, multiplier = LARGEST_SCALE, LARGEST_MULTIPLIER
    return SYNCHRONISED * synchronised | PTP * ptp | scale << 8 | multiplier


def read_error_estimate(bits: int) -> ErrorEstimate:
    """What the 16 bits say."""
    units = (bits & LARGEST_MULTIPLIER) << (bits >> 8 & LARGEST_SCALE)
    return ErrorEstimate(bool(bits & SYNCHRONISED), bool(bits & PTP), (units * NS_PER_S) >> 32)
