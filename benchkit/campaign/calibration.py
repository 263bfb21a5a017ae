"""Asked against got: what the model asked of the emulator, and what packets saw.

Both ends are on one machine and one clock, so the one-way figures need no synchronisation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchkit.campaign import phases, wire
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.passages import (
    CHANCE,
    Times,
    catches_up,
    middle_ns,
    passage,
    spread_of,
)
from benchkit.campaign.phases import LEAST_ANSWERS
from benchkit.clock import NS_PER_MS
from benchkit.emulators.spread import deviations_ns
from benchkit.model.impairment import Bursts
from benchkit.model.place import Direction, Path, PathModel
from benchkit.model.record import Calibration
from benchkit.model.samples import DUPLICATES, Column, Samples
from benchkit.stats.round_trip import that_left

JITTER_TOLERANCE = 0.1
# From this share of the tolerance on, so few packets as calibrate may have a median that chance moved beyond it.
JITTER_THAT_TELLS = 0.25
# Half the distance between these is one standard deviation of a normal distribution, and unlike the standard
# deviation it says nothing of a machine that stood still for a moment.
LOW, HIGH = 15.87, 84.13


@dataclass(frozen=True)
class Leg:
    """One direction of a path, or both: how long packets took with and without delay: ns, shape (n,).

    `asked_ns` is the median that is asked for. `drawn` is what the model makes of such packets, None where jitter is
    too small for it to matter.
    """

    path: str
    name: str
    asked_ns: float
    got: Column
    floor: Column
    drawn: Times | None = None


def calibrations(paths: Iterable[Path], harvest: Harvest, tolerance_ns: int) -> list[Calibration]:
    """Every figure that the models of these paths ask for, in each direction where it has one."""
    return [row for path in paths for row in _of_path(path, harvest, tolerance_ns)]


def _of_path(path: Path, harvest: Harvest, tolerance_ns: int) -> Iterator[Calibration]:
    rows = harvest.samples("rtt", path.name, phases.CALIBRATION)
    floor = harvest.samples("rtt", path.name, phases.FLOOR)
    if path.model is None or rows is None or floor is None:
        return
    rows, floor = that_left(rows), that_left(floor)
    there, back = legs = _legs(path.name, path.model, rows, floor, tolerance_ns)
    each_way = list(zip(legs, (path.model.forward, path.model.backward), strict=True))
    yield from (_median(leg, tolerance_ns) for leg in (there, back, _both(there, back)))
    yield from (_jitter(leg, way, tolerance_ns) for leg, way in each_way if way.jitter_ns)
    yield from _shares(path.name, path.model, rows)
    yield from (_reordering(leg, way) for leg, way in each_way if way.reorder)
    yield from wire.calibrations(path, harvest)


def _legs(
    path: str, model: PathModel, rows: Samples, floor: Samples, tolerance_ns: int
) -> tuple[Leg, Leg]:
    due = rows.columns["due_ns"].data
    drawn = passage(model, due) if _is_drawn(model, due, tolerance_ns) else None

    def one_way(name: str, first: str, last: str) -> Leg:
        took, least = (each.columns[last] - each.columns[first] for each in (rows, floor))
        through: Times | None = getattr(drawn, name, None)
        asked = float(middle_ns(model, name) if through is None else np.median(through))
        return Leg(path, name, asked, took, least, through)

    return one_way("forward", "t1_ns", "t2_ns"), one_way("backward", "t3_ns", "t4_ns")


def _is_drawn(model: PathModel, due_ns: Times, tolerance_ns: int) -> bool:
    """Whether packets catch up with each other, or jitter may move the median of a few by more than is allowed."""
    jitter = max(model.forward.jitter_ns, model.backward.jitter_ns)
    return jitter > tolerance_ns * JITTER_THAT_TELLS or catches_up(model, due_ns)


def _both(there: Leg, back: Leg) -> Leg:
    drawn = there.drawn + back.drawn if there.drawn is not None and back.drawn is not None else None
    asked = there.asked_ns + back.asked_ns if drawn is None else float(np.median(drawn))
    return Leg(there.path, "both", asked, there.got + back.got, there.floor + back.floor, drawn)


def _allowed_ns(
    leg: Leg, tolerance_ns: float, statistic: Callable[[Times], float], n: int
) -> float:
    """The tolerance, or what chance does to a statistic of `n` packets where that is more."""
    if leg.drawn is None:
        return tolerance_ns
    return max(tolerance_ns, CHANCE * spread_of(statistic, leg.drawn, n))


def _middle_of(values: Times) -> float:
    return float(np.median(values))


def _median(leg: Leg, tolerance_ns: int) -> Calibration:
    answers, floors = leg.got.compressed(), leg.floor.compressed()
    got = _middle_of(answers) if len(answers) else 0.0
    tolerance = _allowed_ns(leg, tolerance_ns, _middle_of, len(answers))
    return Calibration(
        path=leg.path,
        direction=leg.name,
        quantity="delay",
        unit="ms",
        asked=leg.asked_ns / NS_PER_MS,
        got=got / NS_PER_MS,
        tolerance=tolerance / NS_PER_MS,
        n=len(answers),
        within=len(answers) >= LEAST_ANSWERS and abs(got - leg.asked_ns) <= tolerance,
        floor=float(np.median(floors)) / NS_PER_MS if len(floors) else None,
    )


def _jitter(leg: Leg, direction: Direction, tolerance_ns: int) -> Calibration:
    asked = _half_spread(np.array(deviations_ns(direction)) if leg.drawn is None else leg.drawn)
    answers = leg.got.compressed()
    got = _half_spread(answers) if len(answers) else 0.0
    usual = max(tolerance_ns / 2, JITTER_TOLERANCE * asked)
    tolerance = _allowed_ns(leg, usual, _half_spread, len(answers))
    return Calibration(
        path=leg.path,
        direction=leg.name,
        quantity="jitter",
        unit="ms",
        asked=asked / NS_PER_MS,
        got=got / NS_PER_MS,
        tolerance=tolerance / NS_PER_MS,
        n=len(answers),
        within=len(answers) >= LEAST_ANSWERS and abs(got - asked) <= tolerance,
    )


def _half_spread(values: Times) -> float:
    low, high = np.percentile(values, (LOW, HIGH))
    return float(high - low) / 2


def _shares(path: str, model: PathModel, rows: Samples) -> Iterator[Calibration]:
    """Loss and duplication of the round trip: a sender cannot tell in which direction a packet was lost."""
    there, back = model.forward, model.backward
    lost = int(np.ma.getmaskarray(rows.columns["received_ns"]).sum())
    if there.loses or back.loses:
        asked = 1 - (1 - there.mean_loss) * (1 - back.mean_loss)
        spread = max(_burstiness(there.bursts), _burstiness(back.bursts))
        yield _share(path, "both", "loss", asked, lost, len(rows), spread)
        if lost and (there.bursts or back.bursts):  # of no loss nobody knows what would follow it
            yield _run_on(path, model, np.ma.getmaskarray(rows.columns["received_ns"]))
    if there.duplicate or back.duplicate:
        answered = len(rows) - lost
        # A doubled request has two answers, each of which may double again.
        asked = (1 + there.duplicate) * (1 + back.duplicate) - 1
        further = int(rows.columns[DUPLICATES].sum())
        yield _share(path, "both", "duplication", asked, further, answered)


def _run_on(path: str, model: PathModel, lost: NDArray[np.bool_]) -> Calibration:
    """How often the packet after a lost one is lost too: what tells bursts from losses one by one."""
    there, back = model.forward, model.backward
    passes = (1 - there.mean_loss) * (1 - back.mean_loss)
    both_pass = _two_pass(there) * _two_pass(back)
    asked = (1 - 2 * passes + both_pass) / (1 - passes)
    again = int((lost[1:] & lost[:-1]).sum())
    return _share(path, "both", "loss after a loss", asked, again, int(lost[:-1].sum()), least=1)


def _two_pass(direction: Direction) -> float:
    """The chance that a packet and the next both pass."""
    bursts = direction.bursts
    if bursts is None:
        return (1 - direction.loss) ** 2
    bad = bursts.enter / (bursts.enter + bursts.leave)
    passes_bad, passes_good = 1 - bursts.bad_loss, 1 - bursts.good_loss
    after_bad = bursts.leave * passes_good + (1 - bursts.leave) * passes_bad
    after_good = bursts.enter * passes_bad + (1 - bursts.enter) * passes_good
    return bad * passes_bad * after_bad + (1 - bad) * passes_good * after_good


def _burstiness(bursts: Bursts | None) -> float:
    """By how much the variance of a mean of losses in bursts is larger than of losses one by one."""
    if bursts is None:
        return 1.0
    turns = min(bursts.enter + bursts.leave, 1.0)
    return (2 - turns) / turns


def _reordering(leg: Leg, direction: Direction) -> Calibration:
    """A packet that overtook took no delay, so less than half of it."""
    answers = leg.got.compressed()
    quick = int((answers < direction.delay_ns / 2).sum())
    return _share(leg.path, leg.name, "reordering", direction.reorder, quick, len(answers))


def _share(  # noqa: PLR0913, PLR0917  as above
    path: str,
    name: str,
    quantity: str,
    asked: float,
    count: int,
    n: int,
    spread: float = 1.0,
    least: int = LEAST_ANSWERS,
) -> Calibration:
    got = count / n if n else 0.0
    chance = CHANCE * math.sqrt(asked * (1 - min(asked, 1.0)) * spread / max(n, 1)) + 1 / max(n, 1)
    return Calibration(
        path=path,
        direction=name,
        quantity=quantity,
        unit="%",
        asked=100 * asked,
        got=100 * got,
        tolerance=100 * chance,
        n=n,
        within=n >= least and abs(got - asked) <= chance,
    )
