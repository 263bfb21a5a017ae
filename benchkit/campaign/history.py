"""The runs of a target in order of time, one figure of each, and where that figure changed its level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np

from benchkit.campaign.phases import IDLE
from benchkit.errors import AskedWronglyError
from benchkit.model.history import (
    APART,
    INTERRUPTED,
    LOST,
    MEASURED,
    MISSING,
    UNFIT,
    Change,
    Choices,
    Figure,
    History,
    Point,
)
from benchkit.model.record import Estimate, Metric, PathRecord, RunRecord
from benchkit.model.target import COMPARED, PERCENTILES
from benchkit.stats.change_points import LEAST_SEGMENT, change_points, is_outside
from benchkit.stats.comparable import differences, noted_differences
from benchkit.stats.comparison import FLOORS
from benchkit.store import list_runs, read_run

_PHASES = (IDLE, "up", "down", "both")
_STATISTICS = (*PERCENTILES, "mean", "loss")


@dataclass(frozen=True)
class Wanted:
    """Which figure: of every path, or of those named."""

    metric: str = "rtt"
    phase: str = "idle"
    statistic: str = "p95"
    paths: tuple[str, ...] = ()


def read_records(results: Path) -> tuple[list[RunRecord], list[str]]:
    """Every record that can be read, oldest first, and a line for each that cannot.

    Raises AskedWronglyError where `results` is no folder that can be listed.
    """
    records, damaged = [], []
    for folder in list_runs(results):
        try:
            records.append(read_run(folder))
        except AskedWronglyError as error:
            damaged.append(f"left out: {error}")
    return records, damaged


def choices_of(records: Sequence[RunRecord], target: str = "") -> Choices:
    """What histories there are of a target, the newest run's where none is named, and of which targets."""
    name = target or (records[-1].target if records else "")
    found = {
        Figure(metric.metric, metric.phase, statistic)
        for record in records
        if record.target == name
        for path in record.paths
        for metric in path.metrics
        if metric.metric in COMPARED
        for statistic in _statistics(metric)
    }
    targets = dict.fromkeys(record.target for record in records)
    return Choices(tuple(sorted(found, key=_order)), tuple(sorted(targets)))


def wanted_of(
    choices: Choices,
    paths: Sequence[str] = (),
    *,
    metric: str = "",
    phase: str = "",
    statistic: str = "",
) -> Wanted:
    """The figure that is named; what is not said of it is as usual, or else what the runs have."""
    near = choices.nearest(metric, phase, statistic)
    return Wanted(
        metric or near.metric, phase or near.phase, statistic or near.statistic, tuple(paths)
    )


def _order(figure: Figure) -> tuple[object, ...]:
    """As tables have them: the usual first, other phases by name."""
    pairs = (
        (tuple(COMPARED), figure.metric),
        (_PHASES, figure.phase),
        (_STATISTICS, figure.statistic),
    )
    return tuple(
        (known.index(name) if name in known else len(known), name) for known, name in pairs
    )


def histories(
    records: Sequence[RunRecord], wanted: Wanted, target: str | None = None
) -> tuple[History, ...]:
    """One for each path of the target; of the newest run's target where none is named.

    Raises AskedWronglyError where no run is of that target, or none measured such a figure.
    """
    if not records:
        raise AskedWronglyError(
            "history: there is no run that can be read: `benchkit run` makes one"
        )
    name = target or records[-1].target
    ours = [record for record in records if record.target == name]
    if not ours:
        known = ", ".join(sorted({record.target for record in records}))
        raise AskedWronglyError(f"history: no run of target {name}: there are runs of {known}")
    paths = dict.fromkeys(path.path for record in ours for path in record.paths)
    unknown = [path for path in wanted.paths if path not in paths]
    if unknown:
        raise AskedWronglyError(
            f"history: no run of {name} has path {unknown[0]}: there are {', '.join(paths)}"
        )
    found = [_history(ours, path, wanted) for path in wanted.paths or paths]
    measured = tuple(each for each in found if any(point.estimate for point in each.points))
    if not measured:
        raise AskedWronglyError(
            f"history: no run of {name} has {wanted.metric} {wanted.phase} {wanted.statistic}: {_instead(records, ours, wanted)}"
        )
    return measured


def _instead(records: Sequence[RunRecord], ours: Sequence[RunRecord], wanted: Wanted) -> str:
    """What there is of the target beside the figure that is missing, or which target has it."""
    choices = choices_of(ours)
    if statistics := choices.statistics(wanted.metric, wanted.phase):
        return f"its statistics are {', '.join(statistics)}"
    if phases := choices.phases(wanted.metric):
        return f"its phases are {', '.join(phases)}"
    others = sorted(
        {
            one.target
            for one in records
            if any(_point(one, path.path, wanted).estimate for path in one.paths)
        }
    )
    if wanted.statistic not in _STATISTICS:
        return f"a statistic may be {', '.join(_STATISTICS)}"
    if others:
        return f"name a target that has: {', '.join(others)}"
    metrics = choices.metrics()
    return f"there are {', '.join(metrics)}" if metrics else "they measured nothing"


def _history(records: Sequence[RunRecord], path: str, wanted: Wanted) -> History:
    points = [_point(record, path, wanted) for record in records]
    known = [index for index, point in enumerate(points) if point.state == MEASURED]
    values = np.array([_value(points[index]) for index in known])
    floor = FLOORS["loss" if wanted.statistic == "loss" else wanted.metric]
    counts = floor.of(float(np.median(values))) if values.size else floor.absolute
    starts = change_points(values, floor=counts)
    for order, index in enumerate(known):
        level = sum(start <= order for start in starts)
        point = points[index]
        points[index] = replace(point, level=level)
    last = starts[-1] if starts else 0
    return History(
        target=records[0].target,
        path=path,
        metric=wanted.metric,
        phase=wanted.phase,
        statistic=wanted.statistic,
        unit=COMPARED["loss" if wanted.statistic == "loss" else wanted.metric][0],
        points=tuple(points),
        changes=tuple(
            _change(records, known, values.tolist(), starts, number)
            for number in range(len(starts))
        ),
        newest=_newest(points[-1], values[last:], counts),
    )


def _change(
    records: Sequence[RunRecord],
    known: Sequence[int],
    values: Sequence[float],
    starts: Sequence[int],
    number: int,
) -> Change:
    start = starts[number]
    before = values[starts[number - 1] if number else 0 : start]
    after = values[start : starts[number + 1] if number + 1 < len(starts) else None]
    pair = [records[known[start - 1]]], [records[known[start]]]
    beside = (*differences(*pair), *noted_differences(*pair))
    return Change(records[known[start]].run, median(before), median(after), beside)


def _newest(
    point: Point, level: np.ndarray[tuple[int, ...], np.dtype[np.float64]], floor: float
) -> str:
    """What the newest run looks like beside the level it belongs to."""
    if point.state in APART:
        return f"{point.state}, and left out of the levels"
    if point.state != MEASURED:
        return f"its figure is {point.state}"
    before = level[:-1]
    if before.size < LEAST_SEGMENT:
        are = (
            "1 run at this level is" if level.size == 1 else f"{level.size} runs at this level are"
        )
        return f"not judged: {are} too few to say what to expect"
    if is_outside(before, float(level[-1]), floor):
        return (
            f"unconfirmed: outside of what the {before.size} runs before lead to expect; "
            "only more runs like it make it a change"
        )
    return f"as expected from the {before.size} runs before"


def _value(point: Point) -> float:
    assert point.estimate is not None  # noqa: S101  its state says so
    assert point.estimate.value is not None  # noqa: S101  as above
    return point.estimate.value


def _point(record: RunRecord, path: str, wanted: Wanted) -> Point:
    found = next((each for each in record.paths if each.path == path), None)
    estimate = None if found is None else _estimate(found, wanted)
    if found is None or estimate is None:
        return Point(record.run, record.started, UNFIT if record.unfit else MISSING)
    state = LOST if estimate.value is None else MEASURED
    state = UNFIT if record.unfit else INTERRUPTED if record.interrupted else state
    return Point(record.run, record.started, state, estimate, limit=_limit(found, wanted))


def _limit(path: PathRecord, wanted: Wanted) -> float | None:
    """The budget on the figure: budgets judge the idle path, goodput both ways, and every workload that infers."""
    metric = "loss" if wanted.statistic == "loss" else wanted.metric
    loaded = wanted.metric not in ("goodput", "inference") and wanted.phase != IDLE
    return next(
        (
            each.limit
            for each in path.verdicts
            if not loaded
            and each.metric == metric
            and (metric in ("loss", "goodput") or each.percentile == wanted.statistic)
        ),
        None,
    )


def _estimate(path: PathRecord, wanted: Wanted) -> Estimate | None:
    named = (wanted.metric, wanted.phase)
    metric = next((each for each in path.metrics if (each.metric, each.phase) == named), None)
    if metric is None:
        return None
    return _statistic(metric, wanted.statistic)


def _statistics(metric: Metric) -> tuple[str, ...]:
    """Those that a metric has; a rate loses nothing."""
    alone = ("mean",) if metric.estimate is not None else ()
    loss = ("loss",) if metric.n and metric.metric != "goodput" else ()
    return (*metric.percentiles, *alone, *loss)


def _statistic(metric: Metric, statistic: str) -> Estimate | None:
    if statistic not in _statistics(metric):
        return None
    if statistic == "loss":
        return Estimate(100 * metric.lost / metric.n)
    if statistic == "mean" and metric.estimate is not None:
        return metric.estimate
    return metric.percentiles.get(statistic)
