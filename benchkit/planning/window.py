"""Bandwidth-delay product and windows (RFC 6349 section 3.3.1), and what Linux makes of its sysctls."""

from __future__ import annotations

import math
from dataclasses import dataclass

NS_PER_S = 1e9


def bdp_bits(rate_bps: float, rtt_ns: float) -> float:
    """Bits under way on a full path: rate x RTT.

    >>> bdp_bits(400e9, 10e6)  # 400 Gbit/s, 10 ms
    4000000000.0
    """
    return rate_bps * rtt_ns / NS_PER_S


def least_window_octets(rate_bps: float, rtt_ns: float) -> float:
    """The smallest window that fills the path: BDP / 8.

    >>> least_window_octets(400e9, 10e6)
    500000000.0
    """
    return bdp_bits(rate_bps, rtt_ns) / 8


def window_rate_bps(window_octets: float, rtt_ns: float) -> float:
    """What a window allows: window x 8 / RTT.

    >>> window_rate_bps(65_535, 10e6)  # what no scaled window allows over 10 ms
    52428000.0
    """
    return window_octets * 8 * NS_PER_S / rtt_ns


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """The third values of tcp_rmem and tcp_wmem in octets, tcp_adv_win_scale, and who says so."""

    receive_octets: int
    send_octets: int
    window_scale: int = 1
    origin: str = "given"

    @property
    def receive_share(self) -> float:
        """What of the receive buffer is window: 1 - 2^-scale, or 2^scale where scale is not above 0."""
        scale = self.window_scale
        return 1 - 2.0**-scale if scale > 0 else 2.0**scale

    @property
    def window_octets(self) -> float:
        """The largest window of one stream: what both ends' buffers allow."""
        return min(self.receive_octets * self.receive_share, self.send_octets / 2)

    def streams_for(self, window_octets: float) -> int:
        """How many streams it takes to have a window of that size together."""
        return max(1, math.ceil(window_octets / self.window_octets))

    def buffers_for(self, window_octets: float) -> tuple[float, float]:
        """The receive and send buffers, in octets, that let one stream have this window."""
        return window_octets / self.receive_share, 2 * window_octets
