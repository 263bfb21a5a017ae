"""Bencher Metric Format: benchmarks are paths, measures are slugs such as `rtt-p95`.

The format has no units, those belong to the measure on the server: latencies are milliseconds, `goodput-bps` bits
per second, ratios 0 to 1. Our own slugs on purpose: Bencher's `latency` would be read as nanoseconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from benchkit.model.record import Estimate, PathRecord, RunRecord
from benchkit.model.record_json import significant
from benchkit.reports.cells import cells_of, path_name, slug, words_of

LONGEST_MEASURE, LONGEST_BENCHMARK = 64, 1024
# unit: (what the slug ends with, factor)
SCALES = {"Mbit/s": ("bps", 1e6), "%": ("ratio", 0.01)}


def render_bencher(record: RunRecord) -> str:
    """The measured figures as {path: {measure: {value, lower_value, upper_value}}}; what was lost has no measure."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for row in cells_of(record):
        suffix, factor = SCALES.get(row.unit, ("", 1.0))
        measures = found.setdefault(path_name(row.path)[:LONGEST_BENCHMARK], {})
        name = slug(*words_of(row.metric, row.phase, row.statistic), suffix)[:LONGEST_MEASURE]
        measures.setdefault(name, dict(_values(row.estimate, factor)))
    for path in record.paths:
        for name, ratio in _losses(path):
            measures = found.setdefault(path_name(path.path)[:LONGEST_BENCHMARK], {})
            measures.setdefault(name, {"value": significant(ratio)})
    return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _values(estimate: Estimate, factor: float) -> Iterator[tuple[str, float]]:
    names = {"value": estimate.value, "lower_value": estimate.low, "upper_value": estimate.high}
    for name, figure in names.items():
        if figure is not None:
            yield name, significant(figure * factor)


def _losses(path: PathRecord) -> Iterator[tuple[str, float]]:
    """How much of what was due was lost, beside the percentiles that count it as infinite."""
    for metric in path.metrics:
        if metric.percentiles and metric.n:
            words = words_of(metric.metric, metric.phase)
            prefix = () if words == ("rtt",) else words
            yield slug(*prefix, "loss", "ratio")[:LONGEST_MEASURE], metric.lost / metric.n
