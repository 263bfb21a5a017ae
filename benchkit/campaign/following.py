"""How far the round trips of a path whose delay follows a trace were from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from benchkit.campaign import phases
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.passages import CHANCE, Times, middle_ns, passage, spread_of
from benchkit.campaign.phases import LEAST_ANSWERS
from benchkit.clock import NS_PER_MS
from benchkit.model.impairment import Trace
from benchkit.model.place import Direction, Path, PathModel
from benchkit.model.record import Calibration
from benchkit.model.samples import Column
from benchkit.units import show_duration

TRACE = "trace"


def followed(path: Path, harvest: Harvest, began_ns: int, tolerance_ns: int) -> Calibration | None:
    """How far the idle round trips were from the path's traces, started at `began_ns` (CLOCK_REALTIME); or None."""
    rows = harvest.samples("rtt", path.name, phases.IDLE)
    model = path.model
    if rows is None or model is None or not (model.forward.trace or model.backward.trace):
        return None
    columns = rows.columns
    asked = _along(model, "forward", columns["t1_ns"] - began_ns)
    asked += _along(model, "backward", columns["t3_ns"] - began_ns)
    took = (columns["t2_ns"] - columns["t1_ns"]) + (columns["t4_ns"] - columns["t3_ns"])
    seen = ~np.ma.getmaskarray(took)
    off = np.abs(took.data - asked)[seen]
    got, wanted = (float(np.mean(each[seen])) if len(off) else 0.0 for each in (took.data, asked))
    tolerance = tolerance_ns + _off_by_jitter_ns(model, columns["due_ns"].data)
    return Calibration(
        path=path.name,
        direction="both",
        quantity=TRACE,
        unit="ms",
        asked=wanted / NS_PER_MS,
        got=got / NS_PER_MS,
        tolerance=tolerance / NS_PER_MS,
        n=len(off),
        within=len(off) >= LEAST_ANSWERS and float(np.median(off)) <= tolerance,
    )


def outlasted(paths: Iterable[Path], lasts_ns: int) -> Iterator[str]:
    """A sentence for each path whose trace ends before what was measured of it does."""
    for path in paths:
        each_way = (path.model.forward, path.model.backward) if path.model is not None else ()
        ends = [_end_ns(each.trace) for each in each_way if each.trace is not None]
        if ends and min(ends) < lasts_ns:
            yield (
                f"{path.name}: its trace ends after {show_duration(min(ends))}, and {show_duration(lasts_ns)} were measured: the last "
                "delay holds from then on"
            )


def _end_ns(trace: Trace) -> int:
    """When the last step has lasted as long as the one before it."""
    *before, last = trace.at_ns
    return last + (last - before[-1] if before else 0)


def _off_by_jitter_ns(model: PathModel, due_ns: Times) -> float:
    """How far jitter alone has round trips from the middle of their trace, half of them, with what chance adds."""
    if not (model.forward.jitter_ns or model.backward.jitter_ns):
        return 0.0
    middle = middle_ns(model, "forward") + middle_ns(model, "backward")
    off = np.abs(passage(model.still, due_ns).both - middle)
    return _half_within(off) + CHANCE * spread_of(_half_within, off, len(due_ns))


def _half_within(off: Times) -> float:
    return float(np.median(off))


def _along(model: PathModel, name: str, elapsed: Column) -> Times:
    """The middle of a direction's delay at each of these times since the trace began."""
    direction: Direction = getattr(model, name)
    trace, middle = direction.trace, middle_ns(model, name)
    if trace is None:
        return np.full(len(elapsed), middle, dtype=np.int64)
    steps = np.searchsorted(np.array(trace.at_ns), elapsed.data, side="right") - 1
    delays: Times = np.array(trace.delay_ns, dtype=np.int64)
    return delays[np.clip(steps, 0, None)] + (middle - direction.delay_ns)
