"""How late an emulator was that does not say so itself, told from the round trips that passed it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from benchkit.campaign import phases
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.passages import CHANCE, Times, catches_up, passage
from benchkit.campaign.probe_packets import transmission_ns
from benchkit.clock import NS_PER_MS
from benchkit.emulators.spread import deviations_ns
from benchkit.model.place import Direction, Path, PathModel

LATE_SHARE = 0.05


def late_paths(paths: Iterable[Path], harvest: Harvest, tolerance_ns: int) -> list[str]:
    """A sentence for each idle path on which more than 1 round trip in 20 took longer than the model allows.

    A path that follows a trace has a measure of its own, `calibration.followed`.
    """
    return [trouble for path in paths for trouble in _of_path(path, harvest, tolerance_ns)]


def _of_path(path: Path, harvest: Harvest, tolerance_ns: int) -> Iterator[str]:
    rows = harvest.samples("rtt", path.name, phases.IDLE)
    model = path.model
    if rows is None or model is None or model.forward.trace or model.backward.trace:
        return
    times = rows.columns
    took = (times["t2_ns"] - times["t1_ns"]) + (times["t4_ns"] - times["t3_ns"])
    answers = took.compressed()
    if not len(answers):
        return
    longest = _longest_ns(model, times["due_ns"].data) + tolerance_ns
    share = float(np.mean(answers > longest))
    chance = CHANCE * math.sqrt(LATE_SHARE * (1 - LATE_SHARE) / len(answers))
    if share > LATE_SHARE + chance:
        yield (
            f"{path.name}: {100 * share:.0f} % of {len(answers)} idle round trips took more than "
            f"{longest / NS_PER_MS:.2f} ms, which the model gives 1 in 20, with a tolerance of "
            f"{tolerance_ns / NS_PER_MS:.2f} ms: the emulator was late; free a core and run again"
        )


def _longest_ns(model: PathModel, due_ns: Times) -> int:
    """What at least 19 round trips in 20 of the model stay within, if they are due then."""
    if catches_up(model, due_ns):
        return round(float(np.quantile(passage(model, due_ns).both, 1 - LATE_SHARE)))
    each_way = (model.forward, model.backward)
    usual = sum(each.delay_ns + _largest_usual_ns(each) for each in each_way)
    return usual + 2 * transmission_ns(model)


def _largest_usual_ns(direction: Direction) -> int:
    deviations = deviations_ns(direction)
    return deviations[int(len(deviations) * (1 - LATE_SHARE))] if deviations else 0
