"""What one direction of a path does to packets beside its delay: bursts of loss, and delay that changes in time."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bursts:
    """Loss by Gilbert 1960 and Elliott 1963: two states, drawn anew with each packet; all four are shares from 0 to 1.

    `enter` is the chance that a packet finds the good state turned bad, `leave` the way back; `bad_loss`
    and `good_loss` are the loss within each state.
    """

    enter: float
    leave: float
    bad_loss: float = 1.0
    good_loss: float = 0.0

    @property
    def mean_loss(self) -> float:
        """The share of packets lost in the long run."""
        bad = self.enter / (self.enter + self.leave)
        return bad * self.bad_loss + (1 - bad) * self.good_loss


@dataclass(frozen=True, slots=True)
class Trace:
    """Delay over time in steps: from `at_ns` after the start on, one way `delay_ns`; the last step stays.

    Both of one length, `at_ns` rising from 0.
    """

    at_ns: tuple[int, ...]
    delay_ns: tuple[int, ...]

    def at(self, elapsed_ns: int) -> int:
        """The delay in ns so long after the start."""
        return self.delay_ns[max(bisect_right(self.at_ns, elapsed_ns) - 1, 0)]
