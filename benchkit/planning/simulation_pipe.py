"""One link as a fluid in steps: random loss, a drop-tail queue, a line of fixed rate, and a delay of fixed length.

Segments of all flows stay in the order in which they came; a part of a segment may leave in one step and the
rest in the next. What was lost travels along as a notice, for a sender learns of it by the segments behind.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Flows = NDArray[np.float64]
_NOTHING = 1e-9


class Heard(NamedTuple):
    """What senders learn in one step of what they sent in step `sent`: segments of each flow that came, and that did not."""

    sent: int
    came: Flows
    lost: Flows


class Pipe:
    """The link. `capacity` is in segments per step, `room` what the queue holds in segments, `delay` in steps."""

    def __init__(
        self, capacity: float, room: float, delay: int, loss: float, random: np.random.Generator
    ) -> None:
        """Start empty."""
        self.capacity = capacity
        self._room = room
        self._loss = loss
        self._random = random
        self._queue: deque[tuple[int, float, Flows, Flows]] = deque()
        # What is heard in a step is answered in the next: that one belongs to the delay.
        self._line: deque[list[Heard]] = deque([] for _ in range(delay - 1))
        self.queued = 0.0
        self.dropped = 0.0
        self.lost = 0.0

    @property
    def queueing_steps(self) -> float:
        """How long a segment that comes now would wait, in steps."""
        return max(0.0, self.queued) / self.capacity  # sums of parts leave 1e-18 below

    def step(self, number: int, sent: Flows) -> list[Heard]:
        """Take what each flow sends in this step; return what the senders hear, oldest first."""
        total = float(sent.sum())
        if total > 0:
            self._take(number, sent, total)
        self._line.append(self._serve())
        return self._line.popleft()

    def _take(self, number: int, sent: Flows, total: float) -> None:
        gone = np.zeros_like(sent)
        if self._loss:
            gone = self._victims(int(self._random.poisson(self._loss * total)), sent)
            self.lost += float(gone.sum())
        # The line serves while the step lasts. A segment is dropped whole: what is less waits for the next step.
        excess = self.queued + total - float(gone.sum()) - self.capacity - self._room
        if excess >= 1:
            dropped = self._victims(int(excess), sent - gone)
            self.dropped += float(dropped.sum())
            gone += dropped
        kept = sent - gone
        entering = float(kept.sum())
        self._queue.append((number, entering, kept, gone))
        self.queued += entering

    def _victims(self, count: int, among: Flows) -> Flows:
        """So many whole segments, picked at random in proportion to what each flow sends."""
        if count == 0:
            return np.zeros_like(among)
        heaped = np.cumsum(among)
        picked = np.searchsorted(heaped, self._random.random(count) * heaped[-1], side="right")
        counts = np.bincount(np.minimum(picked, among.size - 1), minlength=among.size)
        # A flow that sends half a segment in this step can still lose it: the notice is what counts.
        return np.minimum(counts, among)

    def _serve(self) -> list[Heard]:
        """Let the line carry what one step allows."""
        left, served = self.capacity, []
        while self._queue:
            number, total, kept, gone = self._queue[0]
            if total <= left:
                self._queue.popleft()
                left -= total
                self.queued -= total
                served.append(Heard(number, kept, gone))
                continue
            if left > _NOTHING:
                part = left / total
                served.append(Heard(number, kept * part, gone * part))
                self._queue[0] = (number, total - left, kept * (1 - part), gone * (1 - part))
                self.queued -= left
            break
        return served
