"""One figure of one path over all runs of a target, and where it changed."""

from __future__ import annotations

from dataclasses import dataclass

from benchkit.model.probe import PLAN_PROBES
from benchkit.model.record import Estimate

# What a history may be of; the first is meant where nothing is said.
METRICS = (*dict.fromkeys(probe.metric for probe in PLAN_PROBES.values()), "inference", "ratio")
LOST, MISSING, MEASURED = "lost", "missing", "measured"
UNFIT, INTERRUPTED = "unfit", "interrupted"
# Runs that no gate compares with are shown, and are no part of a level.
APART = (UNFIT, INTERRUPTED)


@dataclass(frozen=True)
class Point:
    """One run's figure. `state` is MEASURED, LOST (the percentile is a lost packet), MISSING, or as its run UNFIT or INTERRUPTED.

    `level` counts the levels from 0; absent where nothing was measured, or by a run of APART, whose `estimate` is shown
    alone. `limit` is that run's budget on the figure.
    """

    run: str
    started: str
    state: str
    estimate: Estimate | None = None
    level: int | None = None
    limit: float | None = None


@dataclass(frozen=True)
class Change:
    """A change of level: the first run of the new one, the medians before and after, what else differed then."""

    run: str
    before: float
    after: float
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class History:
    """The points of one statistic, oldest first. `newest` says what the last one looks like: no change is confirmed by it."""

    target: str
    path: str
    metric: str
    phase: str
    statistic: str
    unit: str
    points: tuple[Point, ...]
    changes: tuple[Change, ...]
    newest: str

    @property
    def apart(self) -> str:
        """How many of its runs are no part of a level, as "1 unfit and 2 interrupted"; empty where all are."""
        states = [point.state for point in self.points]
        return " and ".join(f"{states.count(each)} {each}" for each in APART if each in states)


@dataclass(frozen=True)
class Figure:
    """Which figure of a path a history is of."""

    metric: str
    phase: str
    statistic: str


@dataclass(frozen=True)
class Choices:
    """The figures that the runs of one target have, and the targets of which there are runs."""

    figures: tuple[Figure, ...]
    targets: tuple[str, ...] = ()

    def metrics(self) -> tuple[str, ...]:
        """Every metric."""
        return tuple(dict.fromkeys(each.metric for each in self.figures))

    def phases(self, metric: str) -> tuple[str, ...]:
        """Every phase of a metric."""
        return tuple(dict.fromkeys(each.phase for each in self.figures if each.metric == metric))

    def statistics(self, metric: str, phase: str) -> tuple[str, ...]:
        """Every statistic of a metric in a phase."""
        same = (each for each in self.figures if (each.metric, each.phase) == (metric, phase))
        return tuple(each.statistic for each in same)

    def nearest(self, metric: str = "", phase: str = "", statistic: str = "") -> Figure:
        """The figure with as much of it as there is, else with what is usual.

        >>> choices = Choices((Figure("rtt", "idle", "p95"), Figure("goodput", "up", "mean")))
        >>> choices.nearest("goodput", "idle", "p99")
        Figure(metric='goodput', phase='up', statistic='mean')
        """
        metric = _one(self.metrics(), metric, METRICS[0])
        usual = ("up", "mean") if metric == "goodput" else ("idle", "p95")
        phase = _one(self.phases(metric), phase, usual[0], "up")
        return Figure(
            metric, phase, _one(self.statistics(metric, phase), statistic, usual[1], "mean")
        )


def _one(there: tuple[str, ...], *wanted: str) -> str:
    """The first of what is wanted that is there; of nothing what is usual."""
    found = next((each for each in wanted if each in there), "")
    return found or next(iter(there), wanted[1])
