"""Whole runs, record and samples, made from numbers that a test gives: nothing is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sample_records import ENVIRONMENT, passing

from benchkit.model.place import Budget
from benchkit.model.record import Estimate, Metric, PathRecord, RunRecord
from benchkit.model.samples import Samples, column
from benchkit.stats.latency import latency_metric
from benchkit.stats.verdicts import judge, overall
from benchkit.store import write_run

PATH = "guiyang-guangzhou"
INTERVAL_NS = 2_000_000


def jitter(seed: int, n: int = 2000, middle_ms: float = 8.5) -> NDArray[np.float64]:
    """Latencies in ms around a middle, with a deviation of 50 us."""
    return middle_ms + 0.05 * np.random.default_rng(seed).standard_normal(n)


def rtt_samples(latencies_ms: NDArray[np.float64], path: str = PATH) -> Samples:
    """As the STAMP probe leaves them; infinite is lost."""
    lost = np.isinf(latencies_ms)
    due = np.arange(latencies_ms.size, dtype=np.int64) * INTERVAL_NS
    took = np.where(lost, 0, latencies_ms * 1e6).astype(np.int64)
    columns = {
        "sequence": column(np.arange(due.size)),
        **{name: column(due) for name in ("due_ns", "sent_ns", "t1_sched_ns", "t1_ns")},
        **{name: column(due + took // 2, lost) for name in ("t2_ns", "t3_ns")},
        **{name: column(due + took, lost) for name in ("received_ns", "t4_ns")},
    }
    return Samples("rtt", path, "idle", columns)


def goodput(value: float) -> Metric:
    """A plateau in Mbit/s, known to 1 Mbit/s."""
    estimate = Estimate(value, value - 1, value + 1)
    return Metric("goodput", "up", "Mbit/s", n=50, estimate=estimate)


def record_of(
    latencies_ms: NDArray[np.float64],
    run: str,
    *,
    limit: float = 10.0,
    mbps: float | None = 940.0,
    path: str = PATH,
) -> RunRecord:
    """The record of a run that measured these on one path, judged by its p95."""
    metric, intervals = latency_metric("rtt", "idle", latencies_ms * 1e6)
    budget = Budget("rtt", limit, "ms", "p95")
    verdict = judge(budget, intervals["p95"], n=metric.effective_n or 0, phase="idle")
    metrics = (metric,) if mbps is None else (metric, goodput(mbps))
    near, far = path.split("-")
    measured = PathRecord(path, near, far, verdict.verdict, metrics, (verdict,))
    word = overall([verdict.verdict], unfit=False)
    environment = {**ENVIRONMENT, "kernel": "6.1.0-28-amd64", "cores": "2"}
    return replace(passing(), run=run, verdict=word, paths=(measured,), environment=environment)


def run_id(number: int) -> str:
    """The id of the run of that minute."""
    return f"20261123T10{number:02d}00Z-guizhou-{number:04x}"


def write(
    results: Path,
    number: int,
    latencies_ms: NDArray[np.float64],
    *,
    samples: bool = True,
    record: RunRecord | None = None,
    limit: float = 10.0,
    mbps: float | None = 940.0,
) -> str:
    """Write the run of that minute; returns its id."""
    whole = record or record_of(latencies_ms, run_id(number), limit=limit, mbps=mbps)
    kept = [rtt_samples(latencies_ms)] if samples else []
    write_run(results, whole, kept)
    return whole.run


def write_many(results: Path, seeds: Sequence[int], *, more_ms: float = 0.0) -> list[str]:
    """A run for each seed, at that minute, each path slower by `more_ms`."""
    return [write(results, seed, jitter(seed) + more_ms) for seed in seeds]
