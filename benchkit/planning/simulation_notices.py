"""When a sender learns what became of its segments: acknowledgements for every second one, losses by those behind.

As Linux does it: an acknowledgement waits for a second segment, at most 40 ms, unless something is missing; a
segment counts as lost when three sent behind it have come, or any a quarter of a round trip ago (RACK, RFC 8985). Where
nothing comes any more, timers tell it, and these are those of the kernel, of whole jiffies.
"""

from __future__ import annotations

import math

import numpy as np

from benchkit.planning.simulation_pipe import Flows, Heard

SEGMENTS_PER_ACK = 2.0
HELD_S = 0.040
BEHIND = 3.0
REORDERING_ROUND_TRIPS = 0.25
# After which a tail is asked for (RFC 8985 section 7), which takes another one.
TAIL_PROBE_ROUND_TRIPS = 2.0
JIFFY_S = 0.004  # CONFIG_HZ=250, what distributions build
TIMER_LEAST_S = 0.002  # TCP_TIMEOUT_MIN_US, added to each


def timer_s(wanted_s: float) -> float:
    """How long a timer of so many seconds takes, on average: it is rounded up, and begins with the next jiffy."""
    return (math.ceil((wanted_s + TIMER_LEAST_S) / JIFFY_S) + 0.5) * JIFFY_S


class Notices:
    """Holds back what a receiver does not acknowledge yet, and losses that nothing shows yet."""

    def __init__(self, flows: int, step_s: float, delay: int) -> None:
        """Start with nothing held."""
        rtt_s = step_s * delay
        self._held_steps = max(1, round(HELD_S / step_s))
        self._wait = max(1, round(REORDERING_ROUND_TRIPS * delay))
        self._timer = max(1, round(timer_s(REORDERING_ROUND_TRIPS * rtt_s) / step_s))
        self._probe = max(1, round((timer_s(TAIL_PROBE_ROUND_TRIPS * rtt_s) + rtt_s) / step_s))
        self._held = np.zeros(flows)
        self._since = np.zeros(flows)
        self._lost = np.zeros(flows)  # all that nothing shows yet
        self._unshown: list[tuple[int, Flows]] = []  # the same by the step in which it was sent
        self._behind = np.zeros(flows)  # how many came since that were sent later
        self._shown = np.zeros(flows)  # the step in which it would have come
        self._doubtful = False
        self._sent = -1  # when what came last had been sent
        self._nothing = np.zeros(flows)

    def told(self, number: int, heard: Heard, recovering: np.ndarray) -> list[Heard]:
        """What the sender hears in this step of what has arrived: at most the losses, and the acknowledgements.

        `recovering` has shape (flows,).
        """
        found: list[Heard] = []
        missing = recovering
        self._sent = heard.sent
        if self._doubtful or heard.lost.any():
            missing = missing | (self._lost > 0) | (heard.lost > 0)
            found = self._losses(number, heard, recovering)
        whole = self._acknowledged(number, heard.came, missing)
        return [*found, heard._replace(came=whole, lost=self._nothing)]

    def waited(self, number: int, recovering: np.ndarray) -> list[Heard]:
        """What timers tell in a step in which nothing arrived; `recovering` has shape (flows,)."""
        if not self._doubtful:
            held = self._held > 0
            if not held.any() or number < self._since[held].min() + self._held_steps:
                return []
        told = self.told(number, Heard(self._sent, self._nothing, self._nothing), recovering)
        return [each for each in told if each.came.any() or each.lost.any()]

    def _acknowledged(self, number: int, came: Flows, missing: np.ndarray) -> Flows:
        held = self._held + came
        late = number - self._since >= self._held_steps
        told: Flows = np.where(
            missing | late, held, SEGMENTS_PER_ACK * np.floor(held / SEGMENTS_PER_ACK)
        )
        # The clock starts with the first segment that waits.
        self._since = np.where((told > 0) | (self._held == 0), float(number), self._since)
        self._held = held - told
        return told

    def _losses(self, number: int, heard: Heard, recovering: np.ndarray) -> list[Heard]:
        waiting = self._lost > 0
        self._behind += np.where(waiting, heard.came, 0.0)
        begins = ~waiting & (heard.lost > 0)
        if heard.lost.any():
            self._lost += heard.lost
            self._unshown.append((heard.sent, heard.lost))
        self._shown = np.where(begins, float(number), self._shown)
        self._behind = np.where(begins, np.floor(heard.came / 2), self._behind)  # half of its step
        waited = number - self._shown
        shown = (self._behind >= BEHIND) | (recovering & (self._behind > 0))
        # Whatever comes makes the sender look; the timer does where nothing comes.
        shown |= (self._behind > 0) & (waited >= np.where(heard.came > 0, self._wait, self._timer))
        shown |= waited >= self._probe
        self._doubtful = True
        shown &= self._lost > 0
        return self._show(shown) if shown.any() else []

    def _show(self, shown: np.ndarray) -> list[Heard]:
        """Tell what these flows have lost, each by when it was sent."""
        told = [
            Heard(sent, self._nothing, np.where(shown, lost, 0.0)) for sent, lost in self._unshown
        ]
        rest = [(sent, np.where(shown, 0.0, lost)) for sent, lost in self._unshown]
        self._unshown = [each for each in rest if each[1].any()]
        self._lost = np.where(shown, 0.0, self._lost)
        self._doubtful = bool(self._unshown)
        return [each for each in told if each.lost.any()]
