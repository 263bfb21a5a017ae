"""Where the time of a latency went: its parts, and its two directions. All in the unit of the metric, ms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Spread:
    """Mean and nearest-rank percentiles."""

    mean: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Parts:
    """Means of the parts sum to that of "whole". Over the `n` answered that have every stamp.

    `missing` counts the answered that lack a stamp, by stamp: they are counted here and guessed nowhere.
    """

    n: int
    shares: Mapping[str, Spread]
    missing: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Delay:
    """One direction: the least, and nearest-rank percentiles."""

    least: float
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True)
class OneWay:
    """One-way delay (RFC 7679), to within `error`; `relative` is by how much the least was exceeded.

    `offset_low` and `offset_high` bound the far clock less ours in the middle of the run. `words` say what the
    figures rest on.
    """

    relative: bool
    words: str
    forward: Delay
    backward: Delay
    error: float | None = None
    offset_low: float | None = None
    offset_high: float | None = None
    skew_ppm: float | None = None
    skew_error_ppm: float | None = None
