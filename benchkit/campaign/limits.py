"""What limited a bulk stream, in words, from what both ends' kernels counted."""

from __future__ import annotations

import math
from collections.abc import Iterator

from benchkit.campaign.evidence import Evidence
from benchkit.model.place import PathModel
from benchkit.planning.framing import Framing
from benchkit.planning.window import least_window_octets

NEARLY = 0.95
# A figure so much above what headers leave of the rate is said to be: it is not known more exactly than its interval.
BEYOND = 1.001
MOSTLY = 0.3
# A thread that is on a processor for so much of its time can do no more.
WHOLLY = 0.9
HALF = 0.5
# A queue that stands is a round trip so much beyond the least, and no less than this.
QUEUED, QUEUED_US = 1.25, 1000.0
KIB = 1024


def limited_by(
    goodput_mbps: float, model: PathModel | None, found: Evidence | None, *, drops: int
) -> str:
    """Name the first that the evidence shows: the emulator, the rate, a processor, a window, a buffer, the queue, loss."""
    if drops:
        return "emulator"
    rate = model.rate_bps if model else None
    most_mbps = Framing(model.mtu).goodput_bps(rate) / 1e6 if model and rate else math.inf
    if goodput_mbps > BEYOND * most_mbps:
        return f"rate, which leaves at most {most_mbps:.4g} Mbit/s"
    if goodput_mbps >= NEARLY * most_mbps:
        return "rate"
    if found is None:
        return "unknown"
    return next(_shown(found, model))


def _shown(found: Evidence, model: PathModel | None) -> Iterator[str]:
    if (found.sender_cpu or 0) >= WHOLLY:
        yield "sender CPU"
    if (found.receiver_cpu or 0) >= WHOLLY:
        yield "receiver CPU"
    if found.receive_window > MOSTLY:
        yield f"receive window{_beside(found.offered_octets, '', found, model)}"
    if found.send_buffer > MOSTLY:
        yield f"send buffer{_beside(found.window_octets, ' under way', found, model)}"
    if (found.application or 0) > HALF or found.busy < HALF:
        # Nothing was queued: for want of a processor, where the sender kept asking for one.
        yield "sender CPU" if (found.sender_cpu or 0) > HALF else "application"
    queue_us = _queue_us(found)
    if queue_us and not (model and model.rate_bps):
        yield f"the bottleneck, with {queue_us / 1000:.3g} ms of queue before it"
    yield "congestion window, after losses" if found.lost else "congestion window, still growing"


def _beside(octets: float | None, what: str, found: Evidence, model: PathModel | None) -> str:
    """How large it was, and how large the path needs it to be, as far as both are known."""
    if not octets:
        return ""
    said = f", {octets / KIB:.0f} KiB{what}"
    if model and model.rate_bps:
        rtt_ns = max(model.rtt_ns, 0) or (found.least_rtt_us or 0) * 1000
        needed = least_window_octets(model.rate_bps, rtt_ns)
        said += f" where the path needs {needed / KIB:.0f} KiB"
    return said


def _queue_us(found: Evidence) -> float:
    """How long a queue stood before the narrowest place, 0 for none."""
    if found.rtt_us is None or not found.least_rtt_us:
        return 0.0
    queue = found.rtt_us - found.least_rtt_us
    stands = found.rtt_us >= QUEUED * found.least_rtt_us and queue >= QUEUED_US
    return queue if stands else 0.0
