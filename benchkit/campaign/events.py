"""What a campaign tells those who watch it. Watching is never needed: an observer may pass over all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Said:
    """A sentence worth a line: what was chosen, what went wrong."""

    text: str


@dataclass(frozen=True)
class PhaseBegan:
    """A phase is under way; `index` from 0 of `total`, measuring for about `seconds`."""

    words: str
    index: int
    total: int
    seconds: float


@dataclass(frozen=True)
class PathMoved:
    """A path's figures so far in this phase: packets settled, lost, and the median in milliseconds."""

    path: str
    phase: str
    settled: int
    lost: int
    median_ms: float | None


Event = Said | PhaseBegan | PathMoved
Observer = Callable[[Event], None]


def unobserved(event: Event) -> None:
    """Pass over every event."""
