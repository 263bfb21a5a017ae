"""Custom JSON for github-action-benchmark: one file a direction, for a step knows only one.

Its rules: a null is read as 0, a perfect latency, so a figure that was lost has no row; every row may raise an
alarm, so only figures that are judged or have a closed interval are rows. A run without rows is an empty list,
which the action refuses: nothing was measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from benchkit.model.record import Estimate, RunRecord
from benchkit.model.record_json import significant
from benchkit.reports.cells import cell_name, cells_of, has_both_ends, less_is_better
from benchkit.reports.figures import clean, short
from benchkit.reports.rows import Row


def render_smaller(record: RunRecord) -> str:
    """The rows for `customSmallerIsBetter`: latencies and loss."""
    return _rendered(record, smaller=True)


def render_bigger(record: RunRecord) -> str:
    """The rows for `customBiggerIsBetter`: goodput."""
    return _rendered(record, smaller=False)


def _rendered(record: RunRecord, *, smaller: bool) -> str:
    rows: dict[str, dict[str, object]] = {}
    for row in cells_of(record):
        alarming = row.verdict is not None or has_both_ends(row)
        if alarming and less_is_better(row.metric) == smaller:
            # The action finds a row by its name and takes the first.
            rows.setdefault(cell_name(row), _row(row))
    named = [{"name": name, **row} for name, row in rows.items()]
    return json.dumps(named, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _row(row: Row) -> dict[str, object]:
    assert row.estimate.value is not None  # noqa: S101  cells_of gives no other
    found: dict[str, object] = {"unit": clean(row.unit), "value": significant(row.estimate.value)}
    half = _half_width(row.estimate)
    if half is not None:
        found["range"] = f"± {half:.6g}"
    found["extra"] = "\n".join(_extra(row))
    return found


def _half_width(estimate: Estimate) -> float | None:
    """The farther end, for the action's charts know symmetric ranges only."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return None
    return max(estimate.high - estimate.value, estimate.value - estimate.low)


def _extra(row: Row) -> Iterator[str]:
    if row.n is not None:
        yield f"n={row.n}"
    if row.lost:
        yield f"lost={row.lost}"
    if row.estimate.low is not None or row.estimate.high is not None:
        ends = [
            "" if end is None else f"{end:.6g}" for end in (row.estimate.low, row.estimate.high)
        ]
        yield f"ci95=[{','.join(ends)}]"
    if row.verdict is not None:
        yield f"budget={short(row.verdict.limit)}"
        yield f"verdict={clean(row.verdict.verdict)}"
    else:
        yield "gate=no"
