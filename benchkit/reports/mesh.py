"""A mesh's figures as matrices: from the row's site to the column's, one matrix for each thing that was measured."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchkit.model.record import Estimate, Metric, PathRecord, RunRecord
from benchkit.model.record_json import significant
from benchkit.reports import sentences
from benchkit.reports.figures import clean

USUAL = "p95"
FEWEST = 6  # three sites, every one to every other
# Bulk goes both ways over the path that was loaded: its phases, and whether that is from the near end to the far one.
WAYS = {"up": True, "down": False, "udp up": True, "udp down": False}


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure; `value` None was lost. `verdict` is that of its budget, "" where there is none."""

    value: float | None
    verdict: str = ""


@dataclass(frozen=True)
class Matrix:
    """`cells` by (from, to). `words` name what it shows."""

    words: str
    unit: str
    sites: tuple[str, ...]
    cells: Mapping[tuple[str, str], Cell]


def is_mesh(record: RunRecord) -> bool:
    """Whether a matrix says it better than a line for each path."""
    ways = {(path.near, path.far) for path in record.paths}
    return len(ways) >= FEWEST and all((far, near) in ways for near, far in ways)


def matrices(record: RunRecord) -> list[Matrix]:
    """What was judged first, else in the order in which it was measured; goodput in the direction that it went."""
    sites = tuple(
        dict.fromkeys(clean(name) for path in record.paths for name in (path.near, path.far))
    )
    found: dict[tuple[str, str], dict[tuple[str, str], Cell]] = {}
    for path in record.paths:
        ends = (clean(path.near), clean(path.far))
        for metric in path.metrics:
            words, forward = _named(metric, path)
            if words:
                way = ends if forward else ends[::-1]
                found.setdefault((words, clean(metric.unit)), {})[way] = _cell(metric, path)
    made = [Matrix(words, unit, sites, cells) for (words, unit), cells in found.items()]
    return sorted(made, key=lambda one: not any(cell.verdict for cell in one.cells.values()))


def _named(metric: Metric, path: PathRecord) -> tuple[str, bool]:
    """What the matrix of a metric is called, "" where it has none; and whether the figure is from near to far."""
    if metric.percentiles:
        name = f"{sentences.series_name(metric)}, {_statistic(metric, path)}"
        return name, True
    if metric.estimate is not None and metric.phase in WAYS:
        return sentences.metric_name(metric.metric), WAYS[metric.phase]
    return "", True


def _statistic(metric: Metric, path: PathRecord) -> str:
    judged = _judged(metric, path)
    return judged[0] if judged else USUAL


def _judged(metric: Metric, path: PathRecord) -> tuple[str, str] | None:
    """Which percentile of it a budget judges, and the verdict."""
    return next(
        (
            (clean(each.percentile), clean(each.verdict))
            for each in path.verdicts
            if each.metric == metric.metric and (each.phase or "idle") == metric.phase
            if each.percentile in metric.percentiles or not metric.percentiles
        ),
        None,
    )


def _cell(metric: Metric, path: PathRecord) -> Cell:
    judged = _judged(metric, path)
    verdict = judged[1] if judged else ""
    if metric.percentiles:
        found = metric.percentiles.get(_statistic(metric, path), Estimate())
        return Cell(found.value, verdict)
    return Cell(metric.estimate.value if metric.estimate else None, verdict)


def render_matrix(record: RunRecord) -> str:
    """CSV: a block for each matrix, its name in the corner, a row for each site; empty where no path was measured."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for place, matrix in enumerate(matrices(record)):
        if place:
            out.write("\n")
        writer.writerow((f"{matrix.words}, {matrix.unit}", *matrix.sites))
        writer.writerows(_fields(matrix))
    return out.getvalue() or "\n"


def _fields(matrix: Matrix) -> Iterator[Sequence[str]]:
    for near in matrix.sites:
        row = (matrix.cells.get((near, far)) for far in matrix.sites)
        yield (near, *map(_field, row))


def _field(cell: Cell | None) -> str:
    if cell is None:
        return ""
    return "inf" if cell.value is None else repr(significant(cell.value))
