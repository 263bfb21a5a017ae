"""What both ends of an iperf3 test do alike: count while it runs, and put together what both have counted."""

from __future__ import annotations

import select
from collections.abc import Iterable, Sequence

from benchkit.clock import NS_PER_MS, NS_PER_S, monotonic_ns
from benchkit.model.samples import Samples, tabulated
from benchkit.probes.iperf3_flow import Flow
from benchkit.probes.iperf3_meter import INTERVAL_NS, TOTAL_COLUMNS, FlowMeter
from benchkit.probes.iperf3_results import Results, StreamResult
from benchkit.probes.iperf3_wire import Control, State
from benchkit.probes.talk import TalkError

LAST_CALL_S = 0.05


def stream_number(at: int) -> int:
    """The number of the stream opened as the n-th, from 0: 1, 3, 4, 5 and so on, as iperf3 has counted ever since."""
    return at + 2 if at else 1


def watch(
    control: Control, meter: FlowMeter, *, omit_ns: int, lasts_ns: int, silence_ns: int
) -> State | None:
    """Count until the time is over, or until the other end says something; return that.

    Raises TalkError when it hangs up, or when nothing has moved for `silence_ns`.
    """
    poller = select.poll()
    poller.register(control, select.POLLIN)
    began = moved_ns = monotonic_ns()
    counts_ns, end_ns = began + omit_ns, began + omit_ns + lasts_ns
    omitting = omit_ns > 0
    edge = began + INTERVAL_NS
    while True:
        next_ns = min(edge, end_ns, counts_ns) if omitting else min(edge, end_ns)
        said = poller.poll(max(0, next_ns - monotonic_ns()) / NS_PER_MS)
        now = monotonic_ns()
        if said or now >= edge or now >= end_ns:
            moved_ns = now if meter.tick() else moved_ns
            edge = now + INTERVAL_NS
        if said:
            return control.read_state()
        if now >= end_ns:
            return None
        if omitting and now >= counts_ns:
            meter.begin()
            omitting, edge = False, now + INTERVAL_NS
        if now - moved_ns > silence_ns:
            raise TalkError(f"no data moved for {silence_ns // NS_PER_S} s")


def end_senders(flows: Sequence[Flow]) -> None:
    """Have every flow that sends end, and know all that it has sent."""
    senders = [flow for flow in flows if flow.sends]
    for flow in senders:
        flow.end()
    for flow in senders:
        flow.await_end(LAST_CALL_S)


def totals(
    path: str, phase: str, flows: Iterable[tuple[Flow, bool]], ours: Results, theirs: Results
) -> Samples:
    """A row for each stream, put together from both ends; `flows` each with whether it goes up.

    Raises TalkError where they speak of other streams.
    """
    here = {each.number: each for each in ours.streams}
    there = {each.number: each for each in theirs.streams}
    if here.keys() != there.keys():
        raise TalkError(f"it sent results of streams {sorted(there)}, there were {sorted(here)}")
    rows = []
    for flow, up in flows:
        pair = here[flow.number], there[flow.number]
        sender, receiver = pair if flow.sends else reversed(pair)
        rows.append((flow.number, int(up), *_total(sender, receiver, udp=flow.udp)))
    return tabulated("iperf3", path, phase, TOTAL_COLUMNS, rows, hole=-1)


def _total(sender: StreamResult, receiver: StreamResult, *, udp: bool) -> tuple[int, ...]:
    packets = receiver.packets - receiver.omitted_packets if udp else -1
    lost = receiver.lost - receiver.omitted_lost if udp else -1
    return (
        sender.octets,
        receiver.octets,
        max(-1, sender.retransmits),
        packets,
        min(lost, packets),
        round(receiver.jitter_s * NS_PER_S) if udp else -1,
        round(receiver.seconds * NS_PER_S),
    )
