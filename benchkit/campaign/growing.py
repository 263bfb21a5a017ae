"""Columns that grow batch by batch, so that a long run's rows are kept once and never joined."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchkit.campaign.room import LARGE, Kind, Room
from benchkit.model.samples import Column, Samples, column


class Growing:
    """The rows of one kind, path and phase.

    A column that is the same in all rows, as most counts are, is kept as one number.
    """

    def __init__(self) -> None:
        """Hold none."""
        self._names: list[str] = []
        self._same: dict[str, int] = {}
        self._values: dict[str, Room[np.int64]] = {}
        self._holes: dict[str, Room[np.bool_]] = {}
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def add(self, batch: Samples) -> None:
        """Append rows. A column that only some batches have, for another probe came first, has holes for the rest."""
        first = self._rows
        for name in [name for name in batch.columns if name not in self._names]:
            self._names.append(name)
            if first:
                self._values[name] = _begun(np.zeros(first, dtype=np.int64))
                self._holes[name] = _begun(np.ones(first, dtype=np.bool_))
        absent = column(np.zeros(len(batch)), np.ones(len(batch), dtype=np.bool_))
        for name in self._names:
            added = batch.columns.get(name, absent)
            holes = np.ma.getmaskarray(added)
            if not self._stays_the_same(name, added, holes):
                self._write(name, np.ma.getdata(added), first)
            self._add_holes(name, holes, first)
        self._rows = first + len(batch)

    def _stays_the_same(self, name: str, added: Column, holes: NDArray[np.bool_]) -> bool:
        """Whether all rows of it, with these, are one number, but for holes."""
        if name in self._values:
            return False
        values = np.ma.getdata(added)
        same = self._same.get(name)
        if same is None:
            known = np.flatnonzero(~holes)
            same = int(values[known[0]]) if len(known) else 0
        if ((values == same) | holes).all():
            self._same[name] = same
            return True
        return False

    def _write(self, name: str, added: NDArray[np.int64], first: int) -> None:
        if name not in self._values:
            same = self._same.pop(name, 0)
            self._values[name] = _begun(np.full(first, same, dtype=np.int64))
        self._values[name].put(first, added)

    def _add_holes(self, name: str, added: NDArray[np.bool_], first: int) -> None:
        """Mark holes; a column of a small table that has had none has no marks either."""
        if name not in self._holes:
            # Room on a disk costs descriptors. A long run has them all when it becomes long, and needs no more for
            # its first loss, however late that comes.
            if not added.any() and first + len(added) < LARGE:
                return
            self._holes[name] = _begun(np.zeros(first, dtype=np.bool_))
        self._holes[name].put(first, added)

    def columns(self) -> dict[str, Column]:
        """All rows so far, each column of shape (n,), without a copy; later rows do not change them. Not to be written to."""
        return {name: self.column(name) for name in self._names}

    def column(self, name: str) -> Column:
        """One of them, of shape (n,). Raises KeyError where there is none of that name."""
        return column(
            self._values[name].upto(self._rows)
            if name in self._values
            else np.broadcast_to(np.int64(self._same[name]), self._rows),
            self._holes[name].upto(self._rows) if name in self._holes else np.ma.nomask,
        )

    def __contains__(self, name: str) -> bool:
        return name in self._names


def _begun(values: NDArray[Kind]) -> Room[Kind]:
    room: Room[Kind] = Room(values.dtype.type)
    room.put(0, values)
    return room
