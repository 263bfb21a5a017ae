"""When a far end's kernel sent its answers: eight octets for each, found by sequence number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# More packets than any session of ours has; what claims to be a later one is none of them.
MOST = 1 << 26


class Departures:
    """T3 in ns since 1970 by sequence number, 0 where it is not known."""

    def __init__(self) -> None:
        """Know none."""
        self._t3_ns = np.zeros(128, dtype=np.int64)
        self._any = False

    def __bool__(self) -> bool:
        return self._any

    def add(self, sequence: NDArray[np.int64], t3_ns: NDArray[np.int64]) -> None:
        """Take what has become known, two arrays of one shape."""
        ours = (sequence >= 0) & (sequence < MOST)
        sequence, t3_ns = sequence[ours], t3_ns[ours]
        if not len(sequence):
            return
        wanted = int(sequence.max()) + 1
        if wanted > len(self._t3_ns):
            grown = np.zeros(max(wanted, 2 * len(self._t3_ns)), dtype=np.int64)
            grown[: len(self._t3_ns)] = self._t3_ns
            self._t3_ns = grown
        self._t3_ns[sequence] = t3_ns
        self._any = True

    def of(self, sequence: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of these packets, in their order; 0 where unknown."""
        found = np.zeros(len(sequence), dtype=np.int64)
        known = sequence < len(self._t3_ns)
        found[known] = self._t3_ns[sequence[known]]
        return found
