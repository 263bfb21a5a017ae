"""How large the ring of a device is: frames as long as its super-packets, as many as its share of memory holds."""

from __future__ import annotations

# Ethernet, IP and TCP headers before a super-packet's payload.
HEADERS = 128
PAGE = 4096
MOST_SLOTS = 4096


def ring_size(super_packet: int, room: int) -> tuple[int, int]:
    """The octets of a frame, and how many fit into `room` octets, each on pages of its own."""
    frame = super_packet + HEADERS
    return frame, min(MOST_SLOTS, room // (-(-frame // PAGE) * PAGE))
