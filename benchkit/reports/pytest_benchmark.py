"""pytest-benchmark's JSON: latencies only, in seconds, with percentiles and intervals in `extra_info`.

Its readers want shortest, mean, quartiles and longest of each series: a series of which the record does not hold
them all (something was lost, or an older benchkit measured) is left out.
Throughput has no place: `ops` is 1 / mean.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from benchkit.model.record import Metric, PathRecord, RunRecord
from benchkit.model.record_json import significant
from benchkit.reports.cells import path_name, words_of
from benchkit.reports.figures import clean
from benchkit.reports.rows import series_of

VERSION = "5.2.3"
SECONDS = {"ms": 1e-3}
# What comes from the record's details, and from its percentiles, by pytest-benchmark's names.
DETAILS = {"min": "min", "mean": "mean", "stddev": "stddev", "q1": "q1", "q3": "q3"}
PERCENTILES = {"max": "max", "median": "p50"}


def render_pytest_benchmark(record: RunRecord) -> str:
    """The run as `pytest-benchmark compare` and its other readers take it."""
    found = {
        "machine_info": _machine(record),
        "commit_info": {"id": "unversioned", "time": None, "author_time": None, "dirty": False}
        | {"project": clean(record.target), "branch": "(unknown)", "error": None},
        "benchmarks": [
            benchmark
            for path in record.paths
            for series in series_of(path)
            if (benchmark := _benchmark(path, series.metric)) is not None
        ],
        "datetime": clean(record.started),
        "version": VERSION,
    }
    return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _benchmark(path: PathRecord, metric: Metric) -> dict[str, Any] | None:
    figures = {name: metric.details.get(key) for name, key in DETAILS.items()}
    for name, percentile in PERCENTILES.items():
        figures[name] = (
            metric.percentiles[percentile].value if percentile in metric.percentiles else None
        )
    scale = SECONDS.get(metric.unit)
    known = {name: value for name, value in figures.items() if value is not None}
    if scale is None or len(known) < len(figures) or known["mean"] <= 0:
        return None
    name = "_".join(words_of(metric.metric, metric.phase))
    seconds = {key: significant(value * scale) for key, value in known.items()}
    return {
        "group": path_name(path.path),
        "name": name,
        "fullname": f"{path_name(path.path)}/{name}",
        "params": None,
        "param": None,
        "extra_info": _extra(path, metric, scale),
        "options": {},
        "stats": _stats(seconds, metric.n - metric.lost - metric.unstamped),
    }


def _stats(seconds: Mapping[str, float], rounds: int) -> dict[str, Any]:
    """As pytest-benchmark stores them; what needs every sample (outliers, fences) is not there."""
    return {
        **seconds,
        "iqr": significant(seconds["q3"] - seconds["q1"]),
        "rounds": rounds,
        "iterations": 1,
        "ops": significant(1 / seconds["mean"]),
        "total": significant(seconds["mean"] * rounds),
        "outliers": "not counted",
    }


def _extra(path: PathRecord, metric: Metric, scale: float) -> dict[str, Any]:
    """What pytest-benchmark has no place for: counts, percentiles with their intervals in seconds, verdicts."""
    found: dict[str, Any] = {"n": metric.n, "lost": metric.lost}
    if metric.effective_n is not None:
        found["effective_n"] = metric.effective_n
    for name, estimate in metric.percentiles.items():
        ends = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
        found[name] = {
            key: significant(figure * scale) for key, figure in ends.items() if figure is not None
        }
    found["verdicts"] = [
        f"{verdict.percentile} within {verdict.limit:g} {verdict.unit}: {verdict.verdict}"
        for verdict in path.verdicts
        if verdict.metric == metric.metric and (verdict.phase or metric.phase) == metric.phase
    ]
    return found


def _machine(record: RunRecord) -> dict[str, Any]:
    """The keys that its readers look for, from the environment as it was recorded."""
    known = record.environment
    names = {
        "node": "host",
        "processor": "processor",
        "machine": "architecture",
        "python_version": "python",
        "release": "kernel",
    }
    found: dict[str, Any] = {key: clean(known.get(name, "")) for key, name in names.items()}
    return {
        **found,
        "python_implementation": "CPython",
        "system": "Linux",
        "cpu": {"brand_raw": clean(known.get("processor", known.get("cpu", "")))},
    }
