"""The few C library calls that Python 3.11 has no name for, with errno turned into OSError."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from typing import Any

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_SET_TIMERSLACK = 29
# mallopt(3): blocks from this size on come from the kernel, and go back to it.
M_MMAP_THRESHOLD, LARGE_OCTETS = -3, 128 << 10

_libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: Any) -> int:  # noqa: ANN401  whatever the C function takes
    """Call a function that answers -1 and sets errno when it fails.

    Raises OSError with the errno of a call that fails.
    """
    result = int(getattr(_libc, name)(*arguments))
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def tried(name: str, *arguments: Any) -> int:  # noqa: ANN401  as above
    """Call such a function; its answer, or its errno as a negative number, which costs less than an exception."""
    result = int(getattr(_libc, name)(*arguments))
    return result if result != -1 else -ctypes.get_errno()


def unshare_network() -> None:
    """Give the calling thread a network namespace of its own."""
    call("unshare", CLONE_NEWNET)


def enter_network(path: str) -> None:
    """Move the calling thread into the network namespace at `path`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        call("setns", descriptor, CLONE_NEWNET)
    finally:
        os.close(descriptor)


def die_with_parent(signal_number: int) -> None:
    """Have the kernel send this process a signal when its parent ends."""
    call("prctl", PR_SET_PDEATHSIG, signal_number, 0, 0, 0)


def be_called(name: str) -> None:
    """Give this process the name that `ps` and `top` show, up to 15 octets of it."""
    call("prctl", PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def wake_on_time() -> None:
    """Take the 50 us of slack out of this thread's sleeps."""
    call("prctl", PR_SET_TIMERSLACK, 1, 0, 0, 0)


def give_back_memory() -> None:
    """Keep large arrays apart from small objects from now on, and give the kernel back what is free.

    Else the C library keeps what a large array leaves, for the next of that size. Not every C library can.
    """
    with suppress(AttributeError):
        _libc.mallopt(M_MMAP_THRESHOLD, LARGE_OCTETS)
        _libc.malloc_trim(0)
