"""When a sender learns what became of its segments: acknowledgements for every second one, losses by those behind.

As Linux does it: an acknowledgement waits for a second segment, at most 40 ms, unless something is missing; a
segment counts as lost when three sent behind it have come, or any a quarter of a round trip ago (RACK, RFC 8985).
"""

from __future__ import annotations

import numpy as np

from benchkit.planning.simulation_pipe import Flows, Heard

SEGMENTS = 2.0  # that one acknowledgement is for
HELD_S = 0.040
BEHIND = 3.0
REORDERING = 0.25  # of a round trip
PROBE = 2.0  # round trips after which a tail is asked for (tail loss probe)


class Notices:
    """Holds back what a receiver does not acknowledge yet, and losses that nothing shows yet."""

    def __init__(self, flows: int, step_s: float, delay: int) -> None:
        """Start with nothing held."""
        self._held_steps = max(1, round(HELD_S / step_s))
        self._wait, self._probe = max(1, round(REORDERING * delay)), round(PROBE * delay)
        self._held = np.zeros(flows)
        self._since = np.zeros(flows)
        self._lost = np.zeros(flows)
        self._lost_sent = np.full(flows, -1)
        self._behind = np.zeros(flows)  # how many came since that were sent later
        self._shown = np.zeros(flows)  # the step in which that began, or the loss itself
        self._doubtful = False

    def told(self, number: int, heard: Heard, recovering: np.ndarray) -> list[Heard]:
        """What the sender hears in this step of what has arrived: at most the losses, and the acknowledgements."""
        found: list[Heard] = []
        missing = recovering
        if self._doubtful or heard.lost.any():
            missing = missing | (self._lost > 0) | (heard.lost > 0)
            found = self._losses(number, heard, recovering)
        whole = self._acknowledged(number, heard.came, missing)
        return [*found, heard._replace(came=whole, lost=np.zeros_like(whole))]

    def _acknowledged(self, number: int, came: Flows, missing: np.ndarray) -> Flows:
        held = self._held + came
        late = number - self._since >= self._held_steps
        told: Flows = np.where(missing | late, held, SEGMENTS * np.floor(held / SEGMENTS))
        # The clock starts with the first segment that waits.
        self._since = np.where((told > 0) | (self._held == 0), float(number), self._since)
        self._held = held - told
        return told

    def _losses(self, number: int, heard: Heard, recovering: np.ndarray) -> list[Heard]:
        waiting = self._lost > 0
        behind = np.where(waiting, heard.came, 0.0)
        self._shown = np.where((self._behind == 0) & (behind > 0), float(number), self._shown)
        self._behind += behind
        self._lost += heard.lost
        begins = ~waiting & (heard.lost > 0)
        self._lost_sent = np.where(begins, heard.sent, self._lost_sent)
        self._shown = np.where(begins, float(number), self._shown)
        self._behind = np.where(begins, np.floor(heard.came / 2), self._behind)  # half of its step
        waited = number - self._shown
        shown = (self._behind >= BEHIND) | (recovering & (self._behind > 0))
        shown |= np.where(self._behind > 0, waited >= self._wait, waited >= self._probe)
        told = np.where(shown, self._lost, 0.0)
        self._lost -= told
        self._doubtful = bool(self._lost.any())
        if not told.any():
            return []
        groups = np.unique(self._lost_sent[told > 0])
        nothing = np.zeros_like(told)
        return [
            Heard(int(sent), nothing, np.where(self._lost_sent == sent, told, 0.0))
            for sent in groups
        ]
