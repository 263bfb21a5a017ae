"""A figure with both its ends, while infinities still mean something."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from benchkit.model.record import Estimate


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and its confidence interval, all three in one unit.

    `value` is +inf where the figure is a lost packet (RFC 2681: its delay is undefined, informally infinite).
    `low` is -inf where no lower end can be given, `high` +inf where no upper end can. `size` is how many independent samples
    a percentile's rests on.
    """

    value: float
    low: float
    high: float
    size: float | None = field(default=None, compare=False)

    def scaled(self, factor: float) -> Interval:
        """The same interval in another unit; `factor` is positive."""
        return replace(
            self, value=self.value * factor, low=self.low * factor, high=self.high * factor
        )

    def estimate(self) -> Estimate:
        """The same for the record, unrounded: what is infinite or NaN is absent there."""
        whole = None if self.size is None else int(self.size)
        return Estimate(_finite(self.value), _finite(self.low), _finite(self.high), whole)


def _finite(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None
