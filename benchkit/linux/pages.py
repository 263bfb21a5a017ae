"""Memory of a large array that nobody will look at again, given back to the kernel while the array stands."""

from __future__ import annotations

import ctypes
import mmap
from contextlib import suppress
from typing import Any

from numpy.typing import NDArray

from benchkit.linux import libc

# Of <asm-generic/mman-common.h>.
MADV_NOHUGEPAGE = 15


def hold_small(values: NDArray[Any]) -> None:
    """Have the kernel hold an array of shape (n,) in small pages, before it is given back in pieces.

    numpy asks for huge ones, and the kernel makes those whole again behind our back: what was given back would be there anew.
    """
    with suppress(OSError):  # EINVAL: a kernel without huge pages
        _advise(values, len(values), MADV_NOHUGEPAGE)


def give_back(values: NDArray[Any], last: int) -> None:
    """Let go of `values[:last]`, an array of shape (n,) that lies in one piece and in no file.

    Whole pages of it read as zeros from then on, and may be written to again; the rest stays as it is. It is always all that
    comes before: piece by piece a page at every seam would stay, for it is whole in neither piece.
    """
    _advise(values, last, mmap.MADV_DONTNEED)


def _advise(values: NDArray[Any], last: int, advice: int) -> None:
    """Of the whole pages before it."""
    base = values.ctypes.data
    begin = -(-base // mmap.PAGESIZE) * mmap.PAGESIZE
    end = (base + last * values.itemsize) // mmap.PAGESIZE * mmap.PAGESIZE
    if end > begin:
        length = ctypes.c_size_t(end - begin)
        libc.call("madvise", ctypes.c_void_p(begin), length, advice)
