"""One direction of an emulated path as arithmetic: when a frame that arrived then may leave, if at all.

Rate and buffer come first, as a bottleneck in front of a long fibre: a frame waits its turn behind what is
queued, or is dropped when the buffer is full; then it takes the delay, and its draw of jitter. Frames keep
their order: none leaves before the one in front of it, which under jitter makes the mean a little longer
the denser the traffic.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from benchkit.clock import NS_PER_S
from benchkit.emulators.wiring import WIRE_OVERHEAD
from benchkit.model.place import Direction, PathModel


@dataclass(slots=True)
class LaneCount:
    """What became of the frames."""

    admitted: int = 0
    lost: int = 0  # by the model's loss
    overflowed: int = 0  # by the model's buffer


class Lane:
    """The state of one direction. Times are CLOCK_MONOTONIC nanoseconds."""

    def __init__(self, direction: Direction, model: PathModel, *, seed: int) -> None:
        """Start empty. The same seed draws the same jitter and losses, packet by packet."""
        self._random = random.Random(seed)  # noqa: S311  a model of weather, not a secret
        self.count = LaneCount()
        self._last_due = 0
        self._free_at = 0
        self.change(direction, model)

    def change(self, direction: Direction, model: PathModel) -> None:
        """Take new figures. What is already on its way keeps its time and its place in front."""
        self._delay = direction.delay_ns
        self._jitter = direction.jitter_ns
        self._loss = direction.loss
        self._ns_per_octet = 8 * NS_PER_S / model.rate_bps if model.rate_bps else 0.0
        self._buffer = model.buffer_octets

    def due(self, arrival_ns: int, octets: int, segments: int = 1, header: int = 0) -> int | None:
        """When the frame leaves at its far end, or None if it is lost.

        `octets` is the frame with its Ethernet header; a super-packet of several `segments` is on the wire
        as that many frames, each with its own `header`.
        """
        if self._loss and self._random.random() < self._loss:
            self.count.lost += 1
            return None
        leaves = arrival_ns
        if self._ns_per_octet:
            wire = octets + (segments - 1) * header + segments * WIRE_OVERHEAD
            waiting = max(0, self._free_at - arrival_ns)
            if self._buffer is not None and waiting / self._ns_per_octet + wire > self._buffer:
                self.count.overflowed += 1
                return None
            self._free_at = arrival_ns + waiting + round(wire * self._ns_per_octet)
            leaves = self._free_at
        due = leaves + self._delay
        if self._jitter:
            due += max(-self._delay, round(self._random.gauss(0.0, self._jitter)))
        self._last_due = due = max(due, self._last_due)
        self.count.admitted += 1
        return due
