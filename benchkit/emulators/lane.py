"""One direction of an emulated path as arithmetic: when a frame that arrived then may leave, if at all.

Rate and buffer come first, as a bottleneck in front of a long fibre: a frame waits its turn behind what is
queued, and what does not fit into the buffer is dropped; then some are lost; the rest take the delay, and
their draw of jitter. Frames keep their order: none leaves before the one in front of it, which under jitter
makes the mean a little longer the denser the traffic.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import NamedTuple

from benchkit.clock import NS_PER_S
from benchkit.emulators.fate import fate_of
from benchkit.emulators.spread import deviations_ns
from benchkit.emulators.wiring import WIRE_OVERHEAD
from benchkit.model.place import Direction, PathModel


@dataclass(slots=True)
class LaneCount:
    """What became of the packets; a super-packet counts as many as it is made of."""

    admitted: int = 0
    lost: int = 0  # by the model's loss
    overflowed: int = 0  # by the model's buffer
    duplicated: int = 0
    reordered: int = 0


class Piece(NamedTuple):
    """What leaves of a frame at one time: its segments from `first` up to, not including, `end`."""

    due_ns: int
    first: int
    end: int


class Lane:
    """The state of one direction. Times are CLOCK_MONOTONIC nanoseconds."""

    def __init__(self, direction: Direction, model: PathModel, *, seed: int) -> None:
        """Start empty. The same seed draws the same losses and jitter, packet by packet."""
        self._seed = seed
        self.count = LaneCount()
        self._last_due = 0
        self._free_at = 0
        self.change(direction, model, 0)

    def change(self, direction: Direction, model: PathModel, now_ns: int) -> None:
        """Take new figures and draw from the start again; a trace starts now.

        What is already on its way keeps its time and its place in front.
        """
        self._began = now_ns
        self._random = random.Random(self._seed)  # noqa: S311  a model of weather, not a secret
        self._lost = fate_of(direction, self._seed)
        self._deviations = deviations_ns(direction)
        self._direction = direction
        self._strays = bool(direction.reorder or direction.duplicate)
        self._trace = direction.trace
        self._delay = direction.delay_ns
        self._ns_per_octet = 8 * NS_PER_S / model.rate_bps if model.rate_bps else 0.0
        self._buffer = model.buffer_octets

    def pieces(
        self, arrival_ns: int, octets: int, segments: int = 1, header: int = 0
    ) -> list[Piece]:
        """What leaves of a frame, and when; nothing of one that is lost, the same twice of a duplicate.

        `octets` is the frame with its Ethernet header; a super-packet of several `segments` is on the wire
        as that many frames, each with its own `header`.
        """
        leaves, fit = arrival_ns, segments
        if self._ns_per_octet:
            leaves, fit = self._queued(arrival_ns, octets + (segments - 1) * header, segments)
        self.count.overflowed += segments - fit
        runs = [(0, fit)] if self._lost is None else self._survivors(fit)
        found = []
        for first, end in runs:
            if first < end:
                self.count.admitted += end - first
                found += self._timed(leaves, first, end)
        return found

    @property
    def is_plain(self) -> bool:
        """Whether no packet doubles or overtakes: then `due_of_one` will do."""
        return not self._strays

    def due_of_one(self, arrival_ns: int, octets: int) -> int:
        """When a frame that is one packet may leave, 0 for never: what `pieces` says, for less, where `is_plain`."""
        leaves, octet_ns = arrival_ns, self._ns_per_octet
        if octet_ns:  # as `_queued`, of one
            wire = octets + WIRE_OVERHEAD
            begins = max(arrival_ns, self._free_at)
            if self._buffer is not None and wire > self._buffer - (begins - arrival_ns) / octet_ns:
                self.count.overflowed += 1
                return 0
            leaves = self._free_at = begins + round(wire * octet_ns)
        if self._lost is not None and self._lost():
            self.count.lost += 1
            return 0
        self.count.admitted += 1
        delay = self._trace.at(leaves - self._began) if self._trace is not None else self._delay
        due = leaves + delay
        if self._deviations:
            due += self._deviations[int(self._random.random() * len(self._deviations))]
        if due < self._last_due:
            return self._last_due
        self._last_due = due
        return due

    def _queued(self, arrival_ns: int, octets: int, segments: int) -> tuple[int, int]:
        """When the frame has left the bottleneck, and how many of its segments found room in front of it."""
        wire = octets + segments * WIRE_OVERHEAD
        waiting = max(0, self._free_at - arrival_ns)
        fit = segments
        if self._buffer is not None:
            room = self._buffer - waiting / self._ns_per_octet
            if wire > room:
                fit = max(0, int(room * segments / wire))
                wire = wire * fit // segments
        self._free_at = arrival_ns + waiting + round(wire * self._ns_per_octet)
        return self._free_at, fit

    def _survivors(self, segments: int) -> list[tuple[int, int]]:
        """The runs of segments that are not lost."""
        lost = self._lost
        if lost is None:
            return [(0, segments)]
        runs, first = [], 0
        for index in range(segments):
            if lost():
                runs.append((first, index))
                first = index + 1
                self.count.lost += 1
        runs.append((first, segments))
        return runs

    def _timed(self, leaves: int, first: int, end: int) -> list[Piece]:
        delay = self._trace.at(leaves - self._began) if self._trace is not None else self._delay
        copies = 1
        if self._strays:
            if self._direction.duplicate and self._random.random() < self._direction.duplicate:
                copies = 2
                self.count.duplicated += end - first
            if self._direction.reorder and self._random.random() < self._direction.reorder:
                self.count.reordered += end - first
                return [Piece(leaves, first, end)] * copies
        due = leaves + delay
        if self._deviations:
            due += self._deviations[int(self._random.random() * len(self._deviations))]
        self._last_due = due = max(due, self._last_due)
        return [Piece(due, first, end)] * copies
