"""STAMP's unauthenticated packets as columns (RFC 8762 sections 4.2.1 and 4.3.1, RFC 8972 for the SSID), times in NTP format."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchkit.model.stamp_options import BASE_OCTETS
from benchkit.probes.stamp_time import ntp_times, ntp_words

REQUEST = np.dtype(
    {
        "names": ["sequence", "time", "error_estimate", "ssid", "zeros"],
        "formats": [">u4", ">u8", ">u2", ">u2", "V28"],
        "offsets": [0, 4, 12, 14, 16],
        "itemsize": BASE_OCTETS,
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
        "itemsize": BASE_OCTETS,
    }
)
_WORD, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)


def from_ntp_columns(times: NDArray[Any], near_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """64 bits of NTP time as nanoseconds since 1970, in the era that is nearest to `near_ns`.

    Of the shape of `times`.
    """
    words = times.astype(np.uint64)
    seconds, fraction = (words >> _WORD).astype(np.int64), (words & _LOW).astype(np.int64)
    return ntp_times(seconds, fraction, near_ns)


def to_ntp_columns(realtime_ns: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Nanoseconds since 1970 as 64 bits of NTP time, the fraction to the nearest unit.

    Of the shape of what is given.
    """
    seconds, fraction = ntp_words(realtime_ns)
    return (seconds.astype(np.uint64) << _WORD) | fraction.astype(np.uint64)
