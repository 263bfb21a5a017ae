"""What becomes of the packets of one session: a row for each that was due, told as soon as it can no longer change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from benchkit.clock import NS_PER_MS, NS_PER_S, monotonic_ns
from benchkit.linux import pages
from benchkit.model.samples import (
    DUPLICATES,
    FAR_COPIES,
    FAR_SEQUENCE,
    HARDWARE_COLUMNS,
    Samples,
    column,
)
from benchkit.model.schedule import Schedule

# Where packets are few, so many rows or what a second brings come at once: a thousand slow sessions may share a process.
FEW_ROWS, FEW_ROWS_NS = 10, NS_PER_S
# A network card may tell when a packet left only after its answer has come.
STAMP_GRACE_NS = 50 * NS_PER_MS
# So many rows that were told are let go of at once: a run of hours takes no more memory than one of minutes.
LET_GO = 1 << 15
ARRIVALS = ("received_ns", "t4_ns", "t4_hardware_ns")
# What every row has whatever the protocol: those of the far end come with the codec.
NEAR_COLUMNS = ("sent_ns", "received_ns", "t1_sched_ns", "t1_ns", "t4_ns")
Integers = NDArray[np.int64]
# Arrays with a place for each packet, which nobody looks at once it is settled.
Kept = Sequence[NDArray[Any]]


class Session(Protocol):
    """When the packets of a session are due, and how long each may take. Times in nanoseconds."""

    @property
    def path(self) -> str:
        """Which path its rows belong to."""

    @property
    def phase(self) -> str:
        """Which phase its rows belong to."""

    @property
    def count(self) -> int:
        """How many packets."""

    @property
    def interval_ns(self) -> int:
        """How far apart they are due."""

    @property
    def timeout_ns(self) -> int:
        """How long after its packet was sent an answer counts; one not sent so long after it was due never is."""

    @property
    def start_ns(self) -> int:
        """When the first is due, on CLOCK_MONOTONIC; 0 is as soon as ready."""

    @property
    def schedule(self) -> Schedule:
        """How the packets are spread, and how exactly they are sent."""


class Answer(NamedTuple):
    """Which packet is answered, and what the far end says, in the order of the codec's `far_columns`."""

    number: int
    far: tuple[int, ...] = ()


def on_the_way_ns(times: Mapping[str, Integers], read_ns: Integers) -> Integers:
    """How long the network had each packet and its answer; shapes (n,). Where nobody stamped them, `read_ns`.

    An answer may be read long after it came, and may have lain at a far end that stood still: neither is the path's.
    """
    left, came = times["t1_ns"], times["t4_ns"]
    took: Integers = np.where((left > 0) & (came > 0), came - left, read_ns)
    if not {"t2_ns", "t3_ns"} <= times.keys():
        return took
    there, back = times["t2_ns"], times["t3_ns"]
    dwell = np.where((there > 0) & (back > 0), back - there, 0)
    network: Integers = took - np.clip(dwell, 0, np.maximum(took, 0))
    return network


class Rows:
    """Every packet of one session, a row each; 0 is what has not happened."""

    def __init__(
        self,
        spec: Session,
        due: Integers,
        far_columns: tuple[str, ...],
        times: Mapping[str, Integers] | None = None,
        *,
        hardware: bool = False,
        kept: Kept = (),
    ) -> None:
        """Begin with none sent. `times` are columns to write to, where they are part of larger ones.

        `hardware` has room for the card's own stamps. `kept` is what others keep of each packet until it is settled.
        """
        self.spec = spec
        self.due = due
        self._far_columns = far_columns
        names = (*NEAR_COLUMNS, *far_columns, *(HARDWARE_COLUMNS if hardware else ()))
        self.times = times or {name: np.zeros(spec.count, dtype=np.int64) for name in names}
        self._duplicates, self._far_copies = np.zeros((2, spec.count), dtype=np.int64)
        self._copies: set[tuple[int, int]] = set()
        # Also what is only ever read: the kernel fills a huge page for what of it was looked at.
        self._kept = (*self.times.values(), self._duplicates, self._far_copies, *kept)
        for each in self._kept if spec.count >= LET_GO else ():
            pages.hold_small(each)
        self._settled = self._let_go = 0
        self._told_ns = 0
        self._heard = False  # among those that were let go of

    @property
    def answered(self) -> bool:
        """Whether any answer has come."""
        return self._heard or bool(self.times["received_ns"][self._let_go :].any())

    def note(self, answer: Answer, t4_ns: int, now_ns: int) -> None:
        """Write an answer down; a further one to the same packet is counted, and the first stands.

        An answer is marked as received last: what has been received is complete, whichever thread looks.
        """
        index, times = answer.number, self.times
        if times["received_ns"][index]:
            self._copied(index, answer)
            return
        times["t4_ns"][index] = t4_ns
        for name, value in zip(self._far_columns, answer.far, strict=True):
            times[name][index] = value
        times["received_ns"][index] = now_ns

    def _copied(self, index: int, answer: Answer) -> None:
        """A further answer to the same packet: the first counts."""
        self._duplicates[index] += 1
        told = dict(zip(self._far_columns, answer.far, strict=True))
        copy = index, told.get(FAR_SEQUENCE, -1)
        if FAR_SEQUENCE not in told or copy in self._copies:
            return
        if copy[1] != self.times[FAR_SEQUENCE][index]:
            self._copies.add(copy)
            self._far_copies[index] += 1

    def settle(self) -> Samples | None:
        """The rows that can no longer change, since this was last asked: answered, or past the timeout."""
        first, now = self._settled, monotonic_ns()
        if self._may_wait(now):
            return None
        begun = slice(first, int(np.searchsorted(self.due, now, "right")))
        received, left = (self.times[name][begun] for name in ("received_ns", "t1_ns"))
        hopeless = self._begins(begun) <= now - self.spec.timeout_ns
        whole = (received > 0) & ((left > 0) | (received < now - STAMP_GRACE_NS))
        undecided = np.flatnonzero(~(hopeless | whole))
        last = first + int(undecided[0]) if len(undecided) else max(first, begun.stop)
        if last == first:
            return None
        self._settled, self._told_ns = last, now
        told = self._rows(slice(first, last))
        if last - self._let_go >= LET_GO:
            self._give_back(last)
        return told

    def _give_back(self, last: int) -> None:
        """Let go of what was told. An answer that comes even later is a further one, and nobody is told."""
        first = self._let_go
        self._heard |= bool(self.times["received_ns"][first:last].any())
        for each in self._kept:
            pages.give_back(each, last)
        self._let_go = last

    def _may_wait(self, now_ns: int) -> bool:
        """Whether a few more rows would do no harm: the last are never kept back."""
        enough = self._settled + FEW_ROWS
        if enough >= self.spec.count or now_ns - self._told_ns >= FEW_ROWS_NS:
            return False
        return bool(self.due[enough] > now_ns)

    @property
    def finished(self) -> bool:
        """Whether every packet is settled."""
        return self._settled == self.spec.count

    def _begins(self, rows: slice) -> Integers:
        """Since when each packet is waited for: one that was sent late is not lost for that."""
        return np.maximum(self.due[rows], self.times["sent_ns"][rows])

    def _took(self, rows: slice) -> Integers:
        read: Integers = self.times["received_ns"][rows] - self._begins(rows)
        return on_the_way_ns({name: of[rows] for name, of in self.times.items()}, read)

    def _rows(self, rows: slice) -> Samples:
        spec, names = self.spec, tuple(self.times)
        values = np.stack([self.times[name][rows] for name in names])
        received = values[names.index("received_ns")]
        missing = (self._took(rows) > spec.timeout_ns) | (received == 0)
        # What has not happened is 0 in times; what came back has no meaning in a packet that did not.
        absent = (values == 0) & np.array([[name.endswith("_ns")] for name in names])
        absent |= missing & np.array([[self._came_back(name)] for name in names])
        columns = {
            "sequence": column(np.arange(rows.start, rows.stop)),
            "due_ns": column(self.due[rows]),
            **{
                name: column(each, holes)
                for name, each, holes in zip(names, values, absent, strict=True)
            },
        }
        columns[DUPLICATES] = column(self._duplicates[rows].copy())
        if FAR_SEQUENCE in columns:
            columns[FAR_COPIES] = column(self._far_copies[rows].copy())
        return Samples("rtt", spec.path, spec.phase, columns)

    def _came_back(self, name: str) -> bool:
        return name in ARRIVALS or name in self._far_columns
