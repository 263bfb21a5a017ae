"""The ratio of two counters over a time, power usage effectiveness for one (ISO/IEC 30134-2), with an interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchkit.model.samples import Column
from benchkit.stats.autocorrelation import autocorrelation
from benchkit.stats.interval import Interval
from benchkit.stats.student import student_quantile

FEWEST = 3


@dataclass(frozen=True, slots=True)
class EnergyRatio:
    """The ratio, and what it rests on: `n` stretches between readings, of which `effective_n` are independent.

    `gaps` readings are missing, which costs nothing but detail, for a counter counts on meanwhile. `fell_at` are
    the numbers of the readings, from 1, at which a counter had fallen: what it counted before is not known, and the
    stretch is left out of both.
    """

    interval: Interval | None
    n: int
    effective_n: int
    gaps: int
    fell_at: tuple[int, ...] = ()

    @property
    def resets(self) -> int:
        """How often a counter fell."""
        return len(self.fell_at)


def energy_ratio(total: Column, equipment: Column, confidence: float = 0.95) -> EnergyRatio:
    """The increase of `total` over that of `equipment`, readings of shape (n,) in time order, masked where missing.

    The interval is that of a ratio of sums, linearised (Cochran, Sampling Techniques, section 6.4), wider where
    stretches resemble those before them. Without `FEWEST` stretches it has no ends; where the equipment used
    nothing there is no ratio.
    """
    read = ~(np.ma.getmaskarray(total) | np.ma.getmaskarray(equipment))
    gaps = int(read.size - read.sum())
    rises = [np.diff(np.ma.getdata(each)[read].astype(float)) for each in (total, equipment)]
    whole = (rises[0] >= 0) & (rises[1] >= 0)
    fell_at = tuple((np.flatnonzero(read)[1:][~whole] + 1).tolist())
    facility, used = rises[0][whole], rises[1][whole]
    n, divisor = int(used.size), float(used.sum())
    if divisor <= 0:
        return EnergyRatio(None, n, 0, gaps, fell_at)
    ratio = float(facility.sum()) / divisor
    if n < FEWEST:
        return EnergyRatio(Interval(ratio, -math.inf, math.inf), n, n, gaps, fell_at)
    residuals = facility - ratio * used
    time = autocorrelation(residuals).time
    effective = max(1.0, n / time)
    error = float(residuals.std(ddof=1)) * math.sqrt(n * time) / divisor
    reach = student_quantile((1 + confidence) / 2, effective - 1) * error
    return EnergyRatio(
        Interval(ratio, ratio - reach, ratio + reach), n, int(effective), gaps, fell_at
    )
