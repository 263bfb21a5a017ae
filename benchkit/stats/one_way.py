"""One-way delay (RFC 7679) from the stamps of two clocks, and what those clocks allow to be said.

Only the least delays of each stretch of a run tell of the clocks, for queues only ever add (Paxson 1998). The
difference of the two directions' least delays moves with the far clock's skew; their sizes bound its offset,
because no packet arrives before it was sent, nor before light could have brought it. Where in between
the offset lies only a common clock tells. Half a round trip is never taken for it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchkit.model.account import Delay, OneWay
from benchkit.model.samples import Samples

Basis = Literal["one clock", "synchronised", "unknown"]
PERCENTILES = (50, 95, 99)
FEWEST = 20
PER_STRETCH, FEWEST_STRETCHES, MOST_STRETCHES = 25, 4, 60
STEP_NS = 100_000_000
TWO_SIGMA, MAD_TO_SIGMA = 1.96, 1.4826
_MS = 1e-6
_PPM = 1e6

RELATIVE = (
    "The clocks of the two ends are not known to agree, so one-way delays cannot be given: shown is by how much each "
    "direction exceeded its own least delay, which is queueing."
)
REFUTED = (
    "Both ends say that their clocks are synchronised, but then answers would have come before light could bring "
    "them: shown is by how much each direction exceeded its own least delay, which is queueing."
)


class Clocks(NamedTuple):
    """The far clock less the near one: skew as a ratio with its 95 % error, and between what the offset lies, in ns.

    The bounds hold in the middle of the run, where `middle_ns` is.
    """

    skew: float
    skew_error: float
    least_offset_ns: float
    most_offset_ns: float
    middle_ns: float


def one_way(rows: Samples, basis: Basis, floor_ns: float, stamp_error_ns: float) -> OneWay | None:
    """Delay each way in ms; None for far ends without stamps and for fewer than twenty answers.

    `floor_ns` is what light needs one way, 0 where that is not known; `stamp_error_ns` what the kernels' stamps may
    be off, where both ends share one clock.
    """
    stamps = _whole(rows)
    if stamps is None:
        return None
    t1, t2, t3, t4 = stamps
    forward, backward = (t2 - t1).astype(np.float64), (t4 - t3).astype(np.float64)
    if basis == "one clock":
        said = "Both ends read the same clock."
        return _absolute(forward, backward, stamp_error_ns, said, None)
    clocks = estimate_clocks(t1, forward, backward, floor_ns)
    straight = clocks.skew * (t1 - clocks.middle_ns)
    forward, backward = forward - straight, backward + straight
    if basis == "synchronised" and clocks.least_offset_ns <= 0 <= clocks.most_offset_ns:
        error = max(-clocks.least_offset_ns, clocks.most_offset_ns)
        said = "Both ends say that their clocks are synchronised; the error is what causality leaves open."
        return _absolute(forward, backward, error, said, clocks)
    return OneWay(
        relative=True,
        words=REFUTED if basis == "synchronised" else RELATIVE,
        forward=_spread(forward - forward.min()),
        backward=_spread(backward - backward.min()),
        error=None,
        **_told(clocks),
    )


def estimate_clocks(
    at_ns: NDArray[np.int64],
    forward: NDArray[np.float64],
    backward: NDArray[np.float64],
    floor_ns: float = 0.0,
) -> Clocks:
    """What the least delays of each stretch tell; arrays of shape (n,) in ns, n of twenty and more, in time order.

    The skew is the median of the slopes between stretches (Theil 1950, Sen 1968), which a few stretches without
    any undelayed packet do not move. A skew within its error is taken as none.
    """
    middle = float(at_ns[0]) / 2 + float(at_ns[-1]) / 2
    at = at_ns - middle
    count = int(np.clip(len(at) // PER_STRETCH, FEWEST_STRETCHES, MOST_STRETCHES))
    stretches = np.array_split(np.arange(len(at)), count)
    there = np.array([each[np.argmin(forward[each])] for each in stretches])
    back = np.array([each[np.argmin(backward[each])] for each in stretches])
    when = (at[there] + at[back]) / 2
    gap = (forward[there] - backward[back]) / 2
    skew, error = _slope(when, gap)
    if abs(skew) <= error:
        skew = 0.0
    most = float((forward - skew * at).min()) - floor_ns
    least = floor_ns - float((backward + skew * at).min())
    return Clocks(skew, error, least, most, middle)


def _slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    first, second = np.triu_indices(len(x), 1)
    run = x[second] - x[first]
    slope = float(np.median((y[second] - y[first])[run > 0] / run[run > 0]))
    rest = y - slope * x
    sigma = MAD_TO_SIGMA * float(np.median(np.abs(rest - np.median(rest))))
    return slope, TWO_SIGMA * sigma / float(np.sqrt(((x - x.mean()) ** 2).sum()))


def _whole(rows: Samples) -> tuple[NDArray[np.int64], ...] | None:
    """T1 to T4 of the packets that have all of them, less those on the smaller side of a step of our own clock."""
    columns = rows.columns
    names = ("t1_ns", "t2_ns", "t3_ns", "t4_ns")
    if any(name not in columns for name in names):
        return None
    kept = ~np.any([np.ma.getmaskarray(columns[name]) for name in (*names, "sent_ns")], axis=0)
    apart = columns["t1_ns"].data - columns["sent_ns"].data
    if kept.any():
        kept &= np.abs(apart - np.median(apart[kept])) < STEP_NS
    if int(kept.sum()) < FEWEST:
        return None
    return tuple(columns[name].data[kept] for name in names)


def _absolute(
    forward: NDArray[np.float64],
    backward: NDArray[np.float64],
    error_ns: float,
    words: str,
    clocks: Clocks | None,
) -> OneWay:
    return OneWay(
        relative=False,
        words=words,
        forward=_spread(forward),
        backward=_spread(backward),
        error=error_ns * _MS,
        **(_told(clocks) if clocks else {}),
    )


def _told(clocks: Clocks) -> dict[str, float]:
    return {
        "offset_low": clocks.least_offset_ns * _MS,
        "offset_high": clocks.most_offset_ns * _MS,
        "skew_ppm": clocks.skew * _PPM,
        "skew_error_ppm": clocks.skew_error * _PPM,
    }


def _spread(values_ns: NDArray[np.float64]) -> Delay:
    least = float(values_ns.min()) * _MS
    ranks = np.percentile(values_ns, PERCENTILES, method="inverted_cdf") * _MS
    return Delay(least, *(float(each) for each in ranks))
