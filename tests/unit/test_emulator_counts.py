"""What the emulator counts in each phase: it belongs to the paths that were measured then, and to no others."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from harvests import goodput, metric, path
from plans import plan_of

from benchkit.campaign.harvest import Harvest
from benchkit.campaign.latencies import Circumstances
from benchkit.campaign.log import Log
from benchkit.campaign.performance import Performance
from benchkit.campaign.phases import IDLE, UP, Phase
from benchkit.campaign.setup import Setup
from benchkit.campaign.stations import NO_AGENTS
from benchkit.campaign.summary import path_record
from benchkit.emulators.line import LineReport
from benchkit.model.place import Direction, Path, PathModel
from benchkit.model.samples import Samples, column

S = 1_000_000_000
NEAR, FAR = Path("a-b", "a", "b", None), Path("a-c", "a", "c", None)


def phase(name: str, *paths: Path) -> Phase:
    return Phase(name, name, paths, S, 0)


def test_drops_are_those_of_the_path_that_was_loaded() -> None:
    log = Log()
    log.line.append((phase(UP, NEAR), LineReport(dropped=7, overflowed=3)))
    log.line.append((phase(UP, FAR), LineReport(dropped=0, overflowed=5)))
    assert log.emulator_drops == {("a-b", UP): 7, ("a-c", UP): 0}
    assert log.overflowed == {("a-b", UP): 3, ("a-c", UP): 5}
    harvest = Harvest()
    goodput(harvest, UP, 941.0)
    for drops, limit in (({("a-b", UP): 7}, "emulator"), ({("a-c", UP): 7}, "rate")):
        record = path_record(path(), harvest, Circumstances(emulator_drops=drops))
        limited = metric(record, "goodput", UP).limited_by
        assert limited is not None
        assert (limited == "emulator") == (limit == "emulator")


def test_paths_that_are_loaded_at_once_share_their_drops_and_no_buffer() -> None:
    log = Log()
    log.line.append((phase(UP, NEAR, FAR), LineReport(dropped=2, overflowed=9)))
    assert log.emulator_drops == {("a-b", UP): 2, ("a-c", UP): 2}
    assert log.overflowed == {}


@pytest.mark.parametrize(
    ("model", "told"), [(PathModel(Direction(0), Direction(0)), 9), (None, None)]
)
def test_a_buffer_is_told_of_a_modelled_path_alone(
    model: PathModel | None, told: int | None
) -> None:
    harvest = Harvest()
    goodput(harvest, "udp up", 500.0)
    row = {"sent": 100, "lost": 9, "dropped_here": 0}
    columns = {name: column([value]) for name, value in row.items()}
    harvest.add(Samples("datagrams", "a-b", "udp up", columns))
    under = Circumstances(overflowed={("a-b", "udp up"): 9})
    record = path_record(replace(NEAR, model=model), harvest, under)
    assert metric(record, "udp", "up").details.get("dropped_by_the_modelled_buffer") == told


def test_rounds_of_one_phase_are_told_together() -> None:
    log = Log()
    assert log.line_in(IDLE) is None
    for late in ((3, 0), (1, 2)):
        log.line.append((phase(IDLE, NEAR, FAR), LineReport(packets=3, lateness=late)))
    found = log.line_in(IDLE)
    assert found is not None
    assert (found.packets, found.lateness) == (6, (4, 2))


def test_what_is_carried_out_again_counts_anew() -> None:
    log = Log()
    nothing = SimpleNamespace(
        target=SimpleNamespace(plan=plan_of(S)),
        wait_ns=0,
        rest=lambda _: None,
        silent=dict,
        report=lambda: None,
    )
    setup = Setup(*cast("Any", (nothing, nothing, nothing, lambda _: None, log, NO_AGENTS)))
    again, other = phase(UP, NEAR), phase(UP, FAR)
    log.line += [(again, LineReport(dropped=7)), (other, LineReport(dropped=1))]
    Performance(setup).forget([again])
    assert log.emulator_drops == {("a-c", UP): 1}
