"""What limited a bulk stream, in words, from what its sender's kernel counted."""

from __future__ import annotations

from benchkit.model.place import PathModel
from benchkit.model.samples import Samples

# Headers of IPv4 and of TCP with timestamps; header, preamble, checksum and gap of an Ethernet frame.
INNER_OCTETS, OUTER_OCTETS = 52, 38
NEARLY = 0.95
MOSTLY = 0.3


def payload_share(mtu: int) -> float:
    """The share of a wire's rate that full TCP segments leave to their payload."""
    return (mtu - INNER_OCTETS) / (mtu + OUTER_OCTETS)


def limited_by(
    goodput_mbps: float, model: PathModel | None, info: Samples | None, *, drops: int
) -> str:
    """Name the first that the evidence shows: the emulator, the rate, a window, a buffer, loss, the sender."""
    if drops:
        return "emulator"
    rate = model.rate_bps if model else None
    if model and rate and goodput_mbps * 1e6 >= NEARLY * payload_share(model.mtu) * rate:
        return "rate"
    if info is None or len(info) == 0:
        return "unknown"
    return _window({name: int(values[-1]) for name, values in info.columns.items()})


def _window(last: dict[str, int]) -> str:
    """Which window, by the last TCP_INFO of the sender."""
    busy = max(1, last["busy_us"])
    if last["receive_window_limited_us"] > MOSTLY * busy:
        return "receive window"
    if last["send_buffer_limited_us"] > MOSTLY * busy:
        return "send buffer"
    grown = "after losses" if last["retransmits"] else "still growing"
    return f"congestion window, {grown}"
