"""The packets of many sessions as places in one row: each session's follow one another, and all are due in one order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchkit.clock import monotonic_ns
from benchkit.model.spec import StampSpec
from benchkit.probes.flight import SOON_NS
from benchkit.probes.flight_rows import NEAR_COLUMNS, Integers, Rows
from benchkit.probes.schedule import due_times


class SessionPlaces:
    """Where each packet stands: its session's first place, and its number on from there.

    Of each session `counts` and `first` are how many packets and the first place, `slices` its places, `rows` what
    becomes of them. Of each place `session_of` is whose it is, `times` its columns, `wire` when it was sent as its packet
    says (0: not yet). `order` has the places as they are due, `due` when that is.
    """

    def __init__(self, specs: Sequence[StampSpec], far_columns: tuple[str, ...]) -> None:
        """Lay out sessions that begin soon, or when they say."""
        self.counts = np.array([spec.count for spec in specs])
        self.first = np.cumsum(self.counts) - self.counts
        self.slices = [
            slice(first, first + count)
            for first, count in zip(self.first.tolist(), self.counts.tolist(), strict=True)
        ]
        soon = monotonic_ns() + SOON_NS
        due = [
            due_times(max(spec.start_ns, soon), spec.interval_ns, spec.count, spec.schedule)
            for spec in specs
        ]
        whole = np.concatenate(due)
        self.order: Integers = np.argsort(whole, kind="stable")
        self.due = whole[self.order]
        self.session_of = np.repeat(np.arange(len(specs)), self.counts)
        names = (*NEAR_COLUMNS, *far_columns)
        self.times = {name: np.zeros(len(whole), dtype=np.int64) for name in names}
        self.wire = np.zeros(len(whole), dtype=np.uint64)
        self.rows = [
            Rows(
                spec,
                each,
                far_columns,
                {name: of[its] for name, of in self.times.items()},
                kept=(self.wire[its],),
            )
            for spec, each, its in zip(specs, due, self.slices, strict=True)
        ]

    def __len__(self) -> int:
        return len(self.order)

    @property
    def apart_ns(self) -> float:
        """How far apart they are due on average."""
        return float(self.due[-1] - self.due[0]) / len(self)
