"""Columns of numbers with holes: one row for each packet, request or interval that was due.

A hole is a masked entry of a `numpy.ma` array: what was lost is absent, never a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = np.ma.MaskedArray[Any, Any]

RTT_COLUMNS = (
    "sequence",
    "due_ns",  # CLOCK_MONOTONIC, as the two below
    "sent_ns",
    "received_ns",
    "t1_sched_ns",  # kernel, CLOCK_REALTIME: before the local qdisc
    "t1_ns",  # kernel: handed to the driver
    "t2_ns",  # kernel: the far end's arrival
    "t3_ns",  # kernel: the far end's departure
    "t4_ns",  # kernel: our arrival
)
# Beside them where a card stamps by its own clock, which no other stamp may be held against: departure and arrival.
HARDWARE_COLUMNS = ("t1_hardware_ns", "t4_hardware_ns")
# A count beside them: further answers to the same packet, as far as they came soon (RFC 5560).
DUPLICATES = "duplicates"
# What a STAMP far end tells: its own count of answers, the TTL it saw, and bits of `FarEnd`. Copies are those
# answers to the same packet that it counted apart: the packet was doubled on its way there.
FAR_SEQUENCE, FAR_TTL, FAR_FLAGS, FAR_COPIES = "far_sequence", "far_ttl", "far_flags", "far_copies"
# How long each took, CLOCK_MONOTONIC; a hole where it did not happen, as on a connection that was there already.
HTTP_PHASES = ("dns_ns", "connect_ns", "tls_ns", "wait_ns", "transfer_ns")
HTTP_COLUMNS = ("sequence", "due_ns", "sent_ns", "received_ns", "status", *HTTP_PHASES)
# What a burst sent, and what of it arrived: calibration of a wire, by number.
BURST, ARRIVALS = "burst", "arrivals"
# How long each run of the garbage collector held up a process that measures; none is as it should be.
COLLECTOR = "collector"
# How many packets this host had no room for, in the socket of a probe or of a responder; of which path is not known.
DROPPED = "dropped"
GOODPUT_COLUMNS = ("start_ns", "end_ns", "octets")


@dataclass(frozen=True)
class Samples:
    """Rows of one kind ("rtt", "http", "goodput") from one phase of one path; int64 columns of shape (n,)."""

    kind: str
    path: str
    phase: str
    columns: Mapping[str, Column] = field(repr=False)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __reduce__(self) -> tuple[Any, ...]:
        """Cross a process border as two arrays, which costs a third of an array or two for each column."""
        if not self.columns:
            return Samples, (self.kind, self.path, self.phase, {})
        found = tuple(self.columns.values())
        return _unpacked, (
            (self.kind, self.path, self.phase),
            tuple(self.columns),
            np.stack([np.ma.getdata(each) for each in found]),
            np.stack([np.ma.getmaskarray(each) for each in found]),
            tuple(np.ma.getmask(each) is not np.ma.nomask for each in found),
        )


def _unpacked(
    where: tuple[str, str, str],
    names: tuple[str, ...],
    values: NDArray[np.int64],
    holes: NDArray[np.bool_],
    may_have: tuple[bool, ...],
) -> Samples:
    rows = zip(names, values, holes, may_have, strict=True)
    return Samples(
        *where, {name: column(each, its if may else np.ma.nomask) for name, each, its, may in rows}
    )


def column(values: Any, absent: Any = np.ma.nomask) -> Column:  # noqa: ANN401  whatever numpy takes
    """An int64 column; `absent` marks its holes.

    Both of shape (n,).

    >>> column([8, 9, 0], [False, False, True]).tolist()
    [8, 9, None]
    """
    return np.ma.MaskedArray(np.asarray(values, dtype=np.int64), mask=absent)


def tabulated(
    kind: str,
    path: str,
    phase: str,
    names: Sequence[str],
    rows: Sequence[tuple[int, ...]],
    *,
    hole: int | None = None,
) -> Samples:
    """Rows of a whole number for each name, as columns of shape (n,); the value `hole` stands for none.

    >>> tabulated("rate", "a-b", "up", ("end_ns", "octets"), [(8, 9), (10, -1)], hole=-1).columns["octets"].tolist()
    [9, None]
    """
    values = np.array(rows, dtype=np.int64).reshape(len(rows), len(names))
    columns = {
        name: column(values[:, at].copy(), np.ma.nomask if hole is None else values[:, at] == hole)
        for at, name in enumerate(names)
    }
    return Samples(kind, path, phase, columns)


def concatenate(parts: Sequence[Samples]) -> Samples:
    """The rows of several batches of one kind, path and phase, in the order given; at least one batch.

    >>> one = Samples("rtt", "a-b", "idle", {"due_ns": column([1, 2])})
    >>> concatenate([one, one]).columns["due_ns"].tolist()
    [1, 2, 1, 2]
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    names = list(first.columns)
    joined = {name: _joined([part.columns[name] for part in parts]) for name in names}
    return Samples(first.kind, first.path, first.phase, joined)


def _joined(parts: Sequence[Column]) -> Column:
    values = np.concatenate([np.ma.getdata(part) for part in parts])
    return column(values, np.concatenate([np.ma.getmaskarray(part) for part in parts]))
