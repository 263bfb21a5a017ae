"""Runs from the store made into one Comparison. Samples are read only where runs are too few to be replicates."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from benchkit.campaign import phases
from benchkit.campaign.latencies import metric_name, took_and_received
from benchkit.errors import AskedWronglyError
from benchkit.model.comparison import Comparison
from benchkit.model.record import Estimate, Metric, RunRecord
from benchkit.model.target import COMPARED
from benchkit.stats.comparable import differences, noted_differences
from benchkit.stats.comparison import DEFAULT_RULE, CellQuestion, Rule, gravest, judge_cells
from benchkit.stats.difference import FEWEST_RUNS
from benchkit.stats.gate import Key
from benchkit.stats.interval import Interval
from benchkit.stats.percentiles import percentile_share
from benchkit.stats.rates import loss_interval
from benchkit.stats.replicates import (
    Replicate,
    loss_replicate,
    percentile_replicates,
    recorded_replicate,
    replicate_of,
)
from benchkit.stats.round_trip import as_latencies, that_left
from benchkit.store import find_run, read_run, read_samples
from benchkit.store.figures import see_figures

PERCENTILES = ("p50", "p90", "p95", "p99")
# A gate acts on these percentiles of the idle path, its loss and its goodput; the rest is shown beside them.
GATED = ("p50", "p95", "p99")
WITHIN_RUNS_ONLY = (
    "fewer than three runs on either side: intervals come from within the runs, and how runs differ among themselves "
    "is not seen; give each side three runs or more"
)
_LOADED = phases.LOADED
# Phases of a single probe on idle paths; what calibrated the emulator is kept beside them.
_MEASURED = frozenset(name for name, _, _ in phases.SINGLE.values())
_MS_PER_NS = 1e-6
# Latencies and what was lost, as `sample_replicates` takes them.
_Series = tuple[NDArray[np.float64], NDArray[np.bool_]]


@dataclass(frozen=True)
class StoredRun:
    """A run's record and where it is kept."""

    record: RunRecord
    folder: Path


@dataclass
class _Collected:
    """What the runs of both sides gave for one cell."""

    unit: str
    sides: dict[str, list[Replicate]] = field(default_factory=lambda: {"base": [], "candidate": []})


def load_runs(results: Path, names: Sequence[str]) -> tuple[StoredRun, ...]:
    """The runs of those names. Raises AskedWronglyError where one is not there, or named twice."""
    folders = [find_run(results, name) for name in names]
    for index, folder in enumerate(folders):
        if folder in folders[:index]:
            raise AskedWronglyError(f"run {folder.name} is named twice: name each run once")
    return tuple(StoredRun(read_run(folder), folder) for folder in folders)


def load_measured(results: Path, names: Sequence[str]) -> tuple[StoredRun, ...]:
    """Likewise. Raises AskedWronglyError also where nothing was measured in any of them."""
    found = load_runs(results, names)
    see_figures(results, [each.record for each in found])
    return found


def compare_runs(  # noqa: PLR0913  two sides, and by which rules
    base: Sequence[StoredRun],
    candidate: Sequence[StoredRun],
    *,
    rule: Rule = DEFAULT_RULE,
    allowed: Collection[str] = (),
    only: Collection[Key] | None = None,
    turns: int = 0,
    seed: int = 1,
) -> Comparison:
    """Hold the candidate's runs against the base's, cell by cell; `allowed` aspects may differ.

    Both sides' runs come in the order in which they were measured, in `turns` of base, candidate, candidate, base. With
    `only`, these cells are judged and no others. The bootstrap is drawn from `seed`. Raises AskedWronglyError for a run
    that is on both sides, or for damaged samples.
    """
    both = {run.folder.resolve() for run in base} & {run.folder.resolve() for run in candidate}
    if both:
        raise AskedWronglyError(
            f"run {both.pop().name} is on both sides: name another base or another candidate"
        )
    records = [run.record for run in base], [run.record for run in candidate]
    differs = differences(*records, allowed)
    refused = f"what differs: {differs[0]}" if differs else None
    asked = [
        replace(each, turns=turns)
        for key, each in _questions(base, candidate, seed).items()
        if only is None or key in only
    ]
    cells = judge_cells(asked, rule, not_comparable=refused)
    return Comparison(
        base=tuple(run.record.run for run in base),
        candidate=tuple(run.record.run for run in candidate),
        word=gravest(cells),
        cells=cells,
        differs=differs,
        notes=(
            *_replication_notes(len(base), len(candidate)),
            *noted_differences(*records, allowed),
        ),
        settings={"level": rule.level, "seed": seed},
    )


def _replication_notes(base: int, candidate: int) -> tuple[str, ...]:
    if max(base, candidate) >= FEWEST_RUNS:
        return ()
    return (WITHIN_RUNS_ONLY,)


def _questions(
    base: Sequence[StoredRun], candidate: Sequence[StoredRun], seed: int
) -> dict[Key, CellQuestion]:
    sampled = max(len(base), len(candidate)) < FEWEST_RUNS
    collected: dict[Key, _Collected] = {}
    for side, runs in (("base", base), ("candidate", candidate)):
        for run in runs:
            for key, unit, replicate in _replicates(run, _seed_of(run, seed), sampled=sampled):
                collected.setdefault(key, _Collected(unit)).sides[side].append(replicate)
    return {key: _question(key, found) for key, found in collected.items()}


def _seed_of(run: StoredRun, seed: int) -> int:
    """A run draws the same blocks on whichever side it stands, and no two runs do: their errors would be the same."""
    return (seed << 32) + crc32(run.record.run.encode())


def _question(key: Key, found: _Collected) -> CellQuestion:
    path, metric, phase, statistic = key
    kind = statistic if statistic in COMPARED else metric
    return CellQuestion(
        path=path,
        metric=metric,
        phase=phase,
        statistic=statistic,
        unit=found.unit,
        kind=kind,
        gated=_is_gated(metric, phase, statistic, runs=max(map(len, found.sides.values()))),
        less_is_better=COMPARED[kind][1],
        base=found.sides["base"],
        candidate=found.sides["candidate"],
    )


def _is_gated(metric: str, phase: str, statistic: str, *, runs: int) -> bool:
    """Latency under load hangs on the bulk stream's luck as much as on the path.

    What has no interval within a run is judged where there are runs enough to tell how they differ.
    """
    if metric in {"goodput", "udp", "completion"}:
        has_interval = metric != "completion" and statistic == "mean"
        return statistic in {"mean", "loss"} and (has_interval or runs >= FEWEST_RUNS)
    return phase not in _LOADED and statistic in {*GATED, "loss"}


def _replicates(
    run: StoredRun, seed: int, *, sampled: bool
) -> Iterator[tuple[Key, str, Replicate]]:
    """Every statistic of one run, from its samples where asked for and there, else from its record."""
    rows = _latency_samples(run) if sampled else {}
    for path in run.record.paths:
        for metric in path.metrics:
            if metric.metric not in COMPARED:
                continue
            kept = rows.get((path.path, metric.metric, metric.phase))
            if kept is not None:
                found = sample_replicates(*kept, seed)
            else:
                found = record_replicates(metric, alone=sampled)
            for statistic, replicate in found.items():
                unit = COMPARED[statistic][0] if statistic in COMPARED else metric.unit
                shown = replace(replicate, reported=_reported(metric, statistic))
                yield (path.path, metric.metric, metric.phase, statistic), unit, shown


def _reported(metric: Metric, statistic: str) -> Estimate | None:
    """A latency's figure as its run's report has it; None where it has none."""
    if not metric.percentiles:
        return None
    return metric.loss if statistic == "loss" else metric.percentiles.get(statistic)


def sample_replicates(
    values: NDArray[np.float64], lost: NDArray[np.bool_], seed: int
) -> dict[str, Replicate]:
    """Every compared statistic of one series of latencies, from its packets.

    `values` of shape (n,) are in ms, +inf for lost, without answers that have no stamp; `lost` of shape (m,) is of all
    that were due. Both in time order.
    """
    found = percentile_replicates(values, PERCENTILES, seed)
    return {**found, "loss": loss_replicate(lost)} if found else {}


def record_replicates(metric: Metric, *, alone: bool = False) -> dict[str, Replicate]:
    """Every compared statistic of one metric, as far as its record has it.

    A figure without an interval has none where its run stands `alone`; among others how they differ tells.
    """
    beside = _datagram_replicates(metric, alone=alone) if metric.metric == "udp" else {}
    if metric.estimate is not None:
        if metric.estimate.low is None and metric.estimate.value is not None and not alone:
            return {"mean": _as_it_is(metric.estimate.value), **beside}
        share = recorded_replicate(metric.estimate, lost=0, n=0, size=0, share=None)
        return {"mean": share, **beside} if np.isfinite(share.value) else beside
    due = metric.n - metric.unstamped
    if not metric.percentiles or due <= 0:
        return {}
    size = float(metric.effective_n or due)
    found = {
        name: recorded_replicate(
            metric.percentiles[name],
            lost=metric.lost,
            n=due,
            size=size,
            share=float(percentile_share(name)),
        )
        for name in PERCENTILES
        if name in metric.percentiles
    }
    return {**found, "loss": replicate_of(_recorded_loss(metric, due, size))}


def _datagram_replicates(metric: Metric, *, alone: bool) -> dict[str, Replicate]:
    """Loss on the way in percent, and jitter in ms. A record does not say how losses hung together."""
    due = metric.n - round(metric.details.get("dropped_by_the_receiving_host", 0))
    found = {}
    if due > 0:
        loss = loss_interval(metric.lost, due)
        found["loss"] = _without_ends(loss.value) if alone and metric.lost else replicate_of(loss)
    if "jitter_ms" in metric.details:
        shown = _without_ends if alone else _as_it_is
        found["jitter"] = shown(metric.details["jitter_ms"])
    return found


def _without_ends(value: float) -> Replicate:
    return replicate_of(Interval(value, -np.inf, np.inf))


def _as_it_is(value: float) -> Replicate:
    return replicate_of(Interval(value, value, value))


def _recorded_loss(metric: Metric, due: int, size: float) -> Interval:
    """The loss ratio in percent; of a record that has no interval of it as if losses came like late packets."""
    if metric.loss is not None and metric.loss.value is not None:
        ends = (metric.loss.low, metric.loss.high)
        low, high = (metric.loss.value if end is None else end for end in ends)
        return Interval(metric.loss.value, low, high)
    # What never varied has no autocorrelation. An answer without a stamp is none that was lost.
    share = size / due if metric.lost else 1.0
    return loss_interval(metric.lost, metric.n, effective_n=share * metric.n)


def _latency_samples(run: StoredRun) -> dict[tuple[str, str, str], _Series]:
    """The latencies of a run by path, metric and phase."""
    found = {}
    for kind in ("rtt", "http"):
        for rows in read_samples(run.folder, kind):
            if rows.phase in _MEASURED or rows.phase in _LOADED:
                name = metric_name(kind, rows.phase)
                phase = rows.phase if rows.phase in _LOADED else phases.IDLE
                counted = that_left(rows) if kind == "rtt" else rows
                took, received = took_and_received(kind, counted)
                values, _ = as_latencies(took, received)
                lost = np.ma.getmaskarray(received)
                found[rows.path, name, phase] = values * _MS_PER_NS, lost
    return found
