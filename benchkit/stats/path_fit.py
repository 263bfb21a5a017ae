"""A PathModel from measured round trips: what was seen, said as delay, deviations, loss and, if asked, a trace.

Round trips do not tell the two directions apart. Half of the fastest one is each direction's delay; what
varies, and what is lost, is put into the way back, so that the sum is what was measured.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchkit.model.impairment import Bursts, Trace
from benchkit.model.place import Direction, PathModel
from benchkit.units import by_number, show_count

MOST_DEVIATIONS = 4096
FEWEST_ANSWERS = 100
# Losses come in bursts when one is followed by another this many times as often as chance would have it.
BURSTY = 3.0
FEWEST_LOSSES = 10
FEWEST_IN_STEP = 5
STEP_NS = 100_000_000


def fit_table(latencies_ns: NDArray[np.float64], interval_ns: float = np.inf) -> PathModel:
    """The model whose round trips are distributed as these, in time order with +inf for lost; at least 100 answers.

    Every answer becomes an entry of the table, up to 4096; of more, evenly spaced ranks.
    `latencies_ns` has shape (n,); `interval_ns` is how far apart the packets were that took so long.
    """
    answered = np.sort(latencies_ns[np.isfinite(latencies_ns)])
    _enough(answered)
    answered = _each_by_itself(answered, interval_ns)
    there = int(answered[0] // 2)
    middle = int(np.median(answered))
    back = middle - there
    deviations = [int(each) - middle for each in _ranks(answered)]
    loss, bursts = fit_loss(np.isinf(latencies_ns))
    backward = Direction(
        delay_ns=back,
        jitter_ns=round(float(np.std(deviations))),
        distribution="table",
        deviations_ns=tuple(deviations),
        loss=loss,
        bursts=bursts,
    )
    return PathModel(Direction(there), backward)


def fit_trace(
    latencies_ns: NDArray[np.float64], due_ns: NDArray[np.int64], step_ns: int = STEP_NS
) -> PathModel:
    """The model that follows the median of each step of time, and spreads around it as these did.

    `due_ns` says when each was due. A step with fewer than five answers keeps the delay before it.
    Round trips in ns and when they were due have shape (n,), in time order.
    """
    whole = fit_table(latencies_ns)
    elapsed = due_ns - due_ns[0]
    delays: list[int] = []
    leftover: list[NDArray[np.float64]] = []
    there = whole.forward.delay_ns
    for start in range(0, int(elapsed[-1]) + 1, step_ns):
        within = latencies_ns[(elapsed >= start) & (elapsed < start + step_ns)]
        answered = within[np.isfinite(within)]
        if len(answered) >= FEWEST_IN_STEP:
            delays.append(int(np.median(answered)) - there)
            leftover.append(answered - np.median(answered))
        else:
            delays.append(delays[-1] if delays else whole.backward.delay_ns)
    rest = _ranks(np.sort(np.concatenate(leftover))) if leftover else []
    backward = Direction(
        delay_ns=delays[0],
        jitter_ns=round(float(np.std(rest))) if rest else 0,
        distribution="table" if rest else "normal",
        deviations_ns=tuple(round(each) for each in rest),
        loss=whole.backward.loss,
        bursts=whole.backward.bursts,
        trace=Trace(tuple(range(0, len(delays) * step_ns, step_ns)), tuple(delays)),
    )
    return PathModel(whole.forward, backward)


def fit_loss(lost: NDArray[np.bool_]) -> tuple[float, Bursts | None]:
    """A loss ratio and None where packets are lost one by one; 0 and a Gilbert model where they are in bursts.

    `lost` has shape (n,), in time order.
    """
    count, n = int(lost.sum()), len(lost)
    if count < FEWEST_LOSSES:
        return count / n, None
    followed = int((lost[:-1] & lost[1:]).sum())
    began = count - followed
    if followed / count < BURSTY * count / n or began == 0:
        return count / n, None
    return 0.0, Bursts(enter=began / (n - count), leave=began / count)


def _each_by_itself(answered: NDArray[np.float64], interval_ns: float) -> NDArray[np.float64]:
    """What packets take by themselves that come out as these, sorted, where each waits for those in front of it.

    A model's packets keep their order. One that takes x at most finds that the packet before it took x and an interval
    at most, and so on back: G(x) = F(x) F(x + T) F(x + 2 T) …, and so F(x) = G(x) / G(x + T).
    """
    within = np.searchsorted(answered, answered, side="right")
    later = np.searchsorted(answered, answered + interval_ns, side="right")
    shares = np.maximum.accumulate(within / later)
    wanted = (np.arange(len(answered)) + 0.5) / len(answered)
    found: NDArray[np.float64] = answered[np.searchsorted(shares, wanted)]
    return found


def _enough(answered: NDArray[np.float64]) -> None:
    if len(answered) < FEWEST_ANSWERS:
        raise ValueError(
            f"{show_count(len(answered), 'answer')} {by_number(len(answered), 'makes', 'make')} no model: {FEWEST_ANSWERS} do"
        )


def _ranks(ordered: NDArray[np.float64]) -> list[float]:
    """The values, or as many evenly spaced ranks of them as a table holds, both ends among them."""
    if len(ordered) <= MOST_DEVIATIONS:
        return [float(each) for each in ordered]
    ranks = np.linspace(0, len(ordered) - 1, MOST_DEVIATIONS).round().astype(np.int64)
    return [float(each) for each in ordered[ranks]]
