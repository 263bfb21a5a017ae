"""One figure of one path over all runs of a target, and where it changed."""

from __future__ import annotations

from dataclasses import dataclass

from benchkit.model.record import Estimate


@dataclass(frozen=True)
class Point:
    """One run's figure. `state` is "measured", "lost" (the percentile is a lost packet) or "missing".

    `level` counts the levels from 0; absent where nothing was measured. `limit` is that run's budget on the figure.
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
    """The points of one statistic, oldest first. `newest` says what the last one looks like: it is never confirmed."""

    target: str
    path: str
    metric: str
    phase: str
    statistic: str
    unit: str
    points: tuple[Point, ...]
    changes: tuple[Change, ...]
    newest: str
