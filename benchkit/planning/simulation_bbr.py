"""BBR, version 1, for many flows at once: paced by the largest delivery rate of ten round trips.

Loss does not enter; what Linux does in its first round of recovery is left out.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from benchkit.planning.ramp import FIRST_WINDOW
from benchkit.planning.simulation_pipe import Flows, Heard

HIGH_GAIN = 2.885  # 2 / ln 2
CYCLE = (1.25, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
ROUNDS = 10
WINDOW_GAIN = 2.0
FULL_GROWTH, FULL_ROUNDS = 1.25, 3
LEAST_WINDOW = 4.0
PROBE_EVERY_S, PROBE_S = 10.0, 0.2


class Bbr:
    """Startup, drain, probing for rate, and every ten seconds for the round trip."""

    paced = True

    def __init__(
        self, flows: int, step_s: float, delay: int, most: float, random: np.random.Generator
    ) -> None:
        """`most` bounds every window; each flow's probing starts in a phase of its own."""
        self._step_s, self._delay, self._most = step_s, delay, most
        self._flight = np.zeros(flows)
        self._window = np.full(flows, float(FIRST_WINDOW))
        self._delivered = np.zeros(flows)
        self._history: deque[tuple[int, Flows]] = deque()  # what was delivered when a step began
        self._rates = np.zeros((ROUNDS, flows))
        self._rate = np.full(flows, FIRST_WINDOW / delay)  # segments per step
        self._round = 0
        self._full_rate = np.zeros(flows)
        self._full_rounds = np.zeros(flows, dtype=int)
        self._draining = np.zeros(flows, dtype=bool)
        self._phase = random.integers(0, len(CYCLE), flows)
        self.recovering = np.zeros(flows, dtype=bool)  # losses change nothing
        self._probing = False
        self._due = np.zeros(flows)  # what the pace allows, of the next segment
        self._probe_until = -1
        self._probed = 0
        self._mark = 0  # what is sent in this step begins the next round trip

    @property
    def _filled(self) -> np.ndarray:
        return self._full_rounds >= FULL_ROUNDS

    def send(self, number: int) -> Flows:
        """As much as the pace of one step allows, and the window: segments, of shape (flows,)."""
        self._history.append((number, self._delivered.copy()))
        self._probing = self._probes_round_trip(number)
        cycle = np.asarray(CYCLE)[(self._phase + number // self._delay) % len(CYCLE)]
        gain = np.where(self._filled, np.where(self._draining, 1 / HIGH_GAIN, cycle), HIGH_GAIN)
        window = np.full_like(self._window, LEAST_WINDOW) if self._probing else self._window
        room = np.maximum(np.minimum(window, self._most) - self._flight, 0.0)
        self._due = np.minimum(self._due + gain * self._rate, np.maximum(room, 1.0))
        sent: Flows = np.floor(np.minimum(room, self._due))
        self._due -= sent
        self._flight += sent
        return sent

    def hear(self, number: int, heard: Heard) -> None:
        """Sample the delivery rate since these segments were sent."""
        if heard.sent >= self._mark:
            self._mark = number
            self._new_round()
        self._flight -= heard.came + heard.lost
        self._delivered += heard.came
        while len(self._history) > 1 and self._history[0][0] < heard.sent:
            self._history.popleft()
        sent, delivered = self._history[0]
        sample = (self._delivered - delivered) / (number - sent + 1)  # both steps count
        slot = self._rates[self._round % ROUNDS]
        if not self._probing:
            np.maximum(slot, np.where(heard.came > 0, sample, 0.0), out=slot)
        best = self._rates.max(axis=0)
        self._rate = np.where(best > 0, best, self._rate)
        target = np.maximum(
            np.where(self._filled, WINDOW_GAIN, HIGH_GAIN) * self._rate * self._delay, LEAST_WINDOW
        )
        grown = self._window + heard.came
        self._window = np.where(
            self._filled,
            np.minimum(grown, target),
            np.minimum(grown, np.maximum(target, self._window)),
        )
        self._draining &= self._flight > self._rate * self._delay

    def _new_round(self) -> None:
        """Has startup stopped to bring more?"""
        grew = self._rate >= self._full_rate * FULL_GROWTH
        was = self._filled
        self._full_rate = np.where(grew & ~was, self._rate, self._full_rate)
        self._full_rounds = np.where(
            was, self._full_rounds, np.where(grew, 0, self._full_rounds + 1)
        )
        self._draining |= self._filled & ~was
        self._round += 1
        if not self._probing:  # a round with four segments says nothing of the rate
            self._rates[self._round % ROUNDS] = 0.0

    def _probes_round_trip(self, number: int) -> bool:
        """All at once, for flows on one link find its empty queue together."""
        if number <= self._probe_until:
            return True
        if (number - self._probed) * self._step_s >= PROBE_EVERY_S:
            self._probe_until = number + self._delay + round(PROBE_S / self._step_s)
            self._probed = self._probe_until
        return False
