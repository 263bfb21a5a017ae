"""The runs in a folder, kept in memory as rows: each record is read once, for a run never changes.

Reading goes newest first and in strides, so that the first page is there at once; what is not read yet is a
row too. Everything here runs in one thread at a time, beside the loop that serves.
"""

from __future__ import annotations

import functools
import math
import os
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pydantic_core

from benchkit.clock import NS_PER_MS, NS_PER_S, monotonic_ns
from benchkit.errors import AskedWronglyError, BenchkitError, told_by_system
from benchkit.model.record import SCHEMA
from benchkit.store import find_run, leftovers, read_run
from benchkit.store.folder import RECORD_NAME
from benchkit.store.live import first_event, is_running, live_logs
from benchkit.store.run_id import PARTIAL_PREFIX, is_run_id
from benchkit.store.salvage import examine
from benchkit.web.row import Row, row_of_data, row_of_record, running, troubled

STRIDE_NS = 100 * NS_PER_MS
CHECK_NS = 10 * NS_PER_S
KILLED = (
    "its process ended before the run was kept: nothing of it is left; the next run removes this"
)
UNREAD = "its record is not read yet"
_Stamp = tuple[int, int]


class NoSuchRunError(AskedWronglyError):
    """A run was named that the folder does not hold."""


@dataclass(frozen=True)
class Listing:
    """All rows, newest first, and how many of them are not read yet."""

    rows: tuple[Row, ...]
    unread: int


class Catalog:
    """The rows of a folder; `look` brings them up to date."""

    def __init__(self, results: Path) -> None:
        """Know nothing yet."""
        # Absolute, so that a sentence that names it can be told from one in which a word is called as the folder is.
        self.results = results.absolute()
        self._rows: dict[str, Row] = {}
        self._stamps: dict[str, _Stamp] = {}
        self._listed_ns = -1
        self._checked_ns = monotonic_ns()
        self._to_check: list[str] = []
        self._shown_unfinished: tuple[Row, ...] = ()
        self._lock = threading.Lock()
        self.listing = Listing((), 0)

    @property
    def is_current(self) -> bool:
        """Whether the listing has every run: the folder is as it was when it was listed."""
        return self._written() == self._listed_ns

    def look(self, budget_ns: int = STRIDE_NS) -> Listing:
        """List the folder where it has changed, and read records that are new for as long as the budget allows.

        Whether a record was damaged or mended since is seen within CHECK_NS. Raises AskedWronglyError where the
        folder cannot be listed.
        """
        with self._lock:
            now, written = monotonic_ns(), self._written()
            changed = self._list(now, written)
            waiting = sorted(self._stamps.keys() - self._rows.keys(), reverse=True)
            read = 0
            while read < len(waiting) and monotonic_ns() < now + budget_ns:
                self._rows[waiting[read]] = self._read(waiting[read])
                read += 1
            unfinished = tuple(self._unfinished())
            if changed or read or unfinished != self._shown_unfinished:
                self._shown_unfinished = unfinished
                self.listing = self._listed(unfinished)
            self._listed_ns = written  # last: until then the listing is that of before
            return self.listing

    def _list(self, now: int, written: int) -> bool:
        """Find out which runs there are, and of which the record is another than before."""
        found = dict(self._stamps if written == self._listed_ns else self._found())
        for run in self._due(now, found):
            stamp = self._stamp(run)
            if stamp is None:
                del found[run]
            else:
                found[run] = stamp
        stale = {run for run in self._rows if found.get(run) != self._stamps.get(run)}
        for run in stale:
            del self._rows[run]
        changed = bool(stale) or found.keys() != self._stamps.keys()
        self._stamps = found
        return changed

    def _due(self, now: int, found: Mapping[str, _Stamp]) -> list[str]:
        """The next to be checked of the runs found: all in turn within CHECK_NS, never all at once if looked at often."""
        share = min((now - self._checked_ns) / CHECK_NS, 1.0)
        self._checked_ns = now
        due = []
        for _ in range(math.ceil(share * len(found))):
            if not self._to_check:
                self._to_check = list(found)
            due.append(self._to_check.pop())
        return [run for run in dict.fromkeys(due) if run in found]

    def _written(self) -> int:
        try:
            return self.results.stat().st_mtime_ns
        except OSError:
            return 0

    def _listed(self, unfinished: tuple[Row, ...]) -> Listing:
        rows = [self._rows.get(run) or _unread(run) for run in sorted(self._stamps, reverse=True)]
        return Listing((*unfinished, *rows), len(self._stamps) - len(self._rows))

    def folder(self, run: str) -> Path:
        """Where the run of exactly that id lies: nothing outside of the folder can be named.

        Raises NoSuchRunError where there is none, and AskedWronglyError where it is damaged.
        """
        if not is_run_id(run) or "/" in run or not (self.results / run).is_dir():
            raise NoSuchRunError(f"no run {run}: the list has those that there are")
        return find_run(self.results, run)

    def worded(self, error: BaseException) -> str:
        """What an error says, without where the folder lies on this machine."""
        text = str(error)
        for place in dict.fromkeys((str(self.results.resolve()), str(self.results))):
            whole = rf"(?<![\w./-]){re.escape(place)}(?![\w-])"
            text = re.sub(whole, "the folder", re.sub(f"{whole}/", "", text))
        return text

    def _found(self) -> Iterator[tuple[str, _Stamp]]:
        """Each run with the stamp of its record, which is looked at where the run is new."""
        try:
            with os.scandir(self.results) as entries:
                names = [entry.name for entry in entries if is_run_id(entry.name)]
        except FileNotFoundError:
            return
        except OSError as error:
            said = told_by_system(error)
            raise AskedWronglyError(f"the runs cannot be listed: {said}") from error
        for name in names:
            stamp = self._stamps.get(name) or self._stamp(name)
            if stamp is not None:
                yield name, stamp

    def _stamp(self, run: str) -> _Stamp | None:
        """When its record was written, and how long it is; nothing of either where it has none; None where it is gone."""
        try:
            status = (self.results / run / RECORD_NAME).stat()
        except OSError:
            return (0, 0) if (self.results / run).is_dir() else None
        return status.st_mtime_ns, status.st_size

    def _read(self, run: str) -> Row:
        folder = self.results / run
        try:
            data = pydantic_core.from_json((folder / RECORD_NAME).read_bytes())
            if data["schema"] == SCHEMA:
                return row_of_data(run, data)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass  # the strict reader below says in words what is wrong
        try:
            return replace(row_of_record(read_run(folder)), run=run)
        except BenchkitError as error:
            said = self.worded(error).removeprefix(f"{run}/{RECORD_NAME}: ")
            return troubled(run, "newer" if "newer benchkit" in said else "damaged", said)

    def _unfinished(self) -> Iterator[Row]:
        """What is measured or written just now, and what a writer was killed at."""
        for run, log in live_logs(self.results).items():
            if is_running(log):
                yield running(run, first_event(log))
            else:
                yield troubled(run, "unfinished", KILLED)
        for folder in leftovers(self.results):
            partial = examine(folder)
            run = folder.name.removeprefix(PARTIAL_PREFIX)
            if not is_run_id(run):
                continue
            what = "being written" if partial.state == "busy" else "never finished"
            remedy = "" if partial.state == "busy" else "; `benchkit doctor --clean` settles it"
            said = f"{what}: {self.worded(Exception(partial.why))}{remedy}"
            yield troubled(run, "unfinished", said)


@functools.lru_cache(maxsize=1 << 15)
def _unread(run: str) -> Row:
    return troubled(run, "unread", UNREAD)
