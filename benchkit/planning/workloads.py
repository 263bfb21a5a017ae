"""How long the workloads of a computing channel take on paper: what the line and its round trip allow, and no less."""

from __future__ import annotations

from benchkit.model.workload import Exchange, Workload
from benchkit.planning.framing import Framing
from benchkit.planning.transfers import Prediction, ideal_s


def transfer_s(workload: Workload, rate_bps: float, rtt_s: float, framing: Framing) -> float:
    """A data set over connections that are new, or one checkpoint over connections that have grown.

    A new one ramps by slow start. Each file costs its connection the round trip of the answer, in which only others
    can send.
    """
    goodput = framing.goodput_bps(rate_bps)
    if workload.kind == "checkpoint":
        return rtt_s + ideal_s(workload.octets, goodput)
    streams = workload.streams
    # The prediction's handshake has been, but the answer to the last file takes as long.
    whole = Prediction(goodput, "rate", streams, rtt_s, framing.segment_octets)
    answers_s = (-(-workload.files // streams) - 1) * rtt_s
    if streams == 1:
        return whole.seconds(workload.octets) + answers_s
    # One connection's own share of the work, one thing after another, while the others fill the line.
    chain_s = rtt_s + answers_s + ideal_s(workload.octets / streams, goodput)
    return max(whole.seconds(workload.octets), chain_s)


def exchange_s(exchange: Exchange, rate_bps: float, rtt_s: float, framing: Framing) -> float:
    """A request and its answer over a connection whose window has grown: a round trip, and all octets."""
    octets = exchange.request_octets + exchange.response_octets
    return rtt_s + ideal_s(octets, framing.goodput_bps(rate_bps))


def mean_exchange_s(workload: Workload, rate_bps: float, rtt_s: float, framing: Framing) -> float:
    """The mean over the mix."""
    shares = sum(each.share for each in workload.mix)
    return (
        sum(each.share * exchange_s(each, rate_bps, rtt_s, framing) for each in workload.mix)
        / shares
    )
