"""What a load client notes of each of its requests, and the rows that come of it."""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray

from benchkit.clock import monotonic_ns
from benchkit.model.samples import Samples, column
from benchkit.model.spec import HttpLoadSpec
from benchkit.probes.as_settled import Settling

Integers = NDArray[np.int64]


class LoadRows:
    """When each request was sent and answered, in ns on CLOCK_MONOTONIC, and its status; 0 is what has not happened."""

    def __init__(self, spec: HttpLoadSpec) -> None:
        """Have room for every request of a session."""
        self._spec = spec
        # Arrays, for each is written a hundred thousand times a second; numpy looks at them as they are.
        self.sent, self.received, self.status = (array("q", bytes(8 * spec.count)) for _ in "123")
        self._settling = Settling(spec.count)

    def asked(self) -> int:
        """How many have been sent."""
        return int(np.count_nonzero(_view(self.sent)))

    def settle(self, due: Integers | None, *, whole: bool) -> Samples | None:
        """The rows that can no longer change, since this was last asked.

        `due` has shape (count,), in ns on CLOCK_MONOTONIC; without a schedule each is due when it is sent.
        """
        spec = self._spec
        sent, received, status = map(_view, (self.sent, self.received, self.status))
        planned = sent if due is None else due
        hopeless = (sent > 0) & (planned <= monotonic_ns() - spec.timeout_ns)
        rows = self._settling.take((status > 0) | hopeless, whole=whole)
        if rows is None:
            return None
        planned, sent, received, status = (
            each[rows].copy() for each in (planned, sent, received, status)
        )
        lost = (received == 0) | (received > planned + spec.timeout_ns)
        columns = {
            "sequence": column(np.arange(rows.start, rows.stop)),
            "due_ns": column(planned),
            "sent_ns": column(sent, sent == 0),
            "received_ns": column(received, lost),
            "status": column(status, status == 0),
        }
        return Samples("http", spec.path, spec.phase, columns)


def _view(values: array[int]) -> Integers:
    return np.frombuffer(values, dtype=np.int64)
