"""HdrHistogram's percentile text (.hgrm), one section for each distribution, made of the record's percentiles.

Plotters take one section a file, and pass over lines that begin with `#`: cut at `#[Series`. A row's count is that
of the samples up to it; a percentile that was lost has no row. The samples themselves stay in Parquet beside the record.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

from benchkit.model.record import Metric, RunRecord
from benchkit.reports.figures import clean
from benchkit.reports.rows import series_of

HEADER = f"{'Value':>12} {'Percentile':>14} {'TotalCount':>10} {'1/(1-Percentile)':>14}"
LAST = "max"


def render_hgrm(record: RunRecord) -> str:
    """Every distribution of the run, in the unit that its first line names."""
    sections = [
        "\n".join(_section(path.path, series.metric))
        for path in record.paths
        for series in series_of(path)
        if series.is_distribution
    ]
    return "\n\n".join(sections or ["#[No distribution was measured]"]) + "\n"


def _section(path: str, metric: Metric) -> Iterator[str]:
    name = " ".join(map(clean, (path, metric.metric, metric.phase)))
    yield f"#[Series = {name}, Unit = {clean(metric.unit)}]"
    yield from (HEADER, "")
    yield from _rows(metric)
    if {"mean", "stddev"} <= metric.details.keys():
        mean, deviation = metric.details["mean"], metric.details["stddev"]
        yield f"#[Mean    = {mean:12.3f}, StdDeviation   = {deviation:12.3f}]"
    most = metric.percentiles.get(LAST)
    if most is not None and most.value is not None:
        yield f"#[Max     = {most.value:12.3f}, Total count    = {metric.n - metric.unstamped:12d}]"
    if metric.lost:
        yield f"#[Lost    = {metric.lost:12d}, beyond the last row]"


def _rows(metric: Metric) -> Iterator[str]:
    known = {name: share for name in metric.percentiles if (share := _share(name)) is not None}
    for name, share in sorted(known.items(), key=lambda each: each[1]):
        value = metric.percentiles[name].value
        if value is None:
            continue
        count = math.ceil(share * (metric.n - metric.unstamped))
        row = f"{value:12.3f} {float(share):2.12f} {count:10d}"
        yield row if share == 1 else f"{row} {float(1 / (1 - share)):14.2f}"


def _share(name: str) -> Fraction | None:
    """The share of "p99.9" or "max", exactly; None for another statistic."""
    if name == LAST:
        return Fraction(1)
    try:
        share = Fraction(name.removeprefix("p")) / 100
    except ValueError:
        return None
    return share if 0 < share < 1 else None
