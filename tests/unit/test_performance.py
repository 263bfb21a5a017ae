"""Phases carried out with a crew that does as it is told: what is kept of them, told and noted."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from plans import plan_of
from round_trip_rows import answers

from benchkit.campaign.latencies import Circumstances
from benchkit.campaign.log import Log
from benchkit.campaign.performance import Performance
from benchkit.campaign.phases import BOTH, DOWN, IDLE, UP, Phase
from benchkit.campaign.reach import HOST, Reach
from benchkit.campaign.setup import Setup
from benchkit.campaign.stations import NO_AGENTS
from benchkit.campaign.summary import path_record
from benchkit.errors import MeasureError, ShutError
from benchkit.model.place import Budget, Direction, Path, PathModel
from benchkit.model.samples import Samples, column

S = 1_000_000_000
PATH = Path("me-far", "me", "far", None)
THERE = Reach(HOST, "192.0.2.1", stream_port=8620)


class Acting:
    """A crew whose round trips are answered, and whose load fails as it is told; it moves data first where it `moves`."""

    def __init__(self, log: Log, error: MeasureError | None, *, moves: bool = False) -> None:
        self._log, self._error, self._moves = log, error, moves
        self.phases: list[str] = []
        self.until: int | None = None

    def work(self, jobs: Any, _: float) -> dict[str, MeasureError]:
        specs = [spec for _, spec in jobs.values()]
        self.phases += {spec.phase for spec in specs}
        for spec in specs:
            if hasattr(spec, "ssid"):
                self._log.harvest.add(self.answered(spec))
            elif self._moves:
                rows = {name: column(np.arange(5)) for name in ("start_ns", "end_ns", "octets")}
                self._log.harvest.add(Samples("goodput", spec.path, spec.phase, rows))
        loads = [name for name, (_, spec) in jobs.items() if not hasattr(spec, "ssid")]
        return dict.fromkeys(loads, self._error) if self._error else {}

    def answered(self, spec: Any) -> Samples:
        """An answer for each but every tenth; or so many, and then none."""
        rows = answers(spec.path, 100, phase=spec.phase)
        if self.until is None:
            return rows
        at = np.arange(100) * S // 10
        lost = np.arange(100) >= self.until
        columns = {name: column(at, lost) for name in rows.columns}
        columns |= {name: column(at) for name in ("sequence", "due_ns", "sent_ns")}
        return Samples("rtt", spec.path, spec.phase, columns)

    def silent(self) -> dict[str, str]:
        return {}

    def rest(self, _: float) -> None:
        raise AssertionError("nothing is waited for")

    def wait_for(self, condition: Any) -> bool:
        return bool(condition())


def performed(
    *names: str,
    error: MeasureError | None = None,
    moves: bool = False,
    until: int | None = None,
    path: Path = PATH,
) -> tuple[Log, Acting, list[str]]:
    """These phases of one real path, and what was told."""
    log = Log()
    crew = Acting(log, error, moves=moves)
    crew.until = until
    question = SimpleNamespace(target=SimpleNamespace(plan=plan_of(S)), wait_ns=0)
    emulation = SimpleNamespace(report=lambda: None, ends={})
    told: list[str] = []

    def observe(event: Any) -> None:
        told.extend([event.text] if hasattr(event, "text") else [])

    setup = Setup(*cast("Any", (question, emulation, crew, observe, log, NO_AGENTS)))
    performance = Performance(setup)
    performance.reaches = {path.name: THERE}
    asked = [Phase(name, name, (path,), S, 100) for name in names]
    performance.plan(asked)
    for phase in asked:
        log.ledger.plan_phase(phase)
    for phase in asked:
        performance.run(phase)
        log.ledger.close_phase(phase)
    return log, crew, told


def test_round_trips_beside_a_load_that_never_ran_are_not_kept_as_loaded() -> None:
    log, _, _ = performed(UP, error=MeasureError("me-far: it says no"))
    assert log.harvest.everything() == []
    assert log.ledger.missing(log.harvest, interrupted=False)["me-far", UP] == "me-far: it says no"


def test_round_trips_beside_a_load_that_broke_off_are_kept() -> None:
    log, _, _ = performed(UP, error=MeasureError("me-far: it went"), moves=True)
    assert {batch.kind for batch in log.harvest.everything()} == {"rtt", "goodput"}


def test_a_far_end_that_lets_no_load_in_is_asked_and_told_once() -> None:
    log, crew, told = performed(UP, DOWN, BOTH, error=ShutError("me-far: shut"))
    assert crew.phases == [UP]
    assert told == log.notes == log.unmeasured == ["me-far: shut"]
    missing = log.ledger.missing(log.harvest, interrupted=False)
    assert [missing["me-far", name] for name in (UP, DOWN, BOTH)] == ["me-far: shut"] * 3


def test_whatever_else_stops_a_load_is_tried_again_and_told_once() -> None:
    log, crew, told = performed(UP, DOWN, error=MeasureError("me-far: it says no"))
    assert crew.phases == [UP, DOWN]
    assert told == log.unmeasured == ["me-far: it says no"]


def test_a_far_end_that_falls_silent_is_told_and_its_losses_are_held_against_nobody() -> None:
    log, _, told = performed(IDLE, until=60)
    (said,) = [each for each in told if "silent" in each]
    assert said in log.notes
    assert log.unmeasured == [said]
    assert "me-far: the far end fell silent: it answered until" in said
    assert "none of 40 packets in the 4.0 s after that: is it still there, and the way" in said
    budget = Budget("loss", 1.0, "%", "")
    under = Circumstances(without_far_end=log.ledger.without_far_end)
    (found,) = path_record(replace(PATH, budgets=(budget,)), log.harvest, under).verdicts
    assert found.verdict == "inconclusive"
    assert found.reason.startswith("its far end fell silent meanwhile: it answered until")


def test_the_far_end_of_a_modelled_path_is_ours() -> None:
    model = PathModel(Direction(S), Direction(S))
    log, _, _ = performed(IDLE, until=60, path=replace(PATH, model=model))
    assert log.unmeasured == []
