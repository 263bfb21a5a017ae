"""When CUBIC's slow start ends before a loss: HyStart as in Linux's tcp_cubic.c, hystart_update."""

from __future__ import annotations

import numpy as np

from benchkit.planning.simulation_pipe import Flows, Heard

FROM_WINDOW = 16.0  # hystart_low_window
GAP_S = 0.002  # hystart_ack_delta_us: acknowledgements further apart are no train
LEAST_SAMPLES = 8  # HYSTART_MIN_SAMPLES
LEAST_S, MOST_S = 0.004, 0.016  # HYSTART_DELAY_MIN, HYSTART_DELAY_MAX
CUSHION_S = 0.001  # hystart_ack_delay allows at most so long for offload
CUSHION_OFFLOADS = 4.0  # super-packets' time that it allows


class HyStart:
    """Looks, in each round trip, for acknowledgements in a train as long as half of it, and for a queue all through it."""

    def __init__(self, flows: int, step_s: float, delay: int, offload_segments: float) -> None:
        """`offload_segments` is how many segments a sender hands to its device at once."""
        self._step_s, self._rtt_s = step_s, step_s * delay
        self._offload = offload_segments
        self._least = np.full(flows, np.inf)
        self._round_least = np.full(flows, np.inf)
        self._samples = np.zeros(flows)
        # The round lasts until what is sent in this step is acknowledged.
        self._ends = np.full(flows, -1)
        self._began = np.zeros(flows)
        self._last = np.zeros(flows)

    def found(self, number: int, heard: Heard, window: Flows, slow: np.ndarray) -> np.ndarray:
        """Which of the flows that are in `slow` start are to leave it now; all of shape (flows,)."""
        acknowledged = slow & (heard.came > 0)
        rtt_s = (number - heard.sent + 1) * self._step_s
        self._least = np.where(acknowledged, np.minimum(self._least, rtt_s), self._least)
        begins = acknowledged & (heard.sent >= self._ends)
        if begins.any():
            self._ends = np.where(begins, number, self._ends)
            self._began = np.where(begins, number, self._began)
            self._last = np.where(begins, number, self._last)
            self._round_least[begins] = np.inf
            self._samples[begins] = 0.0
        looks = acknowledged & (window >= FROM_WINDOW)
        train = self._train(number, heard, window, looks)
        found: np.ndarray = looks & (train | self._queue(heard, rtt_s, looks))
        return found

    def _train(self, number: int, heard: Heard, window: Flows, looks: np.ndarray) -> np.ndarray:
        # Those of one step stand evenly in it: the last of one and the first of the next are nearer than the steps.
        spread = 1.0 - 2.0 / np.maximum(heard.came, 2.0)
        gap_s = (number - self._last - spread) * self._step_s
        unbroken = looks & (gap_s <= GAP_S)
        self._last = np.where(unbroken, number, self._last)
        offload_s = CUSHION_OFFLOADS * self._offload * self._rtt_s / (2.0 * window)
        threshold_s = (self._least + np.minimum(offload_s, CUSHION_S)) / 2.0
        found: np.ndarray = unbroken & ((number - self._began) * self._step_s > threshold_s)
        return found

    def _queue(self, heard: Heard, rtt_s: float, looks: np.ndarray) -> np.ndarray:
        self._round_least = np.where(looks, np.minimum(self._round_least, rtt_s), self._round_least)
        enough = self._samples >= LEAST_SAMPLES
        self._samples += np.where(looks, np.ceil(heard.came / 2.0), 0.0)
        more = self._round_least > self._least + np.clip(self._least / 8.0, LEAST_S, MOST_S)
        found: np.ndarray = enough & more
        return found
