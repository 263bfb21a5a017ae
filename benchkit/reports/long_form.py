"""CSV in long form: one row for each statistic, so that a spreadsheet or R needs no parsing of names."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from benchkit.model.record import Estimate, PathRecord, RunRecord
from benchkit.model.record_json import significant
from benchkit.reports.figures import clean
from benchkit.reports.rows import Row, counts_of, rows_of

HEADER = (
    *("path", "metric", "phase", "unit", "statistic", "value", "low", "high"),
    *("n", "lost", "limit", "verdict"),
)


def render_csv(record: RunRecord) -> str:
    """The rows of a run, one line each. An absent figure is an empty field."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(_fields(row) for row in rows_of(record))
    writer.writerows(_fields(row) for path in record.paths for row in _counted(path))
    return out.getvalue()


def _counted(path: PathRecord) -> Iterator[Row]:
    """The loss ratio of each metric, and what became of its packets."""
    for metric in path.metrics:
        where = (path.path, metric.metric, metric.phase)
        if metric.loss is not None:
            yield Row(*where, "%", "loss", metric.loss, metric.n, metric.lost)
        for name, count in counts_of(metric).items():
            yield Row(*where, "packets", name.replace("_", " "), Estimate(value=count), metric.n)


def _fields(row: Row) -> tuple[str, ...]:
    estimate, verdict = row.estimate, row.verdict
    names = (row.path, row.metric, row.phase, row.unit, row.statistic)
    numbers = (estimate.value, estimate.low, estimate.high)
    return (
        *map(clean, names),
        *map(_number, numbers),
        "" if row.n is None else str(row.n),
        "" if row.lost is None else str(row.lost),
        _number(verdict.limit if verdict else None),
        clean(verdict.verdict) if verdict else "",
    )


def _number(value: float | None) -> str:
    return "" if value is None else repr(significant(value))
