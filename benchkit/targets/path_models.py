"""The model of a path, from what its target says of it and of all paths, and from how far apart its ends are."""

from __future__ import annotations

from statistics import pstdev

from benchkit.clock import NS_PER_MS, NS_PER_US
from benchkit.model.impairment import Bursts, Trace
from benchkit.model.place import FIBRE_NS_PER_KM, Direction, PathModel
from benchkit.targets.crosschecks import EXCLUSIVE
from benchkit.targets.schema import (
    DeviationsTable,
    DirectionTable,
    PathTable,
    TraceTable,
    WeatherTable,
)
from benchkit.targets.schema import SharedModelTable as Shared

_UNITS_NS = {"us": NS_PER_US, "ms": NS_PER_MS}


def model_of(table: PathTable, shared: Shared, distance: float | None) -> PathModel:
    """The model of a path whose ends are so many kilometres apart: its own, else what is `shared`."""
    model = table.model
    merged = shared.model_copy(
        update={
            key: getattr(model, key) for key in model.model_fields_set & set(Shared.model_fields)
        }
    )
    delay, origin = _delay(model.delay, merged, distance)
    own = [
        side
        for side, direction in (("forward", model.forward), ("backward", model.backward))
        if direction.delay is not None
    ]
    if own:
        says = f"{' and '.join(own)} set in the target"
        origin = says if delay is None or len(own) > 1 else f"{says}; else {origin}"
    return PathModel(
        forward=_direction(model.forward, merged, delay),
        backward=_direction(model.backward, merged, delay),
        rate_bps=merged.rate,
        buffer_octets=merged.buffer,
        mtu=merged.mtu or 1500,
        origin=origin,
    )


def _delay(given: int | None, merged: Shared, distance: float | None) -> tuple[int | None, str]:
    """The delay of one direction, and in words where it comes from."""
    if given is not None:
        return given, "set in the target"
    if merged.route_factor is None or distance is None:
        return None, ""
    equipment = merged.equipment or 0
    origin = (
        f"great circle {distance:.0f} km x route factor {merged.route_factor:g}"
        f" at {FIBRE_NS_PER_KM / 1000:g} us/km, plus {equipment / NS_PER_MS:g} ms of equipment"
    )
    return round(distance * merged.route_factor * FIBRE_NS_PER_KM) + equipment, origin


def _direction(own: DirectionTable, merged: Shared, delay: int | None) -> Direction:
    said = _weather(own, merged)
    deviations = _deviations(said.deviations)
    spread = round(pstdev(deviations)) if deviations else said.jitter or 0
    return Direction(
        delay_ns=(own.delay if own.delay is not None else delay) or 0,
        jitter_ns=spread,
        loss=said.loss or 0.0,
        distribution="table" if deviations else said.distribution or "normal",
        deviations_ns=deviations,
        bursts=Bursts(**said.bursts.model_dump()) if said.bursts else None,
        reorder=said.reorder or 0.0,
        duplicate=said.duplicate or 0.0,
        trace=_trace(said.trace),
    )


def _weather(own: DirectionTable, merged: Shared) -> WeatherTable:
    """What is said of the direction itself, else of all."""
    said = {
        key: getattr(own if key in own.model_fields_set else merged, key)
        for key in WeatherTable.model_fields
    }
    # Of two that exclude each other, what the direction itself says.
    for one, other in EXCLUSIVE:
        if one in own.model_fields_set:
            said[other] = getattr(own, other)
        elif other in own.model_fields_set:
            said[one] = None
    return WeatherTable.model_construct(**said)


def _deviations(table: DeviationsTable | None) -> tuple[int, ...]:
    if table is None:
        return ()
    return tuple(sorted(round(value * _UNITS_NS[table.unit]) for value in table.values))


def _trace(table: TraceTable | None) -> Trace | None:
    if table is None:
        return None
    return Trace(
        at_ns=tuple(index * table.every for index in range(len(table.values))),
        delay_ns=tuple(round(value * _UNITS_NS[table.unit]) for value in table.values),
    )
