"""What makes a verdict less sure than one interval at 95 %: several looks, and the emulator's own error."""

from __future__ import annotations

from dataclasses import dataclass

from benchkit.stats.interval import Interval
from benchkit.stats.percentiles import CONFIDENCE


@dataclass(frozen=True, slots=True)
class Doubt:
    """What makes a verdict less sure than one interval at 95 %.

    The interval is looked at up to `looks` times, each time at `confidence`. The figure may be `less_by` or `more_by`, in the
    budget's unit, without the emulator's own error. `longer` is what to do for more samples, and `by` how if --duration is not how, in words.
    `due` is how many packets there were, effective or not, or what else `of` calls them; 0 is not known.
    """

    looks: int = 1
    less_by: float = 0.0
    more_by: float = 0.0
    longer: str = "measure longer"
    by: str = ""
    due: int = 0
    of: str = "packets"

    @property
    def confidence(self) -> float:
        """What each look may claim."""
        return confidence_of_a_look(self.looks)

    @property
    def surely(self) -> str:
        """How sure the ends of the interval are, in words."""
        over = f" over {self.looks} looks" if self.looks > 1 else ""
        return f"with 95 % confidence{over}"

    def widened(self, interval: Interval) -> Interval:
        """The interval that decides: wider by the emulator's error."""
        return Interval(interval.value, interval.low - self.less_by, interval.high + self.more_by)


NO_DOUBT = Doubt()


def confidence_of_a_look(looks: int) -> float:
    """The confidence at which all planned looks together err no more often than one interval at 95 %.

    Each spends an equal share of the 5 % (an alpha-spending rule, Lan and DeMets 1983), and whatever they have in common,
    their errors add up to no more than that (Bonferroni's inequality).

    >>> confidence_of_a_look(5)
    0.99
    """
    return 1 - (1 - CONFIDENCE) / looks
