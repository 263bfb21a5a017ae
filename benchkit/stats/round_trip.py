"""From the stamps of packets to latencies: whose time is counted, and what became of those without an answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchkit.model.samples import Column, Samples, column

# A far end may stamp arrivals and departures by clocks that differ by so much, in hardware and in software.
CLOCKS_NS = 1_000_000


def network_ns(rows: Samples, departure: str = "t1_ns") -> Column:
    """Each packet's network round trip, dwell at the far end taken off; a hole where a stamp is missing.

    `departure` is the stamp it counts from: "t1_ns" leaves the local queue out, "t1_sched_ns" keeps it in.
    Of shape (n,), in ns.

    >>> stamps = {"t1_ns": [100], "t2_ns": [4_100], "t3_ns": [9_100], "t4_ns": [13_100]}
    >>> rows = Samples("rtt", "a-b", "idle", {name: column(each) for name, each in stamps.items()})
    >>> network_ns(rows).tolist()  # 13000 less the 5000 at the far end
    [8000]
    """
    columns = rows.columns
    if "network_ns" in columns:  # the kernel's own figure
        return columns["network_ns"]
    whole: Column = columns["t4_ns"] - columns[departure]
    if "t3_ns" not in columns:  # a far end that stamps nothing: its dwell stays in
        return whole
    # In place from here on: a long run's columns are large.
    network, absent = np.ma.getdata(whole), np.ma.getmaskarray(whole)
    dwell = np.ma.getdata(columns["t3_ns"]) - np.ma.getdata(columns["t2_ns"])
    absent |= np.ma.getmaskarray(columns["t3_ns"])
    absent |= np.ma.getmaskarray(columns["t2_ns"])
    # A far end's clock that was stepped in between tells no dwell: its answer counts as one without stamps.
    absent |= dwell < -CLOCKS_NS
    absent |= dwell > network
    network -= dwell
    return column(network, absent)


def host_ns(rows: Samples) -> Column:
    """What user space adds at this end and the far end: its own round trip less the network's.

    Of shape (n,), in ns, with holes.
    """
    seen: Column = rows.columns["received_ns"] - rows.columns["sent_ns"]
    added: Column = seen - network_ns(rows)
    return added


def that_left(rows: Samples) -> Samples:
    """The rows of packets that were sent: what this host was too busy to send tells nothing of a path."""
    sent = rows.columns.get("sent_ns")
    if sent is None or not (never := np.ma.getmaskarray(sent)).any():
        return rows
    kept = {name: values[~never] for name, values in rows.columns.items()}
    return replace(rows, columns=kept)


def as_latencies(latencies: Column, received: Column) -> tuple[NDArray[np.float64], int]:
    """Latencies in time order with +inf for what was never answered, and how many answers had no stamp.

    Both columns have shape (n,); what is answered without a stamp is left out of the latencies.

    >>> latencies, unstamped = as_latencies(column([8, 9, 0]), column([1, 1, 0], [False, False, True]))
    >>> latencies.tolist(), unstamped
    ([8.0, 9.0, inf], 0)
    """
    lost = np.ma.getmaskarray(received)
    unstamped = np.ma.getmaskarray(latencies) & ~lost
    values = np.where(lost, np.inf, np.ma.getdata(latencies).astype(np.float64))
    return values[~unstamped], int(unstamped.sum())
