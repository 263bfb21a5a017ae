"""Columns that grow batch by batch, so that a long run's rows are in memory once and never joined."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from benchkit.model.samples import Column, Samples, column

FIRST_ROWS = 1024
Kind = TypeVar("Kind", bound=np.generic)


class Growing:
    """The rows of one kind, path and phase.

    Each column has room for more than it holds: what is not written yet takes no memory. One column moves at a
    time when its room ends, by half again. One that is the same in all rows, as most counts are, is kept as one number.
    """

    def __init__(self) -> None:
        """Hold none."""
        self._names: list[str] = []
        self._same: dict[str, int] = {}
        self._values: dict[str, NDArray[np.int64]] = {}
        self._holes: dict[str, NDArray[np.bool_]] = {}
        self._rows = 0

    def add(self, batch: Samples) -> None:
        """Append rows. A column that only some batches have, for another probe came first, has holes for the rest."""
        first, last = self._rows, self._rows + len(batch)
        for name in [name for name in batch.columns if name not in self._names]:
            self._names.append(name)
            if first:
                self._values[name] = np.zeros(first, dtype=np.int64)
                self._holes[name] = np.ones(first, dtype=np.bool_)
        absent = column(np.zeros(len(batch)), np.ones(len(batch), dtype=np.bool_))
        for name in self._names:
            added = batch.columns.get(name, absent)
            holes = np.ma.getmaskarray(added)
            if not self._stays_the_same(name, added, holes):
                self._write(name, np.ma.getdata(added), first)
            self._add_holes(name, holes, first)
        self._rows = last

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
        last = first + len(added)
        values = self._values.get(name)
        if values is None:
            values = np.full(first, self._same.pop(name, 0), dtype=np.int64)
        if last > len(values):
            values = _moved(values, first, last)
        values[first:last] = added
        self._values[name] = values

    def _add_holes(self, name: str, added: NDArray[np.bool_], first: int) -> None:
        """Mark holes; a column that has had none has no marks either."""
        last = first + len(added)
        holes = self._holes.get(name)
        if holes is None:
            if not added.any():
                return
            holes = np.zeros(max(last, FIRST_ROWS), dtype=np.bool_)
        elif last > len(holes):
            holes = _moved(holes, first, last)
        holes[first:last] = added
        self._holes[name] = holes

    def columns(self) -> dict[str, Column]:
        """All rows so far, without a copy; what is added later does not change them. Not to be written to."""
        rows = slice(self._rows)
        return {
            name: column(
                self._values[name][rows]
                if name in self._values
                else np.broadcast_to(np.int64(self._same[name]), self._rows),
                self._holes[name][rows] if name in self._holes else np.ma.nomask,
            )
            for name in self._names
        }


def _moved(values: NDArray[Kind], rows: int, wanted: int) -> NDArray[Kind]:
    room = max(wanted, len(values) + len(values) // 2, FIRST_ROWS)
    moved = np.empty(room, dtype=values.dtype)
    moved[:rows] = values[:rows]
    return moved
