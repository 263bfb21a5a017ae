"""When a far end's kernel sent its answers: sixteen octets for each, found by sequence number."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from benchkit.campaign.room import Room
from benchkit.clock import NS_PER_S

# More packets than any session of ours has; what claims to be a later one is none of them.
MOST = 1 << 26
# What was told lately: so long ago at most, not so far behind, and in so many calls, whatever a peer says.
LATELY_NS, MOST_LATELY, MOST_CALLS = 10 * NS_PER_S, 1 << 18, 1 << 12


class Departures:
    """T3 in ns since 1970 by sequence number, 0 where it is not known."""

    def __init__(self) -> None:
        """Know none."""
        self._sequence, self._t3_ns = Room(np.int64), Room(np.int64)
        self._count = 0
        self._lately: deque[tuple[NDArray[np.int64], NDArray[np.int64]]] = deque(maxlen=MOST_CALLS)
        self.newest = -1  # the greatest sequence number that was told
        self._by_sequence: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """How many have been told: false where none has."""
        return self._count

    def add(self, sequence: NDArray[np.int64], t3_ns: NDArray[np.int64]) -> None:
        """Take what has become known: sequence numbers and departures in ns, both of shape (n,)."""
        ours = (sequence >= 0) & (sequence < MOST)
        sequence, t3_ns = sequence[ours], t3_ns[ours]
        if not len(sequence):
            return
        self._sequence.put(self._count, sequence)
        self._t3_ns.put(self._count, t3_ns)
        self._count += len(sequence)
        self._lately.append((sequence, t3_ns))
        self.newest = max(self.newest, int(sequence.max()))
        while self._is_old(*self._lately[0]):
            self._lately.popleft()
        self._by_sequence = None

    def of(self, sequence: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of packets with these numbers, shape (n,), in ns and in their order; 0 where unknown."""
        if self._by_sequence is None:
            self._by_sequence = self._sorted_in()
        found = np.zeros(len(sequence), dtype=np.int64)
        known = sequence < len(self._by_sequence)
        found[known] = self._by_sequence[sequence[known]]
        return found

    def _is_old(self, sequence: NDArray[np.int64], t3_ns: NDArray[np.int64]) -> bool:
        is_far = int(sequence.max()) < self.newest - MOST_LATELY
        return is_far or int(t3_ns[-1]) < int(self._lately[-1][1][-1]) - LATELY_NS

    def lately(self, sequence: NDArray[np.int64]) -> NDArray[np.int64]:
        """As `of`, in ns and of shape (n,), from what was told in the last seconds: quick, however many are known."""
        found = np.zeros(len(sequence), dtype=np.int64)
        if self._lately:
            told, t3_ns = map(np.concatenate, zip(*self._lately, strict=True))
            order = np.argsort(told, kind="stable")
            # What came last, where one was told twice.
            place = np.searchsorted(told, sequence, side="right", sorter=order) - 1
            is_told = told[order[place]] == sequence
            found[is_told] = t3_ns[order[place]][is_told]
        return found

    def _sorted_in(self) -> NDArray[np.int64]:
        """A place for each sequence number, made when it is asked for: a long run asks at its end."""
        known = self._sequence.upto(self._count)
        found = np.zeros(int(known.max()) + 1 if self._count else 0, dtype=np.int64)
        found[known] = self._t3_ns.upto(self._count)
        return found
