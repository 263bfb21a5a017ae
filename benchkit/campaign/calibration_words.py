"""What is said of a calibration: figures out of tolerance, delays that cannot be had, packets that catch up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from benchkit.campaign.following import TRACE
from benchkit.campaign.passages import middle_ns
from benchkit.campaign.phases import LEAST_ANSWERS
from benchkit.campaign.probe_packets import transmission_ns
from benchkit.clock import NS_PER_MS
from benchkit.model.place import Path
from benchkit.model.record import Calibration
from benchkit.units import show_figure

# How a sentence on what was missed ends.
REMEDY = "; free a core and run again"


def out_of_tolerance(found: list[Calibration], emulator: str) -> list[str]:
    """A sentence for each figure that is not within its tolerance."""
    if not found:
        return ["the emulator could not be calibrated: no packet came back"]
    return [f"{one.miss}: {_why_out(one, emulator)}" for one in found if not one.within]


def _why_out(one: Calibration, emulator: str) -> str:
    if not one.n:
        return f"no packet came back{REMEDY}"
    if abs(one.got - one.asked) > one.tolerance:
        return f"{emulator} does not hold this path here{REMEDY}"
    longer = "with --duration" if one.quantity == TRACE else "by `calibration` of the target's plan"
    return f"too few to tell, {LEAST_ANSWERS} would do: measure longer, {longer}"


def caught_up(
    paths: Sequence[Path], found: Iterable[Calibration], rate_per_s: float
) -> Iterator[str]:
    """A sentence for the paths whose packets wait for each other under jitter for longer than is tolerated, if any do."""
    middle = {
        path.name: sum(middle_ns(path.model, name) for name in ("forward", "backward")) / NS_PER_MS
        for path in paths
        if path.model is not None
    }
    late = [
        one
        for one in found
        if (one.quantity, one.direction) == ("delay", "both")
        and one.asked - middle[one.path] > one.tolerance
    ]
    if late:
        first, more = late[0], f" (and {len(late) - 1} more)" if late[1:] else ""
        yield (
            f"{first.path}{more}: at {show_figure(rate_per_s)}/s packets catch up with each other under the jitter, and keep their "
            f"order: the model's median round trip is {first.asked:.2f} ms then, and not {middle[first.path]:.2f} ms"
        )


def below_the_floor(paths: Iterable[Path], found: Iterable[Calibration]) -> list[str]:
    """A sentence for each delay that is asked for and is less than the emulator has with none."""
    wires = {
        path.name: transmission_ns(path.model) / NS_PER_MS
        for path in paths
        if path.model is not None
    }
    said = []
    for one in found:
        ways = 2 if one.direction == "both" else 1
        delay = one.asked - ways * wires[one.path]  # what is asked beside the time on the wire
        is_one = one.quantity == "delay" and round(delay, 6) > 0
        if is_one and one.floor is not None and one.asked < one.floor:
            said.append(
                f"{one.path}, {one.direction}: a delay of {delay:.3f} ms was asked for, and packets take "
                f"{one.floor:.3f} ms here with none: give the path a longer one"
            )
    return said
