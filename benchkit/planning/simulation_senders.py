"""Reno for many flows at once: one array element is one flow. Windows in segments, time in steps.

As Linux does it: growth by what is acknowledged, windows of whole segments, one reduction per window of losses. Timeouts
are not modelled: a notice of loss always arrives.
"""

from __future__ import annotations

import math

import numpy as np

from benchkit.planning.ramp import FIRST_WINDOW
from benchkit.planning.simulation_pipe import Flows, Heard
from benchkit.planning.simulation_recovery import Recovery

LEAST_WINDOW = 2.0


class Reno:
    """RFC 5681, recovering by proportional rate reduction."""

    beta = 0.5
    paced = False

    def __init__(self, flows: int, step_s: float, delay: int, most: float) -> None:
        """`most` bounds every window, as socket buffers do; inf where they do not."""
        self._step_s, self._delay, self._most = step_s, delay, most
        self._window = np.full(flows, float(min(FIRST_WINDOW, most)))
        self._threshold = np.full(flows, math.inf)
        self._flight = np.zeros(flows)
        self._recovery = Recovery(flows)

    @property
    def recovering(self) -> np.ndarray:
        """Which flows come back from a loss, of shape (flows,)."""
        return self._recovery.active

    def send(self, number: int) -> Flows:
        """What each flow sends now: whole segments, of shape (flows,)."""
        room = np.maximum(np.floor(self._window) - self._flight, 0.0)
        sent: Flows = room
        if self._recovery.active.any():
            sent = np.where(self._recovery.active, self._recovery.send(number), room)
        self._flight += sent
        return sent

    def hear(self, number: int, heard: Heard) -> None:
        """Learn what became of segments that were sent in step `heard.sent`."""
        self._flight -= heard.came + heard.lost
        began_in = self._recovery.active
        lost = self._recovery.hear(heard, self._flight)
        lost = np.where(began_in, lost, heard.lost)
        hit = lost > 0
        still = self._recovery.active | hit
        self._grow(number, heard, np.where(still, 0.0, heard.came))
        self._window = np.minimum(self._window, self._most)
        if hit.any():
            before = np.floor(self._window)
            self._reduce(hit, before)
            self._recovery.begin(hit, number, before, self._threshold, lost)

    def _grow(self, number: int, heard: Heard, came: Flows) -> None:  # noqa: ARG002  CUBIC grows by time
        slow = self._window < self._threshold
        self._window += np.where(slow, came, came / np.floor(self._window))

    def _reduce(self, hit: np.ndarray, before: Flows) -> None:
        reduced = np.maximum(np.floor(before * self.beta), LEAST_WINDOW)
        self._window = np.where(hit, reduced, self._window)
        self._threshold = np.where(hit, reduced, self._threshold)
