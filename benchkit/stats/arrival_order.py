"""Answers that came more than once, or after answers to later packets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchkit.model.samples import DUPLICATES, Samples


@dataclass(frozen=True)
class ArrivalOrder:
    """How many packets were answered more than once, and how many answers were overtaken."""

    duplicated: int
    reordered: int


def arrival_order(rows: Samples) -> ArrivalOrder:
    """Count both for round trips in the order they were due.

    An answer is reordered if one to a later packet came before it (RFC 4737 section 3.3, by the senders' numbers);
    a duplicate is one beyond the first (RFC 5560).
    """
    received = rows.columns["received_ns"]
    answered = np.flatnonzero(~np.ma.getmaskarray(received))
    arrivals = np.ma.getdata(received)[answered]
    by_arrival = answered[np.argsort(arrivals, kind="stable")]
    highest = np.maximum.accumulate(by_arrival) if len(by_arrival) else by_arrival
    copies = np.ma.getdata(rows.columns[DUPLICATES]) if DUPLICATES in rows.columns else 0
    return ArrivalOrder(int(np.count_nonzero(copies)), int(np.count_nonzero(by_arrival < highest)))
