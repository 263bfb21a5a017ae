"""How senders come back from losses without a timeout: what was lost goes again first, and no faster than this allows.

Proportional rate reduction (RFC 6937) as Linux's tcp_cwnd_reduction does it: above the new threshold a share of what
is delivered, below it as much as is delivered, and one more for each hole that closes. It is over when all that was
on its way when it began has arrived (tcp_fastretrans_alert).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from benchkit.planning.simulation_pipe import Flows, Heard


class _Resent(NamedTuple):
    """Of what was sent in a step and not heard of yet: how much was sent again, and how much it is in all."""

    again: Flows
    total: Flows


class Recovery:
    """The recoveries of many flows; `active` says which are in one."""

    def __init__(self, flows: int) -> None:
        """Nobody has lost anything."""
        self.active = np.zeros(flows, dtype=bool)
        self._any = False
        self._began = np.full(flows, -1)  # in this step; what was sent later came of it
        self._before = np.ones(flows)  # the window then
        self._threshold = np.ones(flows)
        self._delivered = np.zeros(flows)
        self._sent = np.zeros(flows)
        self._missing = np.zeros(flows)  # lost, and not sent again yet
        self._again = np.zeros(flows)  # sent again, not heard of yet
        self._later = np.zeros(flows)  # lost of what is new since it began
        self._resent: dict[int, _Resent] = {}
        self._allowed = np.zeros(flows)

    def begin(
        self, which: np.ndarray, number: int, window: Flows, threshold: Flows, lost: Flows
    ) -> None:
        """Flows that found segments lost, and the windows before and after in segments; all of shape (flows,)."""
        self.active = self.active | which
        self._any = True
        self._began = np.where(which, number, self._began)
        self._before = np.where(which, window, self._before)
        self._threshold = np.where(which, threshold, self._threshold)
        self._missing = np.where(which, lost, self._missing)
        self._allowed = np.where(which, 1.0, self._allowed)  # one goes again at once
        for each in (self._delivered, self._sent, self._later, self._again):
            each[which] = 0.0

    def hear(self, heard: Heard, flight: Flows) -> Flows:
        """Learn what became of what was sent; the losses of flows that are over and must begin anew.

        `flight` is what is on its way after that; both in segments, of shape (flows,).
        """
        if not self._any:
            return np.zeros_like(flight)
        closed = self._closed(heard)
        self._delivered += np.where(self.active, heard.came, 0.0)
        self._allow(heard, flight, closed)
        over = self.active & (heard.came > 0) & (self._missing == 0) & (self._again == 0)
        if not over.any():
            return np.zeros_like(flight)
        self._end(over)
        return np.where(over, self._later, 0.0)

    def _end(self, over: np.ndarray) -> None:
        self.active = self.active & ~over
        self._allowed[over] = 0.0
        self._any = bool(self.active.any())
        oldest = int(self._began[self.active].min()) if self._any else 0
        self._resent = {at: it for at, it in self._resent.items() if self._any and at >= oldest}

    def _closed(self, heard: Heard) -> Flows:
        """How many holes these close; what of them is lost, is missing (again), or will be found when it is over."""
        lost = np.where(self.active, heard.lost, 0.0)
        old = heard.sent <= self._began
        found = self._resent.get(heard.sent)
        if found is None:
            self._missing += np.where(old, lost, 0.0)
            self._later += np.where(old, 0.0, lost)
            return np.zeros_like(lost)
        of_resent = np.minimum(
            found.again, np.round(lost * found.again / np.maximum(found.total, 1.0))
        )
        closed: Flows = np.where(self.active, np.minimum(found.again, heard.came), 0.0)
        self._missing += np.where(old, lost, of_resent)
        self._later += np.where(old, 0.0, lost - of_resent)
        self._again -= np.where(self.active, closed + of_resent, 0.0)
        left = found.total - heard.came - lost
        self._resent[heard.sent] = _Resent(found.again - closed - of_resent, left)
        return closed

    def _allow(self, heard: Heard, flight: Flows, closed: Flows) -> None:
        share = np.ceil(self._threshold * self._delivered / self._before) - self._sent
        bound = np.maximum(self._delivered - self._sent, heard.came)
        bound += np.where(heard.lost > 0, 0.0, closed)
        below = np.minimum(self._threshold - flight, bound)
        allowed = np.where(flight > self._threshold, share, below)
        allowed = np.maximum(allowed, np.where((self._sent > 0) & (flight > 0), 0.0, 1.0))
        self._allowed = np.where(self.active, allowed, 0.0)

    def send(self, number: int) -> Flows:
        """What goes in this step, of flows that recover: segments, of shape (flows,)."""
        sent: Flows = np.maximum(self._allowed, 0.0)
        self._allowed = np.zeros_like(sent)
        again = np.minimum(sent, self._missing)
        if again.any():
            self._missing -= again
            self._again += again
            self._resent[number] = _Resent(again, sent)
        self._sent += sent
        return sent
