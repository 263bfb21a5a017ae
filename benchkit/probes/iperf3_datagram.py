"""The head of iperf3's datagrams, and what a receiver makes of their numbers and stamps."""

from __future__ import annotations

import struct

from benchkit.clock import NS_PER_S, NS_PER_US

# Seconds and microseconds of the sender's CLOCK_MONOTONIC, then the packet's number from 1 on.
NARROW = struct.Struct(">III")
WIDE = struct.Struct(">IIQ")
LARGEST = 2**62
# Numbers of missing packets that are remembered, so that a late one can be told from a double.
REMEMBERED = 1 << 20
SMOOTHING = 16  # RFC 3550, section 6.4.1


def head(*, wide: bool) -> struct.Struct:
    """The head's shape, with a number of 64 or of 32 bits."""
    return WIDE if wide else NARROW


def stamped(now_ns: int) -> tuple[int, int]:
    """A time as the head has it."""
    seconds, rest = divmod(now_ns, NS_PER_S)
    return seconds % 2**32, rest // NS_PER_US


class Arrivals:
    """What has come of a numbered stream. A late packet is no loss any more, a double never was an arrival.

    iperf3 itself takes one loss back for each packet that is behind, doubles too.
    """

    def __init__(self) -> None:
        """Start before the first."""
        self.highest = 0
        self.received = 0
        self.late = 0
        self.doubles = 0
        self.jitter_ns = 0.0
        self._missing: set[int] = set()
        self._forgotten = 0
        self._transit: int | None = None

    @property
    def lost(self) -> int:
        """How many below the highest have not come."""
        return self._forgotten + len(self._missing)

    def add(self, number: int, seconds: int, microseconds: int, now_ns: int) -> bool:
        """Take one in; False for a double, or a number that no test reaches."""
        if number != self.highest + 1:
            if not 1 <= number <= LARGEST or not self._out_of_turn(number):
                return False
        else:
            self.highest = number
        self.received += 1
        transit = now_ns - seconds * NS_PER_S - microseconds * NS_PER_US
        if self._transit is not None:
            self.jitter_ns += (abs(transit - self._transit) - self.jitter_ns) / SMOOTHING
        self._transit = transit
        return True

    def _out_of_turn(self, number: int) -> bool:
        if number > self.highest:
            self._miss(number)
            return True
        if number in self._missing:
            self._missing.remove(number)
            self.late += 1
            return True
        self.doubles += 1
        return False

    def _miss(self, number: int) -> None:
        gap = number - self.highest - 1
        if len(self._missing) + gap > REMEMBERED:
            self._forgotten += len(self._missing)
            self._missing.clear()
        if gap > REMEMBERED:
            self._forgotten += gap
        else:
            self._missing.update(range(self.highest + 1, number))
        self.highest = number
