"""Rows of round trips of 8 ms, each tenth lost, made by hand."""

from __future__ import annotations

import numpy as np

from benchkit.model.samples import Samples, column

MS = 1_000_000


def answers(path: str, count: int, first: int = 0, *, phase: str = "idle") -> Samples:
    """So many from that number on, one a millisecond."""
    numbers = np.arange(first, first + count)
    lost = numbers % 10 == 9
    at = numbers * MS
    columns = {
        "sequence": column(numbers),
        "due_ns": column(at),
        "sent_ns": column(at),
        "received_ns": column(at + 8 * MS, lost),
        "t1_sched_ns": column(at),
        "t1_ns": column(at),
        "t2_ns": column(at + 4 * MS, lost),
        "t3_ns": column(at + 4 * MS, lost),
        "t4_ns": column(at + 8 * MS, lost),
    }
    return Samples("rtt", path, phase, columns)
