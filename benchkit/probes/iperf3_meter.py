"""Counts of running flows, every 100 ms on one time base: goodput, TCP_INFO, and totals without what is omitted."""

from __future__ import annotations

import resource
from collections.abc import Sequence
from typing import NamedTuple

from benchkit.clock import NS_PER_MS, NS_PER_S, monotonic_ns
from benchkit.linux import tcp
from benchkit.model.samples import GOODPUT_COLUMNS, Samples, tabulated
from benchkit.probes.iperf3_flow import Flow
from benchkit.probes.iperf3_results import Cpu, Results, StreamResult

INTERVAL_NS = 100 * NS_PER_MS
INFO_COLUMNS = ("stream", "at_ns", *tcp.TcpInfo._fields)
TOTAL_COLUMNS = (
    "stream",
    "up",  # 1 from the client to the server
    "sent_octets",
    "received_octets",
    "retransmits",  # absent where the sender does not know
    "packets",
    "lost",
    "jitter_ns",
    "duration_ns",  # on the receiver's clock
)


class Count(NamedTuple):
    """One flow at one time. `arrived` is what the far end's kernel has acknowledged, where we send by TCP."""

    octets: int
    arrived: int
    retransmits: int
    packets: int
    lost: int


def count(flow: Flow) -> Count:
    """Read a flow's counts."""
    if flow.udp:
        packets = flow.packets if flow.sends else flow.arrivals.highest
        return Count(flow.octets, flow.octets, -1, packets, flow.arrivals.lost)
    if not flow.sends:
        return Count(flow.octets, flow.octets, -1, 0, 0)
    retransmits = tcp.info(flow.connection).retransmits
    return Count(flow.octets, tcp.acknowledged(flow.connection), retransmits, 0, 0)


class FlowMeter:
    """The counts of all flows of a test."""

    def __init__(self, flows: Sequence[Flow]) -> None:
        """Start to count now."""
        self._flows = flows
        self._usage = resource.getrusage(resource.RUSAGE_SELF)
        self._wall_ns = monotonic_ns()
        self.begin()

    def begin(self) -> None:
        """Count from now on: what came before is omitted."""
        now = monotonic_ns()
        self.begun_ns = self.ended_ns = now
        self._first = [count(flow) for flow in self._flows]
        self._last = self._first
        self._rows: dict[bool, list[tuple[int, int, int]]] = {True: [], False: []}
        self._info: list[tuple[int, ...]] = []

    def tick(self) -> int:
        """Add what has come since the last; return how many octets that were, in all flows."""
        now = monotonic_ns()
        counts = [count(flow) for flow in self._flows]
        moved = {True: 0, False: 0}
        for flow, before, after in zip(self._flows, self._last, counts, strict=True):
            moved[flow.sends] += after.arrived - before.arrived
            if flow.sends and not flow.udp:
                self._info.append((flow.number, now, *tcp.info(flow.connection)))
        for sends, octets in moved.items():
            if now > self.ended_ns:
                self._rows[sends].append((self.ended_ns, now, octets))
        self._last, self.ended_ns = counts, now
        return sum(moved.values())

    def catch_up(self) -> int:
        """Add what was read after the end to the last interval, whose length stays; return how many octets."""
        counts = [count(flow) for flow in self._flows]
        more = 0
        for flow, before, after in zip(self._flows, self._last, counts, strict=True):
            rows = self._rows[flow.sends]
            octets = after.arrived - before.arrived
            if not flow.sends and rows:
                start, end, known = rows[-1]
                rows[-1] = (start, end, known + octets)
                more += octets
        self._last = counts
        return more

    def results(self, congestion: str) -> Results:
        """What this end tells the other."""
        streams = tuple(
            self._result(flow, first, last)
            for flow, first, last in zip(self._flows, self._first, self._last, strict=True)
        )
        knows = any(flow.sends and not flow.udp for flow in self._flows)
        sends = any(flow.sends for flow in self._flows)
        return Results(streams, self._cpu(), int(knows) if sends else -1, congestion)

    def _result(self, flow: Flow, first: Count, last: Count) -> StreamResult:
        # What a sender gave to the kernel counts to the end, for that is what the receiver may get.
        octets = flow.octets if flow.sends else last.octets
        return StreamResult(
            number=flow.number,
            octets=octets - first.octets,
            retransmits=last.retransmits - first.retransmits if flow.sends and not flow.udp else -1,
            jitter_s=flow.arrivals.jitter_ns / NS_PER_S,
            lost=last.lost,
            packets=flow.packets if flow.sends else last.packets,
            omitted_lost=min(first.lost, last.lost),
            omitted_packets=first.packets,
            seconds=(self.ended_ns - self.begun_ns) / NS_PER_S,
        )

    def _cpu(self) -> Cpu:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        wall_s = max(1, monotonic_ns() - self._wall_ns) / NS_PER_S
        user = usage.ru_utime - self._usage.ru_utime
        system = usage.ru_stime - self._usage.ru_stime
        return Cpu(100 * user / wall_s, 100 * system / wall_s)

    def goodput(self, path: str, phase: str, *, sends: bool) -> Samples:
        """The octets of each interval that arrived here, or over there by its kernel's acknowledgements."""
        return tabulated("goodput", path, phase, GOODPUT_COLUMNS, self._rows[sends], hole=-1)

    def tcp_info(self, path: str, phase: str) -> Samples:
        """What our kernel knew of each TCP stream that we sent."""
        return tabulated("tcp_info", path, phase, INFO_COLUMNS, self._info, hole=-1)
