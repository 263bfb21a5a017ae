"""A harvest that is written down as it comes, and brought back from what was written."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path as File

from benchkit.campaign.harvest import Harvest
from benchkit.campaign.latencies import Circumstances
from benchkit.campaign.summary import path_record
from benchkit.errors import AskedWronglyError
from benchkit.model.place import Budget, Path
from benchkit.model.record import PathRecord, RunRecord
from benchkit.model.samples import Samples
from benchkit.stats.verdicts import overall
from benchkit.store.journal import AFTER, Journal, Words, has_ended, read_journal

# What a journal that somebody else has written may say at most.
LONGEST_S = 1e9
ADD, SESSION, FORGET = "add", "session", "forget"
KILLED = "the run was killed: measured in part"
NOT_KEPT = "the run could not be kept when it ended: this is what had been written of it"


class KeptHarvest(Harvest):
    """A Harvest whose every change is in a journal too."""

    def __init__(self, journal: Journal) -> None:
        """Start empty."""
        super().__init__()
        self._journal = journal

    def open_session(self, path: str, phase: str, *, ours: bool = True) -> int:
        """As a harvest does."""
        self._journal.write({SESSION: [path, phase, ours]})
        return super().open_session(path, phase, ours=ours)

    def add(self, batch: Samples) -> None:
        """As a harvest does."""
        if batch.kind != "rate":  # which a harvest does not keep
            self._journal.write({ADD: True}, batch)
        super().add(batch)

    def forget(self, phase: str, paths: Collection[str] | None = None) -> None:
        """As a harvest does."""
        self._journal.write({FORGET: [phase, None if paths is None else sorted(paths)]})
        super().forget(phase, paths)


def recovered(file: File) -> tuple[RunRecord, list[Samples]]:
    """What a run had been told that was killed, or could not be kept: its record, with all that was measured and nothing judged, and its samples.

    Raises AskedWronglyError where there is no record in it, or what no run can have been told.
    """
    record, told = read_journal(file)
    try:
        harvest, lasted_s = _replayed(told)
        why = NOT_KEPT if has_ended(file) else KILLED
        paths = tuple(_measured(path, harvest, why) for path in record.paths)
    except (LookupError, TypeError, ValueError) as error:
        raise AskedWronglyError(
            f"{file} holds what no run is told: {error}: remove it by hand"
        ) from error
    verdict = overall((path.verdict for path in paths), unfit=False)
    found = replace(
        record,
        duration_s=lasted_s,
        paths=paths,
        verdict=verdict,
        interrupted=True,
        notes=(*record.notes, why),
    )
    return found, harvest.everything()


def _replayed(told: Iterable[tuple[Words, Samples | None]]) -> tuple[Harvest, float]:
    """All that was told, and how many seconds after its beginning the run was told the last of it."""
    harvest, after_s = Harvest(), 0.0
    for words, batch in told:
        after_s = max(0.0, min(float(words.get(AFTER, after_s)), LONGEST_S))
        if batch is not None:
            harvest.add(batch)
        elif SESSION in words:
            path, phase, ours = words[SESSION]
            harvest.open_session(path, phase, ours=ours)
        elif FORGET in words:
            harvest.forget(*words[FORGET])
    return harvest, after_s


def _measured(known: PathRecord, harvest: Harvest, why: str) -> PathRecord:
    """The path with what was measured of it. A part is never judged."""
    budgets = tuple(
        Budget(each.metric, each.limit, each.unit, each.percentile, each.fact, each.reading or "")
        for each in known.verdicts
    )
    path = Path(known.path, known.near, known.far, None, budgets, known.great_circle_km)
    found = path_record(path, harvest, Circumstances(unfit=why))
    return replace(found, model=known.model, verdict="inconclusive")
