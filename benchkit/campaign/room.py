"""Room for values that come one after another: in memory while they are few, in a nameless file of the disk beyond.

What a long run was told is looked at once, at its end: until then the kernel keeps it, and the process stays small.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from pathlib import Path
from typing import IO, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

FIRST_VALUES = 128
# Columns of one table move at the same time, whatever the size of their values.
LARGE = 1 << 18
# How much is written before its pages are given back to the kernel.
STRIDE_OCTETS = 1 << 18
# On a disk, where /tmp often is memory.
DISK = Path("/var/tmp")  # noqa: S108  the file has no name
Kind = TypeVar("Kind", bound=np.generic)


class Room(Generic[Kind]):
    """Values of one type. What was handed out stays as it was, whatever is added later."""

    def __init__(self, kind: type[Kind]) -> None:
        """Hold none."""
        self._values: NDArray[Kind] = np.zeros(0, dtype=kind)
        self._file: IO[bytes] | None = None
        self._map: mmap.mmap | None = None
        self._given_back = 0

    def __len__(self) -> int:
        """How many it has room for."""
        return len(self._values)

    def put(self, first: int, values: NDArray[Kind]) -> None:
        """Write values of shape (n,) from `first` on; nothing beyond `first` has been written before."""
        last = first + len(values)
        if last > len(self._values):
            self._move(first, last)
        self._values[first:last] = values
        if self._map is not None:
            self._give_back(last * self._values.itemsize)

    def upto(self, last: int) -> NDArray[Kind]:
        """The first values, shape (last,), without a copy."""
        return self._values[:last]

    def _move(self, kept: int, wanted: int) -> None:
        """Make room for half as much again; all between is zero. On a disk, nothing is copied."""
        room = max(wanted, len(self._values) + len(self._values) // 2, FIRST_VALUES)
        octets = room * self._values.itemsize
        moved = self._mapped(octets) if room >= LARGE else None
        if moved is not None and self._map is not None:
            self._map = moved
            self._values = np.frombuffer(moved, dtype=self._values.dtype)
            return
        # Never written pages of zeros take no memory.
        values = (
            np.zeros(room, dtype=self._values.dtype)
            if moved is None
            else np.frombuffer(moved, dtype=self._values.dtype)
        )
        values[:kept] = self._values[:kept]
        self._values, self._map = values, moved

    def _mapped(self, octets: int) -> mmap.mmap | None:
        """The file, so long; None where no disk takes it. Written to without room it would end the process."""
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=DISK if DISK.is_dir() else None)  # noqa: SIM115  it lives as long as we do
                weakref.finalize(self, self._file.close)
            os.posix_fallocate(self._file.fileno(), 0, octets)
            return mmap.mmap(self._file.fileno(), octets)
        except OSError:
            return None

    def _give_back(self, written: int) -> None:
        if self._map is None or written - self._given_back < STRIDE_OCTETS:
            return
        whole = written - written % mmap.PAGESIZE
        self._map.madvise(mmap.MADV_DONTNEED, 0, whole)
        self._given_back = whole
