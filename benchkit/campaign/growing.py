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
    time when its room ends, by half again.
    """

    def __init__(self) -> None:
        """Hold none."""
        self._values: dict[str, NDArray[np.int64]] = {}
        self._holes: dict[str, NDArray[np.bool_]] = {}
        self._rows = 0

    def add(self, batch: Samples) -> None:
        """Append rows. A column that only some batches have, for another probe came first, has holes for the rest."""
        first, last = self._rows, self._rows + len(batch)
        for name in [name for name in batch.columns if name not in self._values]:
            self._values[name] = np.zeros(first, dtype=np.int64)
            if first:
                self._holes[name] = np.ones(first, dtype=np.bool_)
        absent = column(np.zeros(len(batch)), np.ones(len(batch), dtype=np.bool_))
        for name, values in self._values.items():
            added = batch.columns.get(name, absent)
            if last > len(values):
                self._values[name] = _moved(values, first, last)
            self._values[name][first:last] = np.ma.getdata(added)
            self._add_holes(name, np.ma.getmaskarray(added), first)
        self._rows = last

    def _add_holes(self, name: str, added: NDArray[np.bool_], first: int) -> None:
        """Mark holes; a column that has had none has no marks either."""
        last = first + len(added)
        holes = self._holes.get(name)
        if holes is None:
            if not added.any():
                return
            holes = np.zeros(len(self._values[name]), dtype=np.bool_)
        elif last > len(holes):
            holes = _moved(holes, first, last)
        holes[first:last] = added
        self._holes[name] = holes

    def columns(self) -> dict[str, Column]:
        """All rows so far, without a copy; what is added later does not change them."""
        rows = slice(self._rows)
        return {
            name: column(
                values[rows], self._holes[name][rows] if name in self._holes else np.ma.nomask
            )
            for name, values in self._values.items()
        }


def _moved(values: NDArray[Kind], rows: int, wanted: int) -> NDArray[Kind]:
    room = max(wanted, len(values) + len(values) // 2, FIRST_ROWS)
    moved = np.empty(room, dtype=values.dtype)
    moved[:rows] = values[:rows]
    return moved
