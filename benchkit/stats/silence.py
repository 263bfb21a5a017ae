"""A far end that answered, and then to the end did not: what was lost from then on tells nothing of the path."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from benchkit.model.samples import Samples
from benchkit.units import show_count

NS_PER_S = 1_000_000_000
LEAST_PACKETS, LEAST_NS = 20, 2 * NS_PER_S
# A path with holes of its own may end in one: the last is to be so many times as long as the longest before it.
TIMES = 2


@dataclass(frozen=True)
class Silence:
    """So many packets in a row without an answer, to the last that was due.

    `answered` is how many were due before, `since_ns` when the last answer came, on CLOCK_REALTIME; None where no kernel
    stamped it.
    """

    packets: int
    answered: int
    lasted_ns: int
    since_ns: int | None

    def words(self) -> str:
        """What was heard of the far end, and what was not, for a person."""
        lost = f"none of {show_count(self.packets, 'packet')} in the {self.lasted_ns / NS_PER_S:.1f} s after that"
        if self.since_ns is None:
            return f"it answered among the first {self.answered}, and {lost}"
        when = datetime.fromtimestamp(self.since_ns // NS_PER_S, UTC)
        return f"it answered until {when:%H:%M:%S} UTC, and {lost}"


def silence(rows: Samples) -> Silence | None:
    """The silence in which packets or requests that left end; None where it is none, or too short to tell.

    >>> from benchkit.model.samples import column
    >>> due = np.arange(100) * NS_PER_S // 10
    >>> times = {"due_ns": column(due), "received_ns": column(due, due >= 6 * NS_PER_S)}
    >>> silence(Samples("rtt", "a-b", "idle", times))
    Silence(packets=40, answered=60, lasted_ns=4000000000, since_ns=None)
    """
    due = np.ma.getdata(rows.columns["due_ns"])
    order = np.argsort(due, kind="stable")  # requests come as they are answered
    answered = np.flatnonzero(~np.ma.getmaskarray(rows.columns["received_ns"])[order])
    if not len(answered):
        return None
    last = int(answered[-1])
    packets, lasted_ns = len(order) - 1 - last, int(due[order[-1]] - due[order[last]])
    longest_before = int(np.diff(answered, prepend=-1).max()) - 1
    if packets < max(LEAST_PACKETS, TIMES * longest_before) or lasted_ns < LEAST_NS:
        return None
    return Silence(packets, last + 1, lasted_ns, _stamp(rows, int(order[last])))


def _stamp(rows: Samples, at: int) -> int | None:
    stamps = rows.columns.get("t4_ns")
    if stamps is None or np.ma.getmaskarray(stamps)[at]:
        return None
    return int(np.ma.getdata(stamps)[at])
