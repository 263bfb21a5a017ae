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
from benchkit.reports import sentences, unfit
from benchkit.reports.figures import clean
from benchkit.reports.reasons import reasons
from benchkit.store.live import LiveLog

NAMES: dict[type[Event], str] = {
    CampaignBegan: "began",
    PhaseBegan: "phase",
    PathMoved: "moved",
    RateMoved: "rate",
    Said: "said",
}
# So many verdicts that are no pass are told with their reasons; the report has all.
MOST_REASONS = 8


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
        """Say the verdict, and why: the run is kept."""
        self._write(end_of(record))

    def close(self) -> None:
        """Whoever watches sees the end."""
        if self._log is not None:
            self._log.close()

    def _write(self, event: dict[str, Any]) -> None:
        if self._log is not None:
            at = round((monotonic_ns() - self._began_ns) / NS_PER_S, 3)
            self._log.write({"at": at, **event})


def end_of(record: RunRecord) -> dict[str, Any]:
    """The last event of a run that is kept: its verdict, that of each path, and why, in sentences."""
    return {
        "event": "ended",
        "run": record.run,
        "verdict": record.verdict,
        "paths": {path.path: path.verdict for path in record.paths},
        "reasons": _reasons(record),
    }


def _reasons(record: RunRecord) -> list[str]:
    """What the report's head says, and what it says of each budget that was not kept."""
    _, said = sentences.headline(record)
    if record.unfit:
        return [said, *unfit.besides(record)]
    broken = [
        f"{clean(path.path)}: {why}"
        for word in ("fail", "inconclusive")
        for path in record.paths
        for each, why in reasons(path)
        if each.verdict == word
    ]
    return [said, *broken[:MOST_REASONS]]


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
