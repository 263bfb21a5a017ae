"""What became of numbered datagrams: lost, doubled, overtaken, and how their delay varied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# How far behind the highest number a datagram is still known to be new or a double.
WINDOW = 1 << 22
SMOOTHING = 16  # RFC 3550, section 6.4.1
# Further back than this a difference weighs less than 1e-15 in that jitter.
_MEMORY = 540
_DECAY = (1 - 1 / SMOOTHING) ** np.arange(_MEMORY, -1, -1)
# Delays are kept for quantiles: all of them up to here, then every second, every fourth, and so on.
MOST_DELAYS = 1 << 20
# No clock says more, and no delay that a sender may feign is beyond 64 bits.
LATEST_NS = 1 << 61
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Totals:
    """Of `sent` datagrams: sent = received + lost. Doubles and overtaken ones are not lost.

    `jitter_ns` is RTP's (RFC 3550), `pdv_ns` the delay beyond the least (RFC 5481) at p50, p99 and p99.9.
    """

    sent: int
    received: int
    lost: int
    duplicates: int
    reordered: int
    jitter_ns: int
    pdv_ns: tuple[int, int, int]


class Reception:
    """Datagrams numbered from 0, as they arrive."""

    def __init__(self) -> None:
        """Nothing has come yet."""
        self.received = 0
        self.duplicates = 0
        self.reordered = 0
        self._next = 0  # one more than the highest number so far
        self._seen = np.zeros(WINDOW, dtype=np.bool_)
        self._jitter = 0.0
        self._transit: int | None = None
        self._delays: list[Numbers] = []
        self._kept = 0
        self._stride = 1
        self._skip = 0  # how many of the next are passed over

    @property
    def expected(self) -> int:
        """The number after the highest that has come."""
        return self._next

    def add(self, numbers: Numbers, sent_ns: Numbers, received_ns: Numbers) -> int:
        """Take in datagrams of shape (n,) in the order in which they came; how many of them were new.

        Numbers that no test reaches, and those a window behind, count as doubles.
        """
        if not numbers.size:
            return 0
        first = self._next
        if numbers[0] == first and bool((numbers[1:] == numbers[:-1] + 1).all()):
            new = numbers.size
            self._next += new
            self._mark(first, new)
        else:
            fresh = self._out_of_turn(numbers)
            sent_ns, received_ns = sent_ns[fresh], received_ns[fresh]
            new = int(fresh.sum())
        self.received += new
        if new:
            self._delayed(received_ns - np.clip(sent_ns, 0, LATEST_NS))
        return new

    def totals(self, sent: int) -> Totals:
        """All figures, once it is known how many were sent."""
        sent = max(sent, self._next)
        return Totals(
            sent=sent,
            received=self.received,
            lost=sent - self.received,
            duplicates=self.duplicates,
            reordered=self.reordered,
            jitter_ns=round(self._jitter),
            pdv_ns=self._variation(),
        )

    def _out_of_turn(self, numbers: Numbers) -> NDArray[np.bool_]:
        """Which are new. Overtaken (RFC 4737) is a new one below one that came before."""
        known = (numbers >= max(0, self._next - WINDOW)) & (numbers < self._next + WINDOW)
        highest = np.maximum.accumulate(np.where(known, numbers, -1))
        before = np.concatenate(([self._next - 1], np.maximum(highest[:-1], self._next - 1)))
        self._advance(int(max(self._next, highest[-1] + 1)))
        places = np.where(known, numbers, 0) % WINDOW
        fresh = known & ~self._seen[places]
        if fresh.any():
            _, firsts = np.unique(places[fresh], return_index=True)
            again = np.ones(int(fresh.sum()), dtype=np.bool_)
            again[firsts] = False
            fresh[np.flatnonzero(fresh)[again]] = False
        self._seen[places[fresh]] = True
        self.reordered += int((fresh & (numbers < before)).sum())
        self.duplicates += int(numbers.size - fresh.sum())
        return np.asarray(fresh, dtype=np.bool_)

    def _advance(self, after: int) -> None:
        """Forget what the window leaves behind."""
        ahead = after - self._next
        if ahead > 0:
            self._mark(self._next, min(ahead, WINDOW), value=False)
            self._next = after

    def _mark(self, first: int, count: int, *, value: bool = True) -> None:
        start = first % WINDOW
        end = start + count
        self._seen[start : min(end, WINDOW)] = value
        if end > WINDOW:
            self._seen[: end - WINDOW] = value

    def _delayed(self, transits: Numbers) -> None:
        recent = transits[-_MEMORY - 1 :]
        steps = recent[1:] - recent[:-1]
        if recent.size == transits.size and self._transit is not None:
            steps = np.concatenate(([recent[0] - self._transit], steps))
        weighed = float(np.abs(steps) @ _DECAY[_DECAY.size - steps.size :]) / SMOOTHING
        self._jitter = self._jitter * (1 - 1 / SMOOTHING) ** steps.size + weighed
        self._transit = int(transits[-1])
        self._keep(transits)

    def _keep(self, transits: Numbers) -> None:
        kept = transits[self._skip :: self._stride].copy()
        self._delays.append(kept)
        self._skip = (self._skip - transits.size) % self._stride
        self._kept += kept.size
        if self._kept > MOST_DELAYS:
            thinned = np.concatenate(self._delays)[::2]
            self._delays, self._kept = [thinned], thinned.size
            self._stride *= 2
            self._skip %= self._stride

    def _variation(self) -> tuple[int, int, int]:
        if not self._delays:
            return 0, 0, 0
        delays = np.sort(np.concatenate(self._delays))
        ranks = [max(0, -(-delays.size * share // 1000) - 1) for share in (500, 990, 999)]
        p50, p99, p999 = (int(delays[rank] - delays[0]) for rank in ranks)
        return p50, p99, p999
