"""STAMP's unauthenticated packets as columns (RFC 8762 sections 4.2.1 and 4.3.1, RFC 8972 for the SSID), times in NTP format."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchkit.clock import NS_PER_S
from benchkit.probes.stamp_time import ERA_S, NTP_EPOCH_S

OCTETS = 44
REQUEST = np.dtype(
    {
        "names": ["sequence", "time", "error_estimate", "ssid", "zeros"],
        "formats": [">u4", ">u8", ">u2", ">u2", "V28"],
        "offsets": [0, 4, 12, 14, 16],
        "itemsize": OCTETS,
    }
)
REPLY = np.dtype(
    {
        "names": [
            *("sequence", "t3", "error_estimate", "ssid", "t2"),
            *("sender_sequence", "sender_time", "sender_estimate", "ttl"),
        ],
        "formats": [">u4", ">u8", ">u2", ">u2", ">u8", ">u4", ">u8", ">u2", "u1"],
        "offsets": [0, 4, 12, 14, 16, 24, 28, 36, 40],
        "itemsize": OCTETS,
    }
)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = 1 << 31


def from_ntp_columns(times: NDArray[Any], near_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """64 bits of NTP time as nanoseconds since 1970, in the era that is nearest to `near_ns`.

    Of the shape of `times`.
    """
    words = times.astype(np.uint64)
    seconds = (words >> np.uint64(32)).astype(np.int64) - NTP_EPOCH_S
    off = near_ns // NS_PER_S - seconds
    seconds += np.round(off / ERA_S).astype(np.int64) * ERA_S
    fraction = (words & _LOW).astype(np.int64)
    return seconds * NS_PER_S + ((fraction * NS_PER_S + _HALF) >> 32)


def to_ntp_columns(realtime_ns: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Nanoseconds since 1970 as 64 bits of NTP time, the fraction to the nearest unit.

    Of the shape of what is given.
    """
    units = (((realtime_ns % NS_PER_S) << 32) + NS_PER_S // 2) // NS_PER_S
    seconds = (realtime_ns // NS_PER_S + NTP_EPOCH_S + (units >> 32)) % ERA_S
    return (seconds.astype(np.uint64) << np.uint64(32)) | (units.astype(np.uint64) & _LOW)
