"""Reno and CUBIC for many flows at once: one array element is one flow. Windows in segments, time in steps.

As Linux does it: growth by what is acknowledged, windows of whole segments, one reduction per window of losses,
proportional rate reduction while recovering. Timeouts are not modelled: a notice of loss always arrives.
"""

from __future__ import annotations

import math

import numpy as np

from benchkit.planning.ceilings import CUBIC_BETA, CUBIC_C
from benchkit.planning.ramp import FIRST_WINDOW
from benchkit.planning.simulation_pipe import Flows, Heard

LEAST_WINDOW = 2.0


class Reno:
    """RFC 5681 with proportional rate reduction (RFC 6937)."""

    beta = 0.5

    def __init__(self, flows: int, step_s: float, delay: int, most: float) -> None:
        """`most` bounds every window, as socket buffers do; inf where they do not."""
        self._step_s, self._delay, self._most = step_s, delay, most
        self._window = np.full(flows, float(FIRST_WINDOW))
        self._threshold = np.full(flows, math.inf)
        self._flight = np.zeros(flows)
        self._recovers = np.full(flows, -1)  # the step in which it last reduced
        self.recovering = np.zeros(flows, dtype=bool)
        self._released = np.zeros(flows)

    def send(self, number: int) -> Flows:  # noqa: ARG002  a paced sender needs it
        """What each flow sends now: whole segments."""
        room = np.floor(np.minimum(self._window, self._most)) - self._flight
        released = np.floor(self._released)
        sent: Flows = np.maximum(np.maximum(room, released), 0.0)
        # What was released stands until it makes a whole segment; a window that has opened makes it void.
        self._released = np.where(self.recovering, np.maximum(self._released - sent, 0.0), 0.0)
        self._flight += sent
        return sent

    def hear(self, number: int, heard: Heard) -> None:
        """Learn what became of segments that were sent in step `heard.sent`."""
        self._flight -= heard.came + heard.lost
        fresh = heard.sent > self._recovers
        acknowledged = heard.came > 0
        self.recovering &= ~(fresh & acknowledged)
        hit = (heard.lost > 0) & fresh
        self._grow(number, np.where(self.recovering | hit, 0.0, heard.came))
        if hit.any():
            self._reduce(hit)
            self._recovers[hit] = number
            self.recovering |= hit
        self._released += np.where(self.recovering, self.beta * heard.came, 0.0)

    def new_round(self) -> None:
        """A round trip has passed since this was last said."""

    def end_slow_start(self) -> None:
        """The line is busy: Reno goes on until it loses."""

    def _grow(self, number: int, came: Flows) -> None:  # noqa: ARG002  CUBIC grows by time
        slow = self._window < self._threshold
        self._window += np.where(slow, came, came / np.floor(self._window))

    def _reduce(self, hit: np.ndarray) -> None:
        reduced = np.maximum(np.floor(np.floor(self._window) * self.beta), LEAST_WINDOW)
        self._window = np.where(hit, reduced, self._window)
        self._threshold = np.where(hit, reduced, self._threshold)


class Cubic(Reno):
    """RFC 9438 with Linux's Reno-friendly region, fast convergence and HyStart."""

    beta = CUBIC_BETA
    _HYSTART_FROM = 16.0
    _FRIENDLY = 8 / 15  # Linux's integers for 3 (1 - 0.7) / (1 + 0.7)
    _FIRST_GROWTH = 0.05  # a round, until there was a loss
    _MOST_GROWTH = 0.5
    _LEAST_GROWTH = 0.01  # of a segment in a round

    def __init__(self, flows: int, step_s: float, delay: int, most: float) -> None:
        """As Reno."""
        super().__init__(flows, step_s, delay, most)
        self._before = np.zeros(flows)  # window before the last loss
        self._epoch = np.full(flows, -1.0)  # in steps; below 0 not begun
        self._origin = np.zeros(flows)
        self._k_s = np.zeros(flows)
        self._friendly = np.zeros(flows)

    def end_slow_start(self) -> None:
        """HyStart: doubling once more would overshoot."""
        slow = (self._window < self._threshold) & (self._window >= self._HYSTART_FROM)
        self._threshold = np.where(slow, self._window, self._threshold)

    def _grow(self, number: int, came: Flows) -> None:
        slow = self._window < self._threshold
        growing = ~slow & (came > 0)
        window = np.floor(
            self._window
        )  # what is more has been acknowledged towards the next segment
        self._begin(number, window, growing & (self._epoch < 0))
        after_s = (number - self._epoch + self._delay) * self._step_s
        cubic = self._origin + CUBIC_C * (after_s - self._k_s) ** 3
        self._friendly += np.where(growing, came * self._FRIENDLY / window, 0.0)
        missing = np.floor(np.maximum(cubic, self._friendly)) - window
        growth = np.maximum(missing, self._LEAST_GROWTH) / window
        growth = np.where(self._before == 0, np.maximum(growth, self._FIRST_GROWTH), growth)
        growth = np.minimum(growth, self._MOST_GROWTH)
        self._window += came * np.where(slow, 1.0, np.where(growing, growth, 0.0))

    def _begin(self, number: int, window: Flows, beginning: np.ndarray) -> None:
        if not beginning.any():
            return
        below = window < self._before
        missing = np.where(below, self._before - window, 0.0)
        self._epoch = np.where(beginning, float(number), self._epoch)
        self._k_s = np.where(beginning, np.cbrt(missing / CUBIC_C), self._k_s)
        self._origin = np.where(beginning, np.where(below, self._before, window), self._origin)
        self._friendly = np.where(beginning, window, self._friendly)

    def _reduce(self, hit: np.ndarray) -> None:
        window = np.floor(self._window)
        converging = window < self._before
        before = np.where(converging, np.floor(window * (1 + CUBIC_BETA) / 2), window)
        self._before = np.where(hit, before, self._before)
        self._epoch = np.where(hit, -1.0, self._epoch)
        super()._reduce(hit)
