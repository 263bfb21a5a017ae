"""When packets are due: data, made before the first is sent, so that nothing measured can delay the next."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchkit.model.schedule import Schedule


def due_times(start_ns: int, interval_ns: int, count: int, schedule: Schedule) -> NDArray[np.int64]:
    """`count` times from `start_ns` on its clock, shape (count,), ascending, `interval_ns` apart on average.

    Poisson arrivals of a known number are uniform over the time they take, so they last as long as periodic
    ones do.

    >>> due_times(0, 2_000_000, 4, Schedule()).tolist()  # 500/s
    [0, 2000000, 4000000, 6000000]
    """
    if schedule.kind == "poisson":
        generator = np.random.default_rng(schedule.seed)
        drawn = np.sort(generator.random(count)) * (interval_ns * count)
        return start_ns + drawn.astype(np.int64)
    if schedule.kind == "bursts":
        first = np.arange(count, dtype=np.int64) // schedule.burst * schedule.burst
        return start_ns + interval_ns * first
    return periodic(start_ns, interval_ns, count)


def periodic(start_ns: int, interval_ns: int, count: int) -> NDArray[np.int64]:
    """`count` times from `start_ns`, `interval_ns` apart, on the clock of `start_ns`.

    Of shape (count,), in ns.
    """
    return start_ns + interval_ns * np.arange(count, dtype=np.int64)
