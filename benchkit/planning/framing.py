"""What of each packet is data, and how long it takes onto the wire."""

from __future__ import annotations

from dataclasses import dataclass

# Preamble and start 8, header 14, checksum 4, gap 12 (IEEE 802.3).
ETHERNET_OCTETS = 38
HEADER_OCTETS = 40
TIMESTAMP_OCTETS = 12


@dataclass(frozen=True, slots=True)
class Framing:
    """Octets around the data of full-sized packets. Rates count every bit on the wire.

    RFC 6349 section 4.1.1 has no timestamps; Linux sends them (RFC 7323).
    """

    mtu: int = 1500
    link_octets: int = ETHERNET_OCTETS
    timestamps: bool = True

    @property
    def segment_octets(self) -> int:
        """The data of one packet."""
        return self.mtu - HEADER_OCTETS - (TIMESTAMP_OCTETS if self.timestamps else 0)

    @property
    def wire_octets(self) -> int:
        """What one packet takes of the wire."""
        return self.mtu + self.link_octets

    @property
    def share(self) -> float:
        """The data as a share of the wire."""
        return self.segment_octets / self.wire_octets

    def frames_per_second(self, rate_bps: float) -> float:
        """Full packets per second at a line rate (RFC 6349 section 4.1.1)."""
        return rate_bps / (self.wire_octets * 8)

    def goodput_bps(self, rate_bps: float) -> float:
        """The most data per second that the line can carry, in bit/s (RFC 6349 section 4.1.1)."""
        return self.frames_per_second(rate_bps) * self.segment_octets * 8

    def serialization_s(self, rate_bps: float) -> float:
        """Seconds that one packet takes onto the wire."""
        return self.wire_octets * 8 / rate_bps
