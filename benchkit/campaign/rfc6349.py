"""The figures of RFC 6349 for one direction of bulk TCP, as details of its goodput."""

from __future__ import annotations

import numpy as np

from benchkit.campaign.evidence import Evidence
from benchkit.clock import NS_PER_S, NS_PER_US
from benchkit.model.place import PathModel
from benchkit.model.samples import Samples
from benchkit.planning.framing import Framing
from benchkit.planning.window import bdp_bits, least_window_octets


def rfc6349(
    goodput: Samples, found: Evidence, model: PathModel | None, baseline_ns: float | None
) -> dict[str, float]:
    """BDP, the window that it needs (section 3.3.1), transfer time ratio, TCP efficiency and buffer delay (4.1 to 4.3).

    Each as far as it is known, under a name that ends with its unit. `baseline_ns` is the round trip of the idle path,
    without it TCP's own least. Where no rate is configured, BDP is that of the rate that was reached, and there is no
    ideal time to compare with.
    """
    baseline = baseline_ns or (found.least_rtt_us or 0) * NS_PER_US
    told: dict[str, float] = {}
    rate = model.rate_bps if model else None
    if baseline:
        bits = rate or _reached_bps(goodput)
        told["bdp_mbit"] = bdp_bits(bits, baseline) / 1e6
        told["window_needed_octets"] = round(least_window_octets(bits, baseline))
    if found.window_octets is not None:
        told["window_octets"] = round(found.window_octets)
    if model and rate:
        told["transfer_time_ratio"] = _transfer_time_ratio(goodput, rate, model.mtu)
    if found.sent_octets:
        kept = found.sent_octets - found.resent_octets
        told["tcp_efficiency_percent"] = 100 * kept / found.sent_octets
    if baseline and found.rtt_us is not None:
        told["buffer_delay_percent"] = 100 * (found.rtt_us * NS_PER_US - baseline) / baseline
    return told


def _transfer_time_ratio(goodput: Samples, rate_bps: float, mtu: int) -> float:
    """How long it took, ramp and all, over how long the line needs for as much (section 4.1)."""
    octets, lasted_s = _moved(goodput)
    ideal_s = octets * 8 / Framing(mtu=mtu).goodput_bps(rate_bps)
    return lasted_s / ideal_s if ideal_s else 0.0


def _reached_bps(goodput: Samples) -> float:
    octets, lasted_s = _moved(goodput)
    return octets * 8 / lasted_s


def _moved(goodput: Samples) -> tuple[float, float]:
    start, end, octets = (
        np.ma.getdata(goodput.columns[name]) for name in ("start_ns", "end_ns", "octets")
    )
    return float(octets.sum()), float(end[-1] - start[0]) / NS_PER_S
