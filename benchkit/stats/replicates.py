"""One statistic of one run, with how far it may be off by what happened within the run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchkit.model.record import Estimate
from benchkit.stats.block_bootstrap import bootstrap_percentiles
from benchkit.stats.effective import effective_size
from benchkit.stats.interval import Interval
from benchkit.stats.percentiles import intervals_and_sizes, percentile_share
from benchkit.stats.rates import loss_interval
from benchkit.stats.student import student_quantile

# Half of a 95 % interval in standard errors.
_HALF = student_quantile(0.975, math.inf)
_TAIL = 0.025
# A percentile counts as lost for sure where the loss ratio is so many standard errors beyond its tail.
_SURE = 3.5


@dataclass(frozen=True, slots=True)
class Replicate:
    """A figure, its standard errors downwards and upwards, and their degrees of freedom.

    `value` is +inf where the percentile is a lost packet, `surely_lost` where that is no accident. An error is
    infinite where no such end of its interval can be given. `reported` is the estimate that the run's own report has:
    the errors may be wider, by what the bootstrap adds.
    """

    value: float
    error_down: float
    error_up: float
    freedom: float = math.inf
    surely_lost: bool = False
    reported: Estimate | None = None

    def estimate(self) -> Estimate:
        """The figure and its 95 % interval, as reported where it is."""
        if self.reported is not None:
            return self.reported
        return Interval(
            self.value,
            self.value - _HALF * self.error_down if math.isfinite(self.value) else -math.inf,
            self.value + _HALF * self.error_up,
        ).estimate()


def percentile_replicates(
    values: NDArray[np.float64], wanted: Sequence[str], seed: int
) -> dict[str, Replicate]:
    """The wanted percentiles of one run, with errors from a block bootstrap within it; none of no values.

    `values` has shape (n,), in any unit, which errors are in too, in time order, +inf for lost. No error is less than the interval of the order
    statistics has it: the bootstrap alone is too sure of a tail that few independent samples reach.
    """
    if not values.size:
        return {}
    intervals, sizes = intervals_and_sizes(values, wanted)
    shares = [float(percentile_share(name)) for name in wanted]
    time = values.size / min(sizes.values())
    ends = np.sort(bootstrap_percentiles(values, shares, time, seed), axis=0)
    low, high = (ends[round(share * (len(ends) - 1))] for share in (_TAIL, 1 - _TAIL))
    lost = np.isinf(values)
    loss = _loss(lost)
    return {
        name: _of_percentile(
            intervals[name],
            Interval(intervals[name].value, float(low[index]), float(high[index])),
            freedom=tail_freedom(sizes[name], shares[index]),
            surely_lost=_surely_lost(loss, shares[index]),
        )
        for index, name in enumerate(wanted)
    }


def tail_freedom(size: float, share: float) -> float:
    """Degrees of freedom of a percentile's error: it rests on the fewer samples to one side of it."""
    return max(2 * size * min(share, 1 - share), 1.0)


def loss_replicate(lost: NDArray[np.bool_]) -> Replicate:
    """The loss ratio of one run in percent, by Wilson's interval at the effective size; `lost` not empty.

    It has shape (n,), in time order.
    """
    return replicate_of(_loss(lost))


def replicate_of(interval: Interval, *, freedom: float = math.inf) -> Replicate:
    """A figure whose 95 % interval is known otherwise."""
    return Replicate(
        interval.value,
        _error(interval.value - interval.low),
        _error(interval.high - interval.value),
        freedom,
    )


def recorded_replicate(
    estimate: Estimate, *, lost: int, n: int, size: float, share: float | None
) -> Replicate:
    """A figure as a record has it; `share` of a percentile, None of a goodput, `size` its effective samples."""
    absent = math.inf if share is not None else math.nan
    value = estimate.value if estimate.value is not None else absent
    low = estimate.low if estimate.low is not None else -math.inf
    high = estimate.high if estimate.high is not None else math.inf
    interval = Interval(value, low, high)
    if share is None:
        return replicate_of(interval)
    loss = loss_interval(lost, n, effective_n=size)
    return _of_percentile(
        interval,
        interval,
        freedom=tail_freedom(size, share),
        surely_lost=_surely_lost(loss, share),
    )


def _of_percentile(
    one: Interval, other: Interval, *, freedom: float, surely_lost: bool
) -> Replicate:
    """The wider of two intervals to each side."""
    value = one.value
    if math.isinf(value):
        return Replicate(math.inf, math.inf, math.inf, freedom, surely_lost)
    down, up = value - min(one.low, other.low), max(one.high, other.high) - value
    return Replicate(value, _error(down), _error(up), freedom)


def _loss(lost: NDArray[np.bool_]) -> Interval:
    return loss_interval(int(lost.sum()), lost.size, effective_n=effective_size(lost))


def _surely_lost(loss: Interval, share: float) -> bool:
    spread = (loss.value - loss.low) / _HALF
    return loss.value - _SURE * spread > 100 * (1 - share)


def _error(half: float) -> float:
    return max(half, 0.0) / _HALF if not math.isnan(half) else math.inf
