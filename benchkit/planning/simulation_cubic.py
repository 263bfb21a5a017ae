"""CUBIC for many flows at once, by the arithmetic of Linux's tcp_cubic.c (RFC 9438): whole segments, and a clock of 4 ms."""

from __future__ import annotations

import math

import numpy as np

from benchkit.planning.ceilings import CUBIC_C
from benchkit.planning.simulation_hystart import HyStart
from benchkit.planning.simulation_notices import JIFFY_S
from benchkit.planning.simulation_pipe import Flows, Heard
from benchkit.planning.simulation_senders import Reno

LOOK_JIFFIES = 7  # HZ / 32: while the window stays, its growth is computed anew only after so many
BETA = 717 / 1024
# Of a window that was smaller than the one before: fast convergence.
CONVERGED = (1024 + 717) / 2048
# Acknowledged segments for one more of Reno's window: 15/8 of it, Linux's integers for (1 + 0.7) / (3 (1 - 0.7)).
FRIENDLY = 15 / 8
STANDING = 100.0  # windows that are acknowledged for one more segment at the plateau
UNHURT = 20.0  # segments, until there was a loss
QUICKEST = 2.0


class Cubic(Reno):
    """bictcp_update and tcp_cong_avoid_ai, with fast convergence, the Reno-friendly region and HyStart."""

    beta = BETA

    def __init__(
        self, flows: int, step_s: float, delay: int, most: float, offload_segments: float
    ) -> None:
        """`offload_segments` is what a sender hands to its device at once."""
        super().__init__(flows, step_s, delay, most)
        self._hystart = HyStart(flows, step_s, delay, offload_segments)
        self._starting = True
        self._before = np.zeros(flows)  # the window before the last loss, or less
        self._epoch = np.full(flows, -1.0)  # the jiffy of its first growth since; below 0 not begun
        self._origin = np.zeros(flows)
        self._k_s = np.zeros(flows)
        self._reno = np.zeros(flows)  # what Reno's window would be
        self._acknowledged = np.zeros(flows)  # towards its next segment
        self._looked = np.zeros(flows)  # the jiffy in which growth was last computed
        self._looked_window = np.zeros(flows)
        self._each = np.full(flows, math.inf)  # segments acknowledged for one more
        self._credit = np.zeros(flows)
        self._ahead_s = JIFFY_S * math.ceil(step_s * delay / JIFFY_S)

    def _grow(self, number: int, heard: Heard, came: Flows) -> None:
        if self._starting:
            came = self._start(number, heard, came)
        growing = came > 0
        if growing.any():
            self._acknowledged += came
            self._compute(number, came, growing)
            self._advance(came, growing)

    def _start(self, number: int, heard: Heard, came: Flows) -> Flows:
        """Grow the flows in slow start; what the others still have to grow by."""
        slow = self._window < self._threshold
        leaves = self._hystart.found(number, heard._replace(came=came), self._window, slow)
        self._threshold = np.where(leaves, self._window, self._threshold)
        slow &= ~leaves
        self._window = self._window + np.where(slow, came, 0.0)
        self._starting = bool(slow.any())
        return np.where(slow, 0.0, came)

    def _compute(self, number: int, came: Flows, growing: np.ndarray) -> None:
        """How many acknowledged segments bring one more, where that is due to be looked at."""
        window = self._window
        jiffy = math.floor(number * self._step_s / JIFFY_S)
        look = growing & ((self._looked_window != window) | (jiffy - self._looked > LOOK_JIFFIES))
        begins = growing & (self._epoch < 0)
        # Once in a jiffy, unless an epoch begins.
        cubic = begins | (look & (self._looked != jiffy))
        if cubic.any():
            self._begin(jiffy, came, begins)
            self._looked = np.where(cubic, jiffy, self._looked)
            self._looked_window = np.where(cubic, window, self._looked_window)
            after_s = (jiffy - self._epoch) * JIFFY_S + self._ahead_s
            more = self._origin + np.trunc(CUBIC_C * (after_s - self._k_s) ** 3) - window
            each = np.where(more > 0, np.floor(window / np.maximum(more, 1.0)), STANDING * window)
            each = np.where(self._before == 0, np.minimum(each, UNHURT), each)
            self._each = np.where(cubic, each, self._each)
        look |= begins
        if look.any():
            self._befriend(look)

    def _begin(self, jiffy: int, came: Flows, begins: np.ndarray) -> None:
        if not begins.any():
            return
        window = self._window
        missing = np.maximum(self._before - window, 0.0)
        self._epoch = np.where(begins, jiffy, self._epoch)
        self._k_s = np.where(begins, np.cbrt(missing / CUBIC_C), self._k_s)
        self._origin = np.where(begins, np.maximum(self._before, window), self._origin)
        self._reno = np.where(begins, window, self._reno)
        self._acknowledged = np.where(begins, came, self._acknowledged)

    def _befriend(self, look: np.ndarray) -> None:
        """Never slower than Reno would be."""
        one = np.floor(FRIENDLY * self._window)
        whole = np.where(look, np.floor(self._acknowledged / one), 0.0)
        self._reno += whole
        self._acknowledged -= whole * one
        ahead = self._reno - self._window
        reno = np.floor(self._window / np.maximum(ahead, 1.0))
        each = np.where(ahead > 0, np.minimum(self._each, reno), self._each)
        self._each = np.where(look, np.maximum(each, QUICKEST), self._each)

    def _advance(self, came: Flows, growing: np.ndarray) -> None:
        """tcp_cong_avoid_ai: what was gathered while more was asked for counts as one."""
        gathered = growing & (self._credit >= self._each)
        self._credit = np.where(gathered, 0.0, self._credit) + came
        whole = np.where(growing, np.floor(self._credit / self._each), 0.0)
        self._credit -= whole * np.where(whole > 0, self._each, 0.0)
        self._window = self._window + whole + gathered

    def _reduce(self, hit: np.ndarray, before: Flows) -> None:
        converging = np.where(before < self._before, np.floor(before * CONVERGED), before)
        self._before = np.where(hit, converging, self._before)
        self._epoch = np.where(hit, -1.0, self._epoch)
        self._credit = np.where(hit, 0.0, self._credit)
        super()._reduce(hit, before)
        self._starting = self._starting and bool((self._window < self._threshold).any())
