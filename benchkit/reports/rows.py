"""The figures of a run, once: every format shows these rows and adds only words and layout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchkit.model.record import Estimate, Metric, PathRecord, RunRecord, Verdict, gravity

UNLOADED = "idle"
ESTIMATE = "estimate"
GIVEN = ("floor", "model", "configured")
# Of a UDP metric's details: what its receiving host had no room for, which is none of the path's loss.
DROPPED = "dropped_by_the_receiving_host"
# What became of packets, beside `n` and `lost`; absent where nobody could tell.
COUNTED = (
    "lost_forward",
    "lost_backward",
    "duplicated",
    "reordered",
    "syn_retransmitted",
    "unsent",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One statistic of one metric in one phase of one path. `value` is absent where it was lost."""

    path: str
    metric: str
    phase: str
    unit: str
    statistic: str
    estimate: Estimate
    n: int | None = None
    lost: int | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """One metric in one phase: what was measured (`rows`) and what was given or counted beside it."""

    metric: Metric
    rows: tuple[Row, ...]
    beside: tuple[Row, ...]

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The budgets that this series was held against."""
        return tuple(row.verdict for row in self.rows if row.verdict is not None)

    @property
    def gravest(self) -> Verdict | None:
        """The one of its budgets that a drawing is of: what went wrong, if anything did."""
        return min(self.verdicts, key=lambda verdict: gravity(verdict.verdict), default=None)

    @property
    def is_distribution(self) -> bool:
        """Whether it has percentiles."""
        return bool(self.metric.percentiles)


def counts_of(metric: Metric) -> dict[str, int]:
    """What is known of its packets, by the names of COUNTED; answers without kernel stamps where there are any."""
    named = {name: getattr(metric, name) for name in COUNTED}
    known = {name: count for name, count in named.items() if count is not None}
    return known | ({"unstamped": metric.unstamped} if metric.unstamped else {})


def series_of(path: PathRecord) -> tuple[Series, ...]:
    """The series of a path, judged ones first, else in the order of the record."""
    placed = _placed(path)
    found = [_series(path, index, placed) for index in range(len(path.metrics))]
    return tuple(sorted(found, key=lambda series: not series.verdicts))


def rows_of(record: RunRecord) -> Iterator[Row]:
    """Every row of a run, path by path."""
    for path in record.paths:
        for series in series_of(path):
            yield from series.rows
            yield from series.beside
        measured = {metric.metric for metric in path.metrics}
        yield from (
            _alone(path, verdict) for verdict in path.verdicts if verdict.metric not in measured
        )


def _alone(path: PathRecord, verdict: Verdict) -> Row:
    """A budget on what is counted and not measured by itself, as loss is."""
    return Row(
        path=path.path,
        metric=verdict.metric,
        phase=verdict.phase or "",
        unit=verdict.unit,
        statistic=verdict.percentile,
        estimate=verdict.measured or Estimate(),
        verdict=verdict,
    )


def _series(path: PathRecord, index: int, placed: dict[tuple[int, str], Verdict]) -> Series:
    metric = path.metrics[index]

    def row(statistic: str, estimate: Estimate, *, counted: bool = True) -> Row:
        return Row(
            path=path.path,
            metric=metric.metric,
            phase=metric.phase,
            unit=metric.unit,
            statistic=statistic,
            estimate=estimate,
            n=metric.n if counted else None,
            lost=metric.lost if counted else None,
            verdict=placed.get((index, statistic)) if counted else None,
        )

    measured = dict(metric.percentiles)
    if metric.estimate is not None or not measured:
        measured[ESTIMATE] = metric.estimate or Estimate()
    given = {name: getattr(metric, name) for name in GIVEN if getattr(metric, name) is not None}
    beside = {**given, **metric.details}
    return Series(
        metric,
        tuple(row(name, estimate) for name, estimate in measured.items()),
        tuple(row(name, Estimate(value=value), counted=False) for name, value in beside.items()),
    )


def _placed(path: PathRecord) -> dict[tuple[int, str], Verdict]:
    """Which verdict belongs to which metric (by its place) and statistic."""
    placed: dict[tuple[int, str], Verdict] = {}
    places = {(metric.metric, metric.phase): at for at, metric in enumerate(path.metrics)}
    for verdict in path.verdicts:
        index = places.get((verdict.metric, verdict.phase or UNLOADED))
        if index is None:
            continue
        known = verdict.percentile in path.metrics[index].percentiles
        key = (index, verdict.percentile if known else ESTIMATE)
        # Of two budgets on one figure, what went wrong.
        if key not in placed or placed[key].verdict == "pass":
            placed[key] = verdict
    return placed
