"""The packets that round trips are measured with, as an emulated wire carries them: slow links feel them."""

from __future__ import annotations

from benchkit.clock import NS_PER_S
from benchkit.emulators.wiring import WIRE_OVERHEAD
from benchkit.errors import AskedWronglyError
from benchkit.model.place import PathModel
from benchkit.model.stamp_options import BASE_OCTETS
from benchkit.model.target import Plan, Target
from benchkit.units import show_bit_rate, show_duration, show_figure

BITS_PER_OCTET = 8
UDP_IPV4_OCTETS, ETHERNET_OCTETS = 28, 14
# Whose first answer takes a second round trip.
HANDSHAKES = {"http", "http-fresh", "http-load", "request", "workload"}
WIRE_OCTETS = BASE_OCTETS + UDP_IPV4_OCTETS + ETHERNET_OCTETS + WIRE_OVERHEAD


def transmission_ns(model: PathModel) -> int:
    """How long the path's rate takes for one, in one direction; 0 where it has none."""
    return round(WIRE_OCTETS * BITS_PER_OCTET * NS_PER_S / model.rate_bps) if model.rate_bps else 0


def check(target: Target) -> None:
    """See that round trips come back from every modelled path. Raises AskedWronglyError."""
    plan = target.plan
    for path in target.emulated:
        if path.model is not None and (why := _why_none_comes_back(path.model, plan)):
            raise AskedWronglyError(f"target {target.name}: {path.name} {why}")


def _why_none_comes_back(model: PathModel, plan: Plan) -> str | None:
    if max(model.forward.mean_loss, model.backward.mean_loss) >= 1:
        return "loses every packet: give its model less loss, there is nothing to measure"
    what, times = (
        ("a connection and a request take", 2) if HANDSHAKES & {*plan.probes} else ("it takes", 1)
    )
    if times * model.rtt_ns >= plan.timeout_ns:
        return (
            f"is too long for the plan's `timeout`: {what} {show_duration(times * model.rtt_ns)}, and what is later than "
            f"{show_duration(plan.timeout_ns)} counts as lost: give it a longer one"
        )
    fits = NS_PER_S / taken if (taken := transmission_ns(model)) else plan.rate_per_s
    if "rtt" in plan.probes and plan.rate_per_s > fits:
        return (
            f"is filled by {show_figure(plan.rate_per_s)} round trips a second, of which its {show_bit_rate(model.rate_bps or 0)} carry "
            f"{show_figure(int(fits))}: ask for fewer with --rate, or `rate` of the plan"
        )
    return None
