"""The same thing measured against itself on this machine: what a gate would say of a change that is not there."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchkit.campaign.comparing import GATED, StoredRun, compare_runs, record_replicates
from benchkit.campaign.events import Observer
from benchkit.campaign.outline import duration_words, seconds_of
from benchkit.campaign.question import Question
from benchkit.campaign.runner import run_campaign
from benchkit.clock import NS_PER_S
from benchkit.errors import UnfitError
from benchkit.model.comparison import IMPROVEMENT, REGRESSION, Comparison
from benchkit.model.probe import PLAN_PROBES
from benchkit.model.target import Plan
from benchkit.stats.comparison import FAMILY_LEVEL, FLOORS
from benchkit.stats.percentiles import smallest_n
from benchkit.stats.replicates import Replicate
from benchkit.stats.visibility import (
    Design,
    runs_to_see,
    seconds_to_see,
    smallest_visible,
    spread_of,
)
from benchkit.store import write_run

# Held against a window of five, as `benchkit gate` advises.
BASE_RUNS = 5
# Judged cells of a probe on a path: of latencies the gated percentiles and loss, of goodput both directions.
_LATENCY_CELLS, _GOODPUT_CELLS = len(GATED) + 1, 2
# An emulator that was calibrated for half a second is known well enough to be compared with itself.
_CALIBRATION_NS = NS_PER_S // 2


@dataclass(frozen=True)
class Visible:
    """How small a change of one percentile can be seen here, in ms, on the path where least can be.

    `now` by one run against five, each as long as those measured; a change of `change` by so many seconds a run, or where no
    length is enough, by so many runs on each side; None where neither is.
    """

    statistic: str
    path: str
    now: float
    change: float
    seconds: float | None
    runs: int | None


@dataclass(frozen=True)
class SelfComparison:
    """What came of it: `alarms` names each cell in which a comparison saw a change."""

    runs: int
    seconds: float
    comparisons: int
    alarmed: int
    alarms: tuple[str, ...]
    visible: tuple[Visible, ...]


def compare_with_itself(
    question: Question,
    runs: int,
    change_ms: float,
    say: Callable[[str], None],
    observe: Observer,
) -> SelfComparison:
    """Measure idle round trips in so many runs, and hold each against the others and against its neighbour.

    Raises UnfitError where this machine cannot measure at all. The runs are not kept.
    """
    target = question.target
    short = replace(target.plan, probes=("rtt",), calibration_ns=_CALIBRATION_NS)
    asked = replace(question, target=replace(target, plan=short))
    lasts = duration_words(runs * seconds_of(asked.target))
    say(f"plan: {runs} runs, about {lasts} in all")
    with tempfile.TemporaryDirectory(prefix="benchkit-aa-") as folder:
        measured = []
        for number in range(1, runs + 1):
            say(f"run {number} of {runs}")
            measured.append(_measured(asked, Path(folder), observe))
        compared = list(_comparisons(measured))
    plan = target.plan
    changed = [_changes(each) for each in compared]
    seconds = plan.duration_ns / NS_PER_S
    return SelfComparison(
        runs=runs,
        seconds=seconds,
        comparisons=len(compared),
        alarmed=sum(bool(each) for each in changed),
        alarms=tuple(name for each in changed for name in each),
        visible=tuple(_visible(measured, plan, change_ms)),
    )


def _measured(question: Question, folder: Path, observe: Observer) -> StoredRun:
    outcome = run_campaign(question, observe)
    if outcome.record.interrupted:
        raise KeyboardInterrupt
    if outcome.record.unfit:
        raise UnfitError(f"a run against itself was unfit: {outcome.record.unfit[0]}")
    return StoredRun(outcome.record, write_run(folder, outcome.record, outcome.samples))


def _comparisons(runs: Sequence[StoredRun]) -> Iterator[Comparison]:
    """Each run against all others, as a gate does with a baseline; and in pairs, as with a single run."""
    for index, run in enumerate(runs):
        others = [*runs[:index], *runs[index + 1 :]]
        yield compare_runs(others, [run])
    for first, second in zip(runs[::2], runs[1::2], strict=False):
        yield compare_runs([first], [second])


def _changes(comparison: Comparison) -> list[str]:
    return [
        f"{cell.path} {cell.statistic}: {cell.word}: {cell.reason}"
        for cell in comparison.gated
        if cell.word in {REGRESSION, IMPROVEMENT}
    ]


def _visible(runs: Sequence[StoredRun], plan: Plan, change_ms: float) -> Iterator[Visible]:
    """Beside all cells that a gate on the whole plan judges, though only round trips were measured here."""
    seconds = plan.duration_ns / NS_PER_S
    paths = [path.path for path in runs[0].record.paths]
    cells = len(paths) * sum(
        _GOODPUT_CELLS if PLAN_PROBES[probe].metric == "goodput" else _LATENCY_CELLS
        for probe in plan.probes
    )
    level = FAMILY_LEVEL / max(cells, 1) / 2
    design = Design(BASE_RUNS, 1, level)
    for statistic in GATED:
        found = []
        for path in paths:
            own = list(_replicates(runs, path, statistic))
            spread = spread_of(own, seconds)
            floor = FLOORS["rtt"].of(own[0].value if own else 0.0)
            now = smallest_visible(spread, design, seconds, floor)
            needed = seconds_to_see(spread, design, change_ms, floor)
            if needed is not None:  # a shorter run would have no interval at all
                needed = max(needed, smallest_n(statistic) / plan.rate_per_s)
            many = None if needed else runs_to_see(spread, level, change_ms, floor)
            found.append(Visible(statistic, path, now, change_ms, needed, many))
        yield max(found, key=lambda each: each.now)


def _replicates(runs: Sequence[StoredRun], path: str, statistic: str) -> Iterator[Replicate]:
    for run in runs:
        for each in run.record.paths:
            for metric in each.metrics:
                if (each.path, metric.metric) == (path, "rtt"):
                    found = record_replicates(metric)
                    if statistic in found:
                        yield found[statistic]
