"""A campaign's events written down for whoever watches: from the events to the lines of a live log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchkit.campaign.events import (
    CampaignBegan,
    Event,
    Observer,
    PathMoved,
    PhaseBegan,
    RateMoved,
    Said,
)
from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.model.record import RunRecord
from benchkit.store.live import LiveLog

NAMES: dict[type[Event], str] = {
    CampaignBegan: "began",
    PhaseBegan: "phase",
    PathMoved: "moved",
    RateMoved: "rate",
    Said: "said",
}


class Teller:
    """An observer that writes every event to the live log of its run, from the first that names the run on."""

    def __init__(self, results: Path) -> None:
        """Write below this folder."""
        self._results = results
        self._log: LiveLog | None = None
        self._began_ns = monotonic_ns()

    def __call__(self, event: Event) -> None:
        """Write it down, with the seconds since the campaign began."""
        if isinstance(event, CampaignBegan):
            self._log = LiveLog(self._results, event.run)
            self._began_ns = monotonic_ns()
        self._write({"event": NAMES[type(event)], **asdict(event)})

    def ended(self, record: RunRecord) -> None:
        """Say the verdict: the run is kept."""
        verdicts = {path.path: path.verdict for path in record.paths}
        self._write(
            {"event": "ended", "run": record.run, "verdict": record.verdict, "paths": verdicts}
        )

    def close(self) -> None:
        """Whoever watches sees the end."""
        if self._log is not None:
            self._log.close()

    def _write(self, event: dict[str, Any]) -> None:
        if self._log is not None:
            at = round((monotonic_ns() - self._began_ns) / NS_PER_S, 3)
            self._log.write({"at": at, **event})


@contextmanager
def told(results: Path) -> Iterator[Teller]:
    """A Teller for one campaign."""
    teller = Teller(results)
    try:
        yield teller
    finally:
        teller.close()


def both(one: Observer, other: Observer) -> Observer:
    """An observer that is two."""

    def observe(event: Event) -> None:
        one(event)
        other(event)

    return observe
