"""Asked against got: what the model asked of the emulator, and what packets saw.

Both ends are on one machine and one clock, so the one-way figures need no synchronisation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchkit.campaign import phases, wire
from benchkit.campaign.harvest import Harvest
from benchkit.clock import NS_PER_MS
from benchkit.emulators.spread import deviations_ns
from benchkit.model.impairment import Bursts
from benchkit.model.place import Direction, Path, PathModel
from benchkit.model.record import Calibration
from benchkit.model.samples import DUPLICATES, Column, Samples
from benchkit.stats.round_trip import that_left

# Fewer answers than this calibrate nothing.
LEAST_ANSWERS = 50
# A share of lost, doubled or overtaking packets may be off by what chance does once in a thousand times.
CHANCE = 3.29
JITTER_TOLERANCE = 0.1
# Half the distance between these is one standard deviation of a normal distribution, and unlike the standard
# deviation it says nothing of a machine that stood still for a moment.
LOW, HIGH = 15.87, 84.13
# How a sentence on what was missed ends.
REMEDY = "; free a core and run again"


@dataclass(frozen=True)
class Leg:
    """One direction of a path: what is asked of it, and how long packets took with and without delay: ns, shape (n,)."""

    path: str
    name: str
    direction: Direction
    got: Column
    floor: Column


def calibrations(paths: Iterable[Path], harvest: Harvest, tolerance_ns: int) -> list[Calibration]:
    """Every figure that the models of these paths ask for, in each direction where it has one."""
    return [row for path in paths for row in _of_path(path, harvest, tolerance_ns)]


def _of_path(path: Path, harvest: Harvest, tolerance_ns: int) -> Iterator[Calibration]:
    rows = harvest.samples("rtt", path.name, phases.CALIBRATION)
    floor = harvest.samples("rtt", path.name, phases.FLOOR)
    if path.model is None or rows is None or floor is None:
        return
    rows, floor = that_left(rows), that_left(floor)
    legs = _legs(path.name, path.model, rows, floor)
    yield from (_delay(leg, tolerance_ns) for leg in legs)
    yield _round_trip(legs, tolerance_ns)
    yield from (_jitter(leg, tolerance_ns) for leg in legs if leg.direction.jitter_ns)
    yield from _shares(path.name, path.model, rows)
    yield from (_reordering(leg) for leg in legs if leg.direction.reorder)
    yield from wire.calibrations(path, harvest)


def _legs(path: str, model: PathModel, rows: Samples, floor: Samples) -> list[Leg]:
    def one_way(name: str, direction: Direction, first: str, last: str) -> Leg:
        took, least = (each.columns[last] - each.columns[first] for each in (rows, floor))
        return Leg(path, name, direction, took, least)

    return [
        one_way("forward", model.forward, "t1_ns", "t2_ns"),
        one_way("backward", model.backward, "t3_ns", "t4_ns"),
    ]


def _middle(direction: Direction) -> int:
    """The median delay that is asked for; a skewed jitter moves it."""
    deviations = deviations_ns(direction)
    return direction.delay_ns + (deviations[len(deviations) // 2] if deviations else 0)


def _delay(leg: Leg, tolerance_ns: int) -> Calibration:
    asked = _middle(leg.direction)
    return _median(leg.path, leg.name, asked, leg.got, leg.floor, tolerance_ns)


def _round_trip(legs: list[Leg], tolerance_ns: int) -> Calibration:
    there, back = legs
    asked = _middle(there.direction) + _middle(back.direction)
    got, floor = there.got + back.got, there.floor + back.floor
    return _median(there.path, "both", asked, got, floor, tolerance_ns)


def _median(
    path: str, name: str, asked_ns: int, took: Column, least: Column, tolerance_ns: int
) -> Calibration:
    answers, floors = took.compressed(), least.compressed()
    got = float(np.median(answers)) if len(answers) else 0.0
    return Calibration(
        path=path,
        direction=name,
        quantity="delay",
        unit="ms",
        asked=asked_ns / NS_PER_MS,
        got=got / NS_PER_MS,
        tolerance=tolerance_ns / NS_PER_MS,
        n=len(answers),
        within=len(answers) >= LEAST_ANSWERS and abs(got - asked_ns) <= tolerance_ns,
        floor=float(np.median(floors)) / NS_PER_MS if len(floors) else None,
    )


def _jitter(leg: Leg, tolerance_ns: int) -> Calibration:
    asked = _half_spread(np.array(deviations_ns(leg.direction)))
    answers = leg.got.compressed()
    got = _half_spread(answers) if len(answers) else 0.0
    tolerance = max(tolerance_ns / 2, JITTER_TOLERANCE * asked)
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


def _half_spread(values: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
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
        if there.bursts or back.bursts:
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


def _reordering(leg: Leg) -> Calibration:
    """A packet that overtook took no delay, so less than half of it."""
    answers = leg.got.compressed()
    quick = int((answers < leg.direction.delay_ns / 2).sum())
    return _share(leg.path, leg.name, "reordering", leg.direction.reorder, quick, len(answers))


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


def followed(path: Path, harvest: Harvest, began_ns: int, tolerance_ns: int) -> Calibration | None:
    """How far the idle round trips were from the path's traces, started at `began_ns` (CLOCK_REALTIME); or None."""
    rows = harvest.samples("rtt", path.name, phases.IDLE)
    model = path.model
    if rows is None or model is None or not (model.forward.trace or model.backward.trace):
        return None
    columns = rows.columns
    asked = _along(model.forward, columns["t1_ns"] - began_ns)
    asked += _along(model.backward, columns["t3_ns"] - began_ns)
    took = (columns["t2_ns"] - columns["t1_ns"]) + (columns["t4_ns"] - columns["t3_ns"])
    seen = ~np.ma.getmaskarray(took)
    off = np.abs(took.data - asked)[seen]
    got, wanted = (float(np.mean(each[seen])) if len(off) else 0.0 for each in (took.data, asked))
    return Calibration(
        path=path.name,
        direction="both",
        quantity="trace",
        unit="ms",
        asked=wanted / NS_PER_MS,
        got=got / NS_PER_MS,
        tolerance=tolerance_ns / NS_PER_MS,
        n=len(off),
        within=len(off) >= LEAST_ANSWERS and float(np.median(off)) <= tolerance_ns,
    )


def _along(direction: Direction, elapsed: Column) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The middle of the delay at each of these times since the trace began."""
    trace = direction.trace
    if trace is None:
        return np.full(len(elapsed), _middle(direction), dtype=np.int64)
    steps = np.searchsorted(np.array(trace.at_ns), elapsed.data, side="right") - 1
    delays: np.ndarray[tuple[int], np.dtype[np.int64]] = np.array(trace.delay_ns, dtype=np.int64)
    return delays[np.clip(steps, 0, None)] + (_middle(direction) - direction.delay_ns)


def out_of_tolerance(found: list[Calibration], emulator: str) -> list[str]:
    """A sentence for each figure that is not within its tolerance."""
    if not found:
        return ["the emulator could not be calibrated: no packet came back"]
    return [
        f"{one.miss}: {emulator} does not hold this path here{REMEDY}"
        for one in found
        if not one.within
    ]


def below_the_floor(found: list[Calibration]) -> list[str]:
    """A sentence for each delay that is asked for and is less than the emulator has with none."""
    return [
        f"{one.path}, {one.direction}: a delay of {one.asked:.3f} ms was asked for, and packets take "
        f"{one.floor:.3f} ms here with none: give the path a longer one"
        for one in found
        if one.quantity == "delay" and one.floor is not None and 0 < one.asked < one.floor
    ]
