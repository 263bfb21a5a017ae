"""Samples for the charts of a page."""

from __future__ import annotations

import numpy as np

from benchkit.model.samples import Samples, column

MS = 1_000_000
PATH = "guiyang-guangzhou"


def rtt_samples(latencies_ms: list[float | None], phase: str = "idle") -> Samples:
    """Round trips every 2 ms; None is lost."""
    lost = np.array([each is None for each in latencies_ms])
    due = np.arange(len(latencies_ms)) * 2 * MS
    took = np.array([0 if each is None else round(each * MS) for each in latencies_ms])
    zero = np.zeros_like(due)
    columns = {
        "due_ns": due,
        "sent_ns": due,
        "t1_sched_ns": due,
        "t1_ns": due,
        "t2_ns": zero,
        "t3_ns": zero,
    }
    plain = {name: column(values) for name, values in columns.items()}
    plain |= {name: column(due + took, lost) for name in ("received_ns", "t4_ns")}
    return Samples("rtt", PATH, phase, plain)


def goodput_samples() -> list[Samples]:
    at = np.arange(20) * 100 * MS
    goodput = {"start_ns": at, "end_ns": at + 100 * MS, "octets": np.full(20, 11_700_000)}
    info = {
        "at_ns": at,
        "rtt_us": np.full(20, 16_000),
        "window_segments": np.full(20, 1400),
        "segment_octets": np.full(20, 1448),
        "retransmits": np.arange(20),
    }
    return [
        Samples(kind, PATH, "up", {name: column(values) for name, values in columns.items()})
        for kind, columns in (("goodput", goodput), ("tcp_info", info))
    ]
