"""Everything that probes have sent home, by kind, path and phase; what arrives late finds its place too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from benchkit.campaign.departures import Departures
from benchkit.campaign.growing import Growing
from benchkit.campaign.phases import LOADED
from benchkit.model.samples import DROPPED, Column, Samples, column, concatenate

Key = tuple[str, str, str]
# A mesh is asked for each of thousands of small tables a dozen times; a long one is put together when it is wanted.
SMALL = 1 << 12
UNTOLD = Departures()


class Harvest:
    """Rows as they come, in memory: a default run is some tens of megabytes."""

    def __init__(self) -> None:
        """Start empty."""
        self._growing: dict[Key, Growing] = {}
        self._departures: dict[int, Departures] = defaultdict(Departures)
        self._sessions: dict[tuple[str, str], int] = {}
        self._foreign: set[tuple[str, str]] = set()
        self._settled: dict[Key, Samples] = {}
        # As they were put together last, by what they were put together of.
        self._known: dict[Key, tuple[tuple[int, int], Samples]] = {}
        self._opened = 0

    def open_session(self, path: str, phase: str, *, ours: bool = True) -> int:
        """A session identifier (SSID, 1 to 65535) for the round trips of one path in one phase.

        Where the far end is not `ours`, its kernel's departures come in its later answers (follow-up telemetry),
        or not at all: then what its answers say stands.
        A second session of the same is a further round: it counts its packets from 0 again, so the rows of the
        round before are settled first, with the departures known by now.
        """
        self._settle(("rtt", path, phase))
        self._opened += 1
        ssid = (self._opened - 1) % 65_535 + 1
        self._sessions[path, phase] = ssid
        if not ours:
            self._foreign.add((path, phase))
        return ssid

    def add(self, batch: Samples) -> None:
        """Take a batch. Departures are a reflector's own stamps of its answers, kept by session.

        What a stream tells of its rate on the way comes again with its goodput: it is not kept.
        """
        if batch.kind == "rate":
            return
        if batch.kind != "departures":
            key = (batch.kind, batch.path, batch.phase)
            if key not in self._growing:
                self._growing[key] = Growing()
            self._growing[key].add(batch)
            return
        ssid, sequence, t3 = (batch.columns[name].data for name in ("ssid", "sequence", "t3_ns"))
        order = np.argsort(ssid, kind="stable")
        ssid, sequence, t3 = ssid[order], sequence[order], t3[order]
        ends = [*(np.flatnonzero(np.diff(ssid)) + 1).tolist(), len(ssid)]
        for first, last in zip([0, *ends], ends, strict=False) if len(ssid) else ():
            self._departures[int(ssid[first])].add(sequence[first:last], t3[first:last])

    def has(self, kind: str, path: str, phase: str) -> bool:
        """Whether anything of that kind, path and phase has come."""
        key = (kind, path, phase)
        return key in self._growing or key in self._settled

    def count(self, kind: str, path: str, phase: str) -> int:
        """How many rows of that kind, path and phase have come."""
        key = (kind, path, phase)
        return sum(len(kept[key]) for kept in (self._settled, self._growing) if key in kept)

    @property
    def dropped(self) -> int:
        """How many packets this host had no room for in the sockets of its own probes and responders."""
        rows = self.samples(DROPPED, "", "")
        return 0 if rows is None else int(rows.columns["packets"].sum())

    def forget(self, phase: str, paths: Collection[str] | None = None) -> None:
        """Drop the rows of a phase that is measured again; of these paths alone, where they are named."""
        for kept in (self._growing, self._settled):
            for key in [key for key in kept if key[2] == phase]:
                if paths is None or key[1] in paths:
                    self._forget_key(key)

    def cut_off(self, phase: str, path: str, at_ns: int) -> None:
        """Drop what was due in a phase of a path at that time (CLOCK_MONOTONIC) or later."""
        for key in {key for key in (*self._growing, *self._settled) if key[1:] == (path, phase)}:
            rows = self.samples(*key)
            if rows is None or "due_ns" not in rows.columns:
                continue
            kept = rows.columns["due_ns"].data < at_ns
            columns = {name: values[kept] for name, values in rows.columns.items()}
            self._forget_key(key)
            self._settled[key] = Samples(*key, columns)

    def samples(self, kind: str, path: str, phase: str) -> Samples | None:
        """All rows of one kind, path and phase, round trips with the reflector's kernel stamps; or None.

        The rows of several rounds are numbered on, as if they were one.
        """
        key = (kind, path, phase)
        before, last = self._settled.get(key), self._round(key)
        if before is None:
            return last
        if last is None:
            return before
        return concatenate([before, _numbered_on(last, len(before))])

    def departed(self, rows: Samples) -> tuple[Samples, bool]:
        """A batch of round trips with the kernel's departures of its answers, and whether they have been told as far as it goes.

        Looks among those that were told lately. One that is missing before later ones is none that the kernel stamped.
        """
        departures = self._departures_of(rows.path, rows.phase)
        if "t3_ns" not in rows.columns or self._is_told_by_answers(rows.path, rows.phase):
            return rows, True
        sequence, answered = rows.columns["sequence"].data, _answered(rows)
        t3 = departures.lately(sequence)
        columns = {**rows.columns, "t3_ns": column(t3, (t3 == 0) | ~answered)}
        is_told = not answered.any() or departures.newest >= int(sequence[answered].max())
        return Samples(rows.kind, rows.path, rows.phase, columns), is_told

    def _settle(self, key: Key) -> None:
        rows = self.samples(*key)
        if rows is not None:
            self._forget_key(key)
            self._settled[key] = rows

    def _forget_key(self, key: Key) -> None:
        for kept in (self._growing, self._settled, self._known):
            kept.pop(key, None)

    def _round(self, key: Key) -> Samples | None:
        """What has come since the last session was opened."""
        growing = self._growing.get(key)
        if growing is None:
            return None
        made_of = len(growing), len(self._departures_of(*key[1:]))
        known = self._known.get(key)
        if known is not None and known[0] == made_of:
            return known[1]
        found = self._put_together(key, growing)
        if len(found) <= SMALL:
            self._known[key] = made_of, found
        return found

    def _put_together(self, key: Key, growing: Growing) -> Samples:
        kind, path, phase = key
        joined = Samples(kind, path, phase, growing.columns())
        if kind != "rtt" or "t3_ns" not in joined.columns:
            return joined
        if self._is_told_by_answers(path, phase):
            return joined
        columns = dict(joined.columns)
        columns["t3_ns"] = _departed(joined, self._departures_of(path, phase))
        return Samples(kind, path, phase, columns)

    def _is_told_by_answers(self, path: str, phase: str) -> bool:
        """Whether the departure of an answer is what it says itself, and not what the far end's kernel told later.

        So it is where nothing is told later; and beside a load on a real path: the far end's own queue, behind which
        its kernel stamps, is part of the answer then, as this host's is.
        """
        is_foreign = (path, phase) in self._foreign
        return is_foreign and (phase in LOADED or not self._departures_of(path, phase))

    def is_counted(self, path: str, phase: str) -> bool:
        """Whether the far end is known to count the packets of each session, as ours does."""
        ours = (path, phase) in self._sessions and (path, phase) not in self._foreign
        return ours or bool(self._departures_of(path, phase))

    def awaits_departures(self, path: str, phase: str) -> bool:
        """Whether answers have arrived whose departure is not known yet, and will be."""
        if (path, phase) in self._foreign:
            return False
        known = self._departures_of(path, phase)
        growing = self._growing.get(("rtt", path, phase))
        if growing is None:
            return False
        if "t3_ns" not in growing:
            return False
        answered = ~np.ma.getmaskarray(growing.column("t4_ns"))
        return not known.of(growing.column("sequence").data[answered]).all()

    def _departures_of(self, path: str, phase: str) -> Departures:
        return self._departures.get(self._sessions.get((path, phase), 0), UNTOLD)

    def everything(self) -> list[Samples]:
        """All samples, in the order in which their first rows came."""
        keys = dict.fromkeys((*self._settled, *self._growing))
        return [found for key in keys if (found := self.samples(*key)) is not None]


def _numbered_on(rows: Samples, first: int) -> Samples:
    columns = dict(rows.columns)
    columns["sequence"] = columns["sequence"] + first
    return Samples(rows.kind, rows.path, rows.phase, columns)


def _answered(rows: Samples) -> NDArray[np.bool_]:
    return ~np.ma.getmaskarray(rows.columns["t4_ns"])


def _departed(rows: Samples, departures: Departures) -> Column:
    """T3 by the reflector's kernel; a hole where it has none, for a user-space stamp would be a guess."""
    t3 = departures.of(rows.columns["sequence"].data)
    return column(t3, (t3 == 0) | ~_answered(rows))
