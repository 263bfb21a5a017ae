"""A latency taken apart: whose time each nanosecond was. The parts of every packet sum to its whole."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchkit.model.account import Parts, Spread
from benchkit.model.samples import HARDWARE_COLUMNS, HTTP_PHASES, Column, Samples, column

_MS_PER_NS = 1e-6
STAMPS = ("t1_sched_ns", "t1_ns", "t2_ns", "t3_ns", "t4_ns", *HARDWARE_COLUMNS)
WHOLE = "whole"


def round_trip_parts(rows: Samples) -> dict[str, Column]:
    """From `send` to the answer in the program's hands, in ns, by part; a hole where a stamp is missing.

    The local queue is SND less SCHED; the network what lies between two kernels; the far host what its stamps tell
    of its dwell, and part of the network where it tells none; the near host all the rest. Where a card stamps too, what
    lies between it and our kernel is no longer the network's. Only differences on one clock are taken, so no clock need
    be right.
    Each of shape (n,).
    """
    columns = rows.columns
    whole: Column = columns["received_ns"] - columns["sent_ns"]
    queue: Column = columns["t1_ns"] - columns["t1_sched_ns"]
    beyond: Column = columns["t4_ns"] - columns["t1_ns"]
    parts = {WHOLE: whole, "local queue": queue, "network": beyond}
    if "t3_ns" in columns:
        parts["far host"] = columns["t3_ns"] - columns["t2_ns"]
        parts["network"] = parts["network"] - parts["far host"]
    if all(name in columns and columns[name].count() for name in HARDWARE_COLUMNS):
        left, came = (columns[name] for name in HARDWARE_COLUMNS)
        parts["near card"] = beyond - (came - left)
        parts["network"] = parts["network"] - parts["near card"]
    return {**parts, "near host": whole - queue - beyond}


def connection_parts(rows: Samples) -> dict[str, Column]:
    """From when a connection was due to when this program had it, in ns, by part: its handshake is the kernel's figure.

    A hole where there is none, or its SYN was sent again. Each of shape (n,).
    """
    columns = rows.columns
    whole: Column = columns["received_ns"] - columns["due_ns"]
    late: Column = columns["sent_ns"] - columns["due_ns"]
    network = columns["network_ns"]
    return {WHOLE: whole, "late": late, "network": network, "near host": whole - late - network}


def request_parts(rows: Samples) -> dict[str, Column]:
    """From when a request was due to the end of its answer, in ns, by part; what did not happen took no time.

    The client's part is what lies between the others: the library's own work.
    Each of shape (n,).
    """
    columns = rows.columns
    lost = np.ma.getmaskarray(columns["received_ns"])
    whole: Column = columns["received_ns"] - columns["due_ns"]
    parts: dict[str, Column] = {"late": columns["sent_ns"] - columns["due_ns"]}
    for name in HTTP_PHASES:
        parts[name.removesuffix("_ns")] = column(columns[name].filled(0), lost)
    rest: Column = whole - sum(parts.values())
    return {WHOLE: whole, **parts, "client": rest}


def summed_up(parts: Mapping[str, Column], missing: Mapping[str, int]) -> Parts | None:
    """Means and percentiles in ms over the packets that have every part; None where there are none.

    Parts are of shape (n,), in ns.
    """
    whole = ~np.any([np.ma.getmaskarray(part) for part in parts.values()], axis=0)
    count = int(whole.sum())
    if not count:
        return None
    shares = {name: _spread(part.data[whole]) for name, part in parts.items()}
    return Parts(count, shares, {name: number for name, number in missing.items() if number})


def missing_stamps(rows: Samples) -> dict[str, int]:
    """How many answered packets lack each stamp that their rows have room for."""
    answered = ~np.ma.getmaskarray(rows.columns["received_ns"])
    return {
        name.removesuffix("_ns"): int((np.ma.getmaskarray(rows.columns[name]) & answered).sum())
        for name in STAMPS
        if name in rows.columns
    }


def _spread(values_ns: np.ndarray) -> Spread:
    middle, tail = np.percentile(values_ns, (50, 99), method="inverted_cdf") * _MS_PER_NS
    return Spread(float(values_ns.mean()) * _MS_PER_NS, float(middle), float(tail))
