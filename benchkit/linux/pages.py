"""Memory of a large array that nobody will look at again, given back to the kernel while the array stands."""

from __future__ import annotations

import ctypes
import mmap
from typing import Any

from numpy.typing import NDArray

from benchkit.linux import libc


def give_back(values: NDArray[Any], first: int, last: int) -> None:
    """Let go of `values[first:last]`, an array of shape (n,) that lies in one piece and in no file.

    Whole pages of it read as zeros from then on, and may be written to again; the rest stays as it is.
    """
    base, size = values.ctypes.data, values.itemsize
    begin = -(-(base + first * size) // mmap.PAGESIZE) * mmap.PAGESIZE
    end = (base + last * size) // mmap.PAGESIZE * mmap.PAGESIZE
    if end > begin:
        length = ctypes.c_size_t(end - begin)
        libc.call("madvise", ctypes.c_void_p(begin), length, mmap.MADV_DONTNEED)
