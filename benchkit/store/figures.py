"""Runs that have a figure: what may be compared, and what a baseline may be made of.

A run in which nothing was measured is kept, for an outage is a fact too, and is `latest` while none is newer: no gate
may take an older run for one that failed to measure. Who needs figures refuses it, and says which run has some.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from benchkit.errors import AskedWronglyError
from benchkit.model.record import RunRecord
from benchkit.store.folder import read_run
from benchkit.store.search import list_runs

# A record takes a millisecond to read, and a series may go on while its far end is down.
MOST_LOOKED_AT = 100


def see_figures(results: Path, records: Sequence[RunRecord]) -> None:
    """Raises AskedWronglyError where none of the runs has a figure."""
    if not records or any(record.has_figures for record in records):
        return
    first = records[0].run
    raise AskedWronglyError(
        f"nothing was measured in run {first} (`benchkit report {first}` says why): {_another(results)}"
    )


def see_comparable(results: Path, records: Sequence[RunRecord]) -> None:
    """Raises AskedWronglyError for a run without a figure, an unfit and an interrupted one: nothing is held against it."""
    for record in records:
        see_figures(results, [record])
        if not record.is_comparable:
            why = "was interrupted" if record.interrupted else "was measured on an unfit machine"
            raise AskedWronglyError(
                f"run {record.run} {why}: no run can be compared with it (`benchkit report {record.run}` says more): "
                f"{_another(results)}"
            )


def newest_with_figures(results: Path) -> str | None:
    """The newest run that has some, of the last hundred."""
    return _newest(results, lambda run: run.has_figures)


def _newest(results: Path, wanted: Callable[[RunRecord], bool]) -> str | None:
    for run in list_runs(results)[: -MOST_LOOKED_AT - 1 : -1]:
        with suppress(AskedWronglyError):
            if wanted(read_run(run)):
                return run.name
    return None


def _another(results: Path) -> str:
    newest = _newest(results, lambda run: run.has_figures and run.is_comparable)
    if newest is None:
        return f"no run in {results} can be: measure again"
    return f"name {newest}, the newest that can be, or another"
