"""What a campaign tells those who watch it. Watching is never needed: an observer may pass over all of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchkit.campaign.phases import LOADED


@dataclass(frozen=True)
class Said:
    """A sentence worth a line: what was chosen, what went wrong."""

    text: str


@dataclass(frozen=True)
class CampaignBegan:
    """A campaign is under way, under the id that its run will have. `budgets` are (path, metric, percentile, limit, unit)."""

    run: str
    target: str
    title: str
    started: str
    emulator: str
    paths: tuple[str, ...]
    budgets: tuple[tuple[str, str, str, float, str], ...] = ()


@dataclass(frozen=True)
class PhaseBegan:
    """A phase is under way; `index` from 0 of `total`, measuring for `seconds`, `left_s` until all are done."""

    words: str
    index: int
    total: int
    seconds: float
    left_s: float = 0.0


@dataclass(frozen=True)
class PathMoved:
    """A path's latencies so far in this phase: packets or requests settled and lost, percentiles in ms.

    A percentile that was lost is absent. With `is_final` the phase is over, and `unmeasured` counts what was due and
    is neither answer nor loss: what this host did not send, or the kernel did not stamp.
    """

    path: str
    kind: str
    phase: str
    settled: int
    lost: int
    percentiles_ms: Mapping[str, float]
    is_final: bool = False
    unmeasured: int = 0

    @property
    def series(self) -> str:
        """Its phase; requests beside a load are told from the round trips there."""
        is_beside = self.kind == "http" and self.phase in LOADED
        return f"{self.phase}, HTTP, new connection" if is_beside else self.phase


@dataclass(frozen=True)
class RateMoved:
    """What a path's bulk stream carried of late, as the receiver counts it."""

    path: str
    phase: str
    mbps: float


Event = Said | CampaignBegan | PhaseBegan | PathMoved | RateMoved
Observer = Callable[[Event], None]
