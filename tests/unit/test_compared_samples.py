"""Which samples a comparison of single runs takes: each latency its own, and never those that calibrated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sample_records import passing
from synthetic_runs import PATH, rtt_samples

from benchkit.campaign.comparing import (
    StoredRun,
    _latency_samples,
    record_replicates,
    sample_replicates,
)
from benchkit.model.samples import HTTP_COLUMNS, Samples, column
from benchkit.stats.latency import latency_metric
from benchkit.stats.round_trip import as_latencies, network_ns
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
        (name, phase): round(float(np.median(each)), 3)
        for (_, name, phase), (each, _) in found.items()
    } == {
        ("rtt", "idle"): 8.5,
        ("rtt", "up"): 9.0,
        ("http", "idle"): 10.0,
        ("http-fresh", "idle"): 20.0,
        ("http-load", "idle"): 12.0,
    }


def test_an_answer_without_a_stamp_is_none_that_was_lost(tmp_path: Path) -> None:
    latencies = np.full(400, 8.5)
    latencies[::10] = np.inf  # 40 of 400
    rows = rtt_samples(latencies)
    holes = np.arange(400) % 10 < 5  # 200 have no T1, of which 40 are lost
    rows.columns["t1_ns"] = column(rows.columns["t1_ns"].data, holes)
    folder = write_run(tmp_path, passing(), [rows])
    (series,) = _latency_samples(StoredRun(passing(), folder)).values()
    assert sample_replicates(*series, 1)["loss"].value == pytest.approx(10)
    values, unstamped = as_latencies(network_ns(rows), rows.columns["received_ns"])
    assert unstamped == 160
    metric, _ = latency_metric("rtt", "idle", values, unstamped=unstamped)
    for each in (
        metric,
        replace(metric, loss=None),
    ):  # as this version records it, and the first did
        assert record_replicates(each)["loss"].value == pytest.approx(10)
