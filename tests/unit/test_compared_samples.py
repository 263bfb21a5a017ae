"""Which samples a comparison of single runs takes: each latency its own, and never those that calibrated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from sample_records import passing
from synthetic_runs import PATH, rtt_samples

from benchkit.campaign.comparing import StoredRun, _latency_samples
from benchkit.model.samples import HTTP_COLUMNS, Samples, column
from benchkit.store import write_run


def requests(phase: str, took_ms: float) -> Samples:
    due = np.arange(10) * 1_000_000
    columns = {name: column(due) for name in HTTP_COLUMNS}
    columns["received_ns"] = column(due + round(took_ms * 1e6))
    return Samples("http", PATH, phase, columns)


def test_every_latency_is_compared_with_its_own_samples(tmp_path: Path) -> None:
    idle = rtt_samples(np.full(10, 8.5))
    others = [
        replace(rtt_samples(np.full(10, ms)), phase=p) for ms, p in ((1.0, "floor"), (9.0, "up"))
    ]
    samples = [
        idle,
        *others,
        requests("http", 10.0),
        requests("http-fresh", 20.0),
        requests("http-load", 12.0),
    ]
    folder = write_run(tmp_path, passing(), samples)
    found = _latency_samples(StoredRun(passing(), folder))
    assert {
        (name, phase): round(float(np.median(each)), 3) for (_, name, phase), each in found.items()
    } == {
        ("rtt", "idle"): 8.5,
        ("rtt", "up"): 9.0,
        ("http", "idle"): 10.0,
        ("http-fresh", "idle"): 20.0,
        ("http-load", "idle"): 12.0,
    }
