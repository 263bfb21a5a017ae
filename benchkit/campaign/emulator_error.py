"""How far an emulator may have moved the figures that were measured through it: a verdict must not rest on that.

The packets that are judged say so themselves: what their percentile has beyond the model's own, with its interval, is
the emulator's. Where that cannot be told, as on a path that follows a trace, it is all that calibration lets pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchkit.campaign.passages import FAR_NS, Times, catches_up, passage
from benchkit.campaign.probe_packets import transmission_ns
from benchkit.clock import NS_PER_MS
from benchkit.emulators.spread import deviations_ns
from benchkit.model.place import Direction, PathModel
from benchkit.model.record import Calibration
from benchkit.stats.interval import Interval

# Delays of each direction that stand for all of them; the round trip's are their sums, a million.
_GRID = 1024


@dataclass(frozen=True, slots=True)
class Moved:
    """By how much the figure may be less, and more, without the emulator's error; in the figure's unit."""

    less_by: float = 0.0
    more_by: float = 0.0


def moved_latency(
    model: PathModel | None,
    idle: Interval | None,
    rank_share: float,
    tolerance_ns: int,
    due_ns: Times | None = None,
) -> Moved:
    """Of a latency in ms on a path with this model (None: a real one, which nothing has moved).

    `idle` is the interval of the same percentile of the path's idle round trips, in ms, None where none were
    measured; `rank_share` the percentile's place among those that were answered, from 0 to 1; `due_ns` when they were due.
    """
    if model is None:
        return Moved()
    tolerance = tolerance_ns / NS_PER_MS
    if idle is None or model.forward.trace or model.backward.trace:
        return Moved(tolerance, tolerance)
    if not np.isfinite(idle.value):
        return Moved()
    wanted = model_percentile_ns(model, rank_share, due_ns) / NS_PER_MS
    low = idle.low if np.isfinite(idle.low) else idle.value
    high = idle.high if np.isfinite(idle.high) else idle.value
    return Moved(max(low - wanted, 0.0), max(wanted - high, 0.0))


def moved_goodput(value: float, calibration: Sequence[Calibration]) -> Moved:
    """Of a goodput, by the `calibration` of the path's rate: an emulator that is slower than asked takes as large a share."""
    shares = [
        one.asked / one.got - 1 for one in calibration if one.quantity == "rate" and one.got > 0
    ]
    return Moved(value * max(-min(shares, default=0.0), 0.0), value * max(*shares, 0.0, 0.0))


def model_percentile_ns(model: PathModel, share: float, due_ns: Times | None = None) -> float:
    """The round trip that the share of the model's packets, lost ones left out, stays within.

    Of packets that are due so near to each other that they catch up, what they take then.
    """
    there, back = model.forward, model.backward
    if due_ns is not None and len(due_ns) and catches_up(model, due_ns):
        return float(np.quantile(passage(model, due_ns).both, share, method="inverted_cdf"))
    if _is_shifted(there) and _is_shifted(back):
        # Paths of one jitter differ in their delay alone, and a mesh has thousands of them.
        sums, shift = _sorted_sums(_unshifted(there), _unshifted(back)), model.rtt_ns - 2 * FAR_NS
    else:
        sums, shift = np.sort(np.add.outer(_delays_ns(there), _delays_ns(back)).ravel()), 0
    rank = min(max(int(np.ceil(share * sums.size)), 1), sums.size) - 1
    return float(sums[rank] + shift + 2 * transmission_ns(model))


def _is_shifted(direction: Direction) -> bool:
    """Whether another delay would only move all packets alike."""
    deviations = deviations_ns(direction)
    # The first entry of a list that was cut off at no delay at all.
    cut = bool(deviations) and deviations[0] <= -direction.delay_ns
    return not direction.reorder and not cut


def _unshifted(direction: Direction) -> Direction:
    """The same jitter on a delay that cuts none of it off."""
    return Direction(
        FAR_NS,
        direction.jitter_ns,
        distribution=direction.distribution,
        deviations_ns=direction.deviations_ns,
    )


@lru_cache(maxsize=8)
def _sorted_sums(there: Direction, back: Direction) -> NDArray[np.float64]:
    return np.sort(np.add.outer(_delays_ns(there), _delays_ns(back)).ravel())


def _delays_ns(direction: Direction) -> NDArray[np.float64]:
    """As many delays, each as likely as the next. A packet that overtakes takes none."""
    deviations = np.array(deviations_ns(direction) or [0], dtype=np.float64)
    if deviations.size == 1 and not direction.reorder:
        return direction.delay_ns + deviations
    picked = (np.arange(_GRID) + 0.5) / _GRID * deviations.size
    delays = direction.delay_ns + deviations[picked.astype(np.int64)]
    overtaking = round(direction.reorder * _GRID)
    delays[np.linspace(0, _GRID - 1, overtaking).astype(np.int64)] = 0.0
    return delays
