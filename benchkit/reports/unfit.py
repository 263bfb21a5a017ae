"""What a report says of a run that is unfit, beside its headline: each miss once, and its remedy once for all."""

from __future__ import annotations

from dataclasses import replace

from benchkit.model.record import TRIED_AGAIN, RunRecord
from benchkit.reports.figures import clean

UNFIT = "unfit"


def besides(record: RunRecord) -> list[str]:
    """The reasons why a run is unfit after the headline's, each without an ending that was told before.

    What follows the last colon explains, and says what would help: of many misses that is the same.
    """
    told: set[str] = set()
    found = []
    for reason in record.unfit:
        what, _, ending = clean(reason).rpartition(": ")
        found.append(what if what and ending in told else clean(reason))
        told.add(ending)
    return found[1:]


def marked(record: RunRecord) -> RunRecord:
    """The record with "unfit" for each verdict on an unfit path, which is kept as inconclusive: a page says one word of it."""
    paths = tuple(
        replace(path, verdicts=tuple(replace(each, verdict=path.verdict) for each in path.verdicts))
        if path.verdict == UNFIT
        else path
        for path in record.paths
    )
    return replace(record, paths=paths)


def notes(record: RunRecord) -> list[str]:
    """The notes but those on attempts to calibrate what was given up in the end: how it missed at last is told."""
    return [
        clean(note) for note in record.notes if not (record.unfit and note.endswith(TRIED_AGAIN))
    ]
