"""Counts of running flows every 100 ms, at one end: what arrived, what was sent, and what the sender's kernel knew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchkit.clock import NS_PER_MS, monotonic_ns
from benchkit.linux import tcp
from benchkit.model.samples import GOODPUT_COLUMNS, Samples, tabulated
from benchkit.probes.data_thread import DataThread
from benchkit.probes.talk import TalkError

INTERVAL_NS = 100 * NS_PER_MS
RECEIVED_COLUMNS = (*GOODPUT_COLUMNS, "cpu_ns")
INFO_COLUMNS = ("stream", "at_ns", *tcp.TcpInfo._fields, "given_octets", "cpu_ns")
# A time by the other end's clock, which is still one of 64 bits when it is put on ours.
LATEST_NS = 2**62
Rows = list[tuple[int, ...]]


@dataclass
class Counts:
    """What one end has counted: a row for each interval, and a row for each sending flow at each time."""

    received: Rows = field(default_factory=list)
    sent: Rows = field(default_factory=list)

    @property
    def moved(self) -> int:
        """A number that grows as long as anything moves."""
        acknowledged = INFO_COLUMNS.index("acknowledged")
        return sum(row[2] for row in self.received) + sum(row[acknowledged] for row in self.sent)

    def extend(self, other: Counts) -> None:
        """Add what came later."""
        self.received += other.received
        self.sent += other.sent

    def shifted(self, by_ns: int) -> Counts:
        """The same on another clock."""
        return Counts(
            [(start + by_ns, end + by_ns, *rest) for start, end, *rest in self.received],
            [(stream, at + by_ns, *rest) for stream, at, *rest in self.sent],
        )

    def encoded(self) -> dict[str, Rows]:
        """As plain values."""
        return {"received": self.received, "sent": self.sent}

    def goodput(self, path: str, phase: str) -> list[Samples]:
        """What arrived, as columns; nothing where nothing was to arrive."""
        if not self.received:
            return []
        rows = without_stubs(self.received)
        return [tabulated("goodput", path, phase, RECEIVED_COLUMNS, rows)]

    def tcp_info(self, path: str, phase: str) -> list[Samples]:
        """What the sender's kernel knew, as columns; nothing where nothing was sent."""
        return [tabulated("tcp_info", path, phase, INFO_COLUMNS, self.sent)] if self.sent else []


def rate_of(path: str, phase: str, rows: Rows) -> Samples:
    """What arrived in some intervals, for whoever watches; it comes again with the goodput."""
    return tabulated(
        "rate", path, phase, GOODPUT_COLUMNS, [row[: len(GOODPUT_COLUMNS)] for row in rows]
    )


def counts_of(words: Mapping[str, Any]) -> Counts:
    """Read the counts of the other end. Raises TalkError."""
    received = _rows(words.get("received"), len(RECEIVED_COLUMNS))
    sent = _rows(words.get("sent"), len(INFO_COLUMNS))
    if any(start >= end or min(counted) < 0 for start, end, *counted in received):
        raise TalkError("it sent counts of an interval without a length, or below zero")
    times = [at for start, end, *_ in received for at in (start, end)] + [at for _, at, *_ in sent]
    if not all(0 <= at < LATEST_NS for at in times):
        raise TalkError("it sent counts of a time that no clock tells")
    return Counts(received, sent)


def _rows(found: object, length: int) -> Rows:
    if not isinstance(found, list):
        raise TalkError("it sent counts that are no rows")
    for row in found:
        if not isinstance(row, list) or len(row) != length:
            raise TalkError("it sent counts of another shape: both ends must be of one version")
        if not all(isinstance(value, int) and abs(value) < 2**63 for value in row):
            raise TalkError("it sent counts that are no numbers")
    return [tuple(row) for row in found]


class StreamMeter:
    """The counts of all flows of a test at this end."""

    def __init__(self, flows: Sequence[DataThread]) -> None:
        """Start to count now."""
        self._flows = flows
        self._at_ns = monotonic_ns()
        self._octets = 0
        self._cpu_ns = 0

    @property
    def due_ns(self) -> int:
        """When the interval is over."""
        return self._at_ns + INTERVAL_NS

    def tick(self) -> Counts:
        """What has come since the last."""
        now = monotonic_ns()
        receiving = [flow for flow in self._flows if not flow.sends]
        if receiving and all(flow.ended for flow in receiving):
            now = max(flow.ended_ns for flow in receiving)
        octets = sum(flow.octets for flow in receiving)
        cpu_ns = sum(flow.cpu_ns() for flow in receiving)
        found = Counts()
        if receiving and now > self._at_ns:
            interval = (self._at_ns, now, octets - self._octets, max(0, cpu_ns - self._cpu_ns))
            found.received.append(interval)
        rows = [flow.info() for flow in self._flows if flow.sends]
        found.sent += [row for row in rows if row]
        self._at_ns, self._octets, self._cpu_ns = now, octets, cpu_ns
        return found


def without_stubs(rows: Rows) -> Rows:
    """The first interval begins and the last ends with the data: one shorter than half joins its neighbour."""
    first, *after = rows
    while after and first[1] - first[0] < INTERVAL_NS // 2:
        second, *after = after
        first = _joined(first, second)
    *before, last = [first, *after]
    while before and last[1] - last[0] < INTERVAL_NS // 2:
        *before, earlier = before
        last = _joined(earlier, last)
    return [*before, last]


def _joined(one: tuple[int, ...], next_one: tuple[int, ...]) -> tuple[int, ...]:
    return (one[0], next_one[1], one[2] + next_one[2], one[3] + next_one[3])
