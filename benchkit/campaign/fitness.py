"""Whether the machine and the emulator did what they were asked: what a verdict rests on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchkit.campaign import phases
from benchkit.campaign.harvest import Harvest
from benchkit.clock import NS_PER_MS, NS_PER_US
from benchkit.emulators.line import LineReport, quantile_ns
from benchkit.model.place import Path
from benchkit.model.record import Calibration
from benchkit.model.samples import Column

# Fewer answers than this calibrate nothing.
LEAST_ANSWERS = 50
LATENESS_SHARE = 0.95


@dataclass(frozen=True)
class Leg:
    """One direction of a path, or both: what was asked, and the medians with and without delay, in ns."""

    name: str
    asked: int
    got: Column
    floor: Column


def calibrations(paths: Iterable[Path], harvest: Harvest, tolerance_ns: int) -> list[Calibration]:
    """Asked against got for each direction of each path and for the round trip.

    Both ends are on one machine and one clock, so the one-way figures need no synchronisation.
    """
    return [
        _calibration(path.name, leg, tolerance_ns) for path in paths for leg in _legs(path, harvest)
    ]


def _legs(path: Path, harvest: Harvest) -> list[Leg]:
    model = path.model
    got = harvest.samples("rtt", path.name, phases.CALIBRATION)
    floor = harvest.samples("rtt", path.name, phases.FLOOR)
    if model is None or got is None or floor is None:
        return []

    def one_way(first: str, last: str, name: str, asked: int) -> Leg:
        took, least = (rows.columns[last] - rows.columns[first] for rows in (got, floor))
        return Leg(name, asked, took, least)

    there = one_way("t1_ns", "t2_ns", "forward", model.forward.delay_ns)
    back = one_way("t3_ns", "t4_ns", "backward", model.backward.delay_ns)
    both = Leg("both", model.rtt_ns, there.got + back.got, there.floor + back.floor)
    return [there, back, both]


def _calibration(path: str, leg: Leg, tolerance_ns: int) -> Calibration:
    answers = leg.got.compressed()
    floors = leg.floor.compressed()
    got = float(np.median(answers)) if len(answers) else 0.0
    within = len(answers) >= LEAST_ANSWERS and abs(got - leg.asked) <= tolerance_ns
    return Calibration(
        path=path,
        direction=leg.name,
        asked_ms=leg.asked / NS_PER_MS,
        got_ms=got / NS_PER_MS,
        floor_ms=float(np.median(floors)) / NS_PER_MS if len(floors) else 0.0,
        tolerance_ms=tolerance_ns / NS_PER_MS,
        n=len(answers),
        within=within,
    )


def out_of_tolerance(found: Sequence[Calibration], emulator: str) -> list[str]:
    """A sentence for each calibration that is not within its tolerance."""
    if not found:
        return ["the emulator could not be calibrated: no packet came back"]
    return [
        f"calibration of {one.path}, {one.direction}: asked {one.asked_ms:.3f} ms, got {one.got_ms:.3f} ms "
        f"from {one.n} packets, tolerance {one.tolerance_ms:.3f} ms: {emulator} does not hold this "
        "path here; free a core and run again"
        for one in found
        if not one.within
    ]


def line_troubles(report: LineReport | None, tolerance_ns: int) -> list[str]:
    """Sentences on an emulator that was itself the bottleneck while idle paths were measured."""
    if report is None:
        return []
    troubles = []
    if report.dropped:
        troubles.append(
            f"the emulator lost {report.dropped} packets that the model does not lose: the machine is "
            "too busy; free a core and run again"
        )
    late = quantile_ns(report, LATENESS_SHARE)
    if late is not None and late > tolerance_ns:
        troubles.append(
            f"the userspace line released 1 packet in 20 more than {late / NS_PER_US:.0f} us late, tolerance "
            f"{tolerance_ns / NS_PER_US:.0f} us: the machine is too busy; free a core, or run as root so "
            "that the line gets real-time priority"
        )
    return troubles
