"""One link in steps: a drop-tail queue, a line of fixed rate, random loss behind it, and a delay of fixed length.

Segments of all flows stay in the order in which they came. The line carries parts of a segment in a step, but
only whole ones arrive. What was lost travels along as a notice, for a sender learns of it by the segments behind.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Flows = NDArray[np.float64]
_NOTHING = 1e-9


class Heard(NamedTuple):
    """What became of segments that were sent in step `sent`: how many of each flow came, and how many did not.

    Of shape (flows,).
    """

    sent: int
    came: Flows
    lost: Flows


class _Sent(NamedTuple):
    """What stands in the queue of one step: segments to carry, those of them that will be lost, and those it dropped."""

    number: int
    total: float
    carried: Flows
    lost: Flows
    dropped: Flows


class Pipe:
    """The link. `capacity` is in segments per step, `room` what the queue holds in segments, `delay` in steps."""

    def __init__(
        self, capacity: float, room: float, delay: int, loss: float, random: np.random.Generator
    ) -> None:
        """Start empty."""
        self.capacity = capacity
        self._room = room
        # In a step of many segments these come one after another, and the line serves while they do.
        self._meanwhile = capacity if capacity >= 1 else 0.0
        self._loss = loss
        self._random = random
        self._queue: deque[_Sent] = deque()
        # What is heard in a step is answered in the next: that one belongs to the delay.
        self._line: deque[list[Heard]] = deque([] for _ in range(delay - 1))
        # Of each flow, the part of a segment that the line has carried.
        self._begun: Flows | float = 0.0
        self.queued = 0.0
        self.dropped = 0.0
        self.lost = 0.0

    @property
    def queueing_steps(self) -> float:
        """How long a segment that comes now would wait, in steps."""
        return max(0.0, self.queued) / self.capacity  # sums of parts leave 1e-18 below

    def step(self, number: int, sent: Flows | None) -> list[Heard]:
        """Take what each flow sends in this step, if any does, of shape (flows,), in segments.

        What became of what was sent a delay ago, oldest first.
        """
        total = 0.0 if sent is None else float(sent.sum())
        if sent is not None and total > 0:
            self._take(number, sent, total)
        self._line.append(self._serve())
        return self._line.popleft()

    def _take(self, number: int, sent: Flows, total: float) -> None:
        none = np.zeros_like(sent)
        dropped = lost = none
        # A segment that finds no room for the whole of it is dropped.
        fits = math.floor(self._room + self._meanwhile - self.queued + _NOTHING)
        if total > fits:
            dropped = self._victims(min(round(total), round(total) - fits), sent)
            self.dropped += float(dropped.sum())
        carried = sent - dropped
        entering = float(carried.sum())
        if self._loss:
            # Behind the queue: what is lost has taken its time on the line.
            lost = self._victims(int(self._random.poisson(self._loss * entering)), carried)
            self.lost += float(lost.sum())
        self._queue.append(_Sent(number, entering, carried, lost, dropped))
        self.queued += entering

    def _victims(self, count: int, among: Flows) -> Flows:
        """So many whole segments, picked at random in proportion to what each flow sends."""
        if count == 0:
            return np.zeros_like(among)
        heaped = np.cumsum(among)
        picked = np.searchsorted(heaped, self._random.random(count) * heaped[-1], side="right")
        counts = np.bincount(np.minimum(picked, among.size - 1), minlength=among.size)
        return np.minimum(counts, among)

    def _serve(self) -> list[Heard]:
        """Let the line carry what one step allows."""
        left, served = self.capacity, []
        while self._queue:
            first = self._queue[0]
            if first.total <= left + _NOTHING:
                self._queue.popleft()
                left -= first.total
                self.queued -= first.total
                came = self._whole(first.carried) - first.lost
                served.append(Heard(first.number, came, first.lost + first.dropped))
                continue
            if left > _NOTHING:
                part = self._part(first, left / first.total)
                self.queued -= left
                if part.came.any():
                    served.append(part)
            break
        return served

    def _part(self, first: _Sent, part: float) -> Heard:
        """Carry a part of what was sent in a step; those that will be lost stay for its last."""
        came = self._whole((first.carried - first.lost) * part)
        rest = 1 - part
        carried = (first.carried - first.lost) * rest + first.lost
        self._queue[0] = first._replace(total=first.total * rest, carried=carried)
        return Heard(first.number, came, np.zeros_like(came))

    def _whole(self, carried: Flows) -> Flows:
        """The segments that are whole by now."""
        begun = self._begun + carried
        whole: Flows = np.floor(begun + _NOTHING)
        self._begun = begun - whole
        return whole
