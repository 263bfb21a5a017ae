"""How many connections are open at once, and how many of them by one source: nobody shall take them all."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter

from benchkit.probes.admission import source_of

# Whose connection had gone before anybody asked whose it was.
NOBODY = "::"


def peer_of(transport: asyncio.BaseTransport) -> str:
    """The address at the other end of a connection."""
    name = transport.get_extra_info("peername")
    return str(name[0]) if name else NOBODY


class Crowd:
    """Counts who is in, from any thread."""

    def __init__(self, most: int, most_of_one: int) -> None:
        """Let in so many, and so many of one source: an IPv4 address, or 64 bits of an IPv6 one. 0 is any number."""
        self._most, self._most_of_one = most, most_of_one
        self._in: Counter[str] = Counter()
        self._total = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._total

    def enter(self, address: str) -> bool:
        """Whether one more from this address may come in; then it is in, until it leaves."""
        source = source_of(address)
        with self._lock:
            if 0 < self._most <= self._total or 0 < self._most_of_one <= self._in[source]:
                return False
            self._in[source] += 1
            self._total += 1
            return True

    def leave(self, address: str) -> None:
        """One that was let in has gone."""
        source = source_of(address)
        with self._lock:
            self._total -= 1
            self._in[source] -= 1
            if not self._in[source]:
                del self._in[source]
