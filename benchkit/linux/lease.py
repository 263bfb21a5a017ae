"""One right that many processes may hold in turn, and whose holder says for how long.

The kernel lets go of it however its holder ends: it is a lock on a file, and the file's text says who and until when.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from dataclasses import dataclass

from benchkit.clock import NS_PER_S, monotonic_ns

TEXT_OCTETS = 1024
# What is said of a holder that has not yet written how long it will be.
UNKNOWN_S = 1.0


@dataclass(frozen=True)
class Held:
    """Who has it, and for how many seconds yet; never less than a tenth."""

    holder: str
    left_s: float


class Lease:
    """A lease among all who name the same file, or among the threads that share this object, without one."""

    def __init__(self, path: str = "") -> None:
        """Know where the lock is; nothing is taken yet."""
        self._memory = -1 if path else os.memfd_create("lease")
        self._path = path or f"/proc/self/fd/{self._memory}"
        self._descriptor = -1

    def take(self, holder: str, seconds: float) -> Held | None:
        """Take it for about so long; or who has it, where somebody does."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held = _read(descriptor)
            os.close(descriptor)
            return held
        self._descriptor = descriptor
        self.renew(holder, seconds)
        return None

    def renew(self, holder: str, seconds: float) -> None:
        """Say that its holder will be about so long from now."""
        until_ns = monotonic_ns() + round(seconds * NS_PER_S)
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, json.dumps([holder[:100], until_ns]).encode(), 0)

    def release(self) -> None:
        """Let go, if it is held by this object."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def close(self) -> None:
        """Let go for good."""
        self.release()
        if self._memory >= 0:
            os.close(self._memory)
            self._memory = -1


def _read(descriptor: int) -> Held:
    with suppress(ValueError, TypeError):
        holder, until_ns = json.loads(os.pread(descriptor, TEXT_OCTETS, 0))
        return Held(str(holder), max(0.1, (int(until_ns) - monotonic_ns()) / NS_PER_S))
    return Held("another", UNKNOWN_S)
