"""Phases carried out one after another: jobs begun, their rest awaited, what they came to told and accounted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

from benchkit.campaign import path_jobs, phases, sharing, stations, wire
from benchkit.campaign.crew import BULK
from benchkit.campaign.events import PhaseBegan, Said
from benchkit.campaign.far_ends import FarEnds
from benchkit.campaign.live import settled, told_together
from benchkit.campaign.phases import Phase
from benchkit.campaign.reach import Reach
from benchkit.campaign.setup import Setup
from benchkit.campaign.waiting import Patience
from benchkit.clock import NS_PER_MS, NS_PER_S, monotonic_ns, realtime_offset_ns
from benchkit.errors import MeasureError, ShutError, SiteLostError
from benchkit.model.place import Path
from benchkit.model.spec import Spec

STEP_NS = NS_PER_MS
MOST_TOLD = 24


class Performance:
    """The phases of one campaign on a running emulation, in the order in which they are asked for.

    `reaches` says by path how its far end is reached, and `own` where this host's own floor is measured.
    """

    def __init__(self, setup: Setup) -> None:
        """Nothing is planned yet."""
        self._plan = setup.question.target.plan
        self._emulation = setup.emulation
        self._crew = setup.crew
        self._observe = setup.observe
        self._log = setup.log
        self._agents = setup.agents
        self._patience = Patience(setup.question.wait_ns, setup.crew.rest, self.say)
        self._planned: list[Phase] = []
        self._index = 0
        self.reaches: Mapping[str, Reach] = {}
        self.own: Reach | None = None
        self._far_ends = FarEnds(setup.log, setup.crew.silent, self.say)
        # Paths whose far end lets no load in, and why.
        self._shut: dict[str, str] = {}

    def plan(self, planned: Sequence[Phase]) -> None:
        """What is to come, for whoever wants to know how long it takes."""
        self._planned = list(planned)

    def insert(self, phase: Phase) -> None:
        """One more, which comes next."""
        self._planned.insert(self._index, phase)

    def run(self, phase: Phase) -> None:
        """Carry out a phase; what could not be measured is told and noted. Raises UnfitError where this machine failed."""
        phase = self._still_open(phase)
        if not phase.paths:
            self._index += 1
            return
        jobs, troubles = self._worked(phase)
        while self._patience.waited(troubles.values()):
            self.forget([phase])
            jobs, troubles = self._worked(phase)
        self._await_rest(phase)
        report = self._emulation.report()
        if report is not None:
            self._log.line.append((phase, report))
        for name, error in troubles.items():
            self._note(jobs[name][1], error)
        self._far_ends.account(phase)
        self._tell(phase)

    def forget(self, asked: Sequence[Phase]) -> None:
        """Drop what phases came to that are carried out again."""
        again = {(phase.name, phase.paths) for phase in asked}
        self._log.line = [
            each for each in self._log.line if (each[0].name, each[0].paths) not in again
        ]
        for phase in asked:
            for name in (phase.name, *phases.BULK.get(phase.name, ())):
                self._log.harvest.forget(name, {path.name for path in phase.paths})
        self._index -= len(asked)

    def say(self, text: str) -> None:
        """Tell a sentence, and note it."""
        self._log.notes.append(text)
        self._observe(Said(text))

    def _still_open(self, phase: Phase) -> Phase:
        """The same without the paths whose far end has let no load in: it would not now either."""
        if not phases.is_load(phase.name):
            return phase
        for path in phase.paths:
            if path.name in self._shut:
                self._log.ledger.blame([(path.name, phase.name)], self._shut[path.name])
        return replace(phase, paths=tuple(p for p in phase.paths if p.name not in self._shut))

    def _note(self, spec: Spec, error: MeasureError) -> None:
        """Account for a probe that could not measure; the same reason is told once."""
        why = str(error)
        if why not in self._log.unmeasured:
            self._log.unmeasured.append(why)
            self.say(why)
        self._blame(spec, error)
        if isinstance(error, SiteLostError):
            if error.site:
                self._far_ends.lose(error.site, why)
        elif isinstance(spec, BULK):
            self._forget_idle(spec)
            if isinstance(error, ShutError):
                self._shut |= {path: why for path, _ in stations.cells(spec)}

    def _forget_idle(self, spec: Spec) -> None:
        """Round trips and requests beside a load that never ran, or no longer did, are idle ones: they must not count as loaded."""
        harvest = self._log.harvest
        for path, phase in stations.cells(spec):
            found = [harvest.samples("goodput", path, name) for name in phases.BULK.get(phase, ())]
            ends = [int(rows.columns["end_ns"][-1]) for rows in found if rows is not None]
            if ends:
                harvest.cut_off(phase, path, max(ends))
            elif found:
                harvest.forget(phase, {path})

    def _blame(self, spec: Spec, error: MeasureError) -> None:
        """A site that is lost takes all its cells along; of a load that is probed meanwhile, its own failing alone counts."""
        whole = isinstance(error, SiteLostError) or isinstance(spec, BULK)
        cells = [cell for cell in stations.cells(spec) if whole or cell[1] not in phases.LOADED]
        self._log.ledger.blame(cells, str(error))

    def _worked(self, phase: Phase) -> tuple[path_jobs.Jobs, Mapping[str, MeasureError]]:
        """Measure the phase; its jobs, and which of them could not, and why."""
        left = phase.seconds + sum(each.seconds for each in self._planned[self._index + 1 :])
        measuring = phase.duration_ns / NS_PER_S
        self._observe(PhaseBegan(phase.words, self._index, len(self._planned), measuring, left))
        self._index += 1
        self._emulation.report()  # start its counts anew
        offset = realtime_offset_ns()
        jobs = {
            f"{path.name} {phase.name} {kind}": job
            for path in phase.paths
            for kind, job in self._jobs(path, phase).items()
        }
        jobs = sharing.fanned(stations.shared(jobs, self._agents), monotonic_ns())
        troubles = self._crew.work(jobs, phase.seconds + self._plan.timeout_ns / NS_PER_S)
        self._log.gauges.count_step(offset, realtime_offset_ns(), STEP_NS)
        return jobs, troubles

    def _jobs(self, path: Path, phase: Phase) -> path_jobs.Jobs:
        """What runs at the near end of a path in a phase; on its wire, at both ends."""
        if phase.name in wire.UP:
            return wire.jobs(path, phase, self._emulation.ends[path.name])
        is_own = phase.name == phases.FLOOR and self.own is not None
        ours = is_own or path.model is not None

        def open_session(name: str, phase_name: str) -> int:
            return self._log.harvest.open_session(name, phase_name, ours=ours)

        there = self.own if is_own and self.own is not None else self.reaches[path.name]
        return path_jobs.jobs(path, phase, self._plan, there, open_session)

    def _await_rest(self, phase: Phase) -> None:
        """Wait for what far ends still send: departures of answers."""
        harvest = self._log.harvest
        names = [path.name for path in phase.paths]
        awaited = list(names)

        def has_all() -> bool:
            """A path that has all is not looked at again: a mesh has thousands."""
            while awaited and not harvest.awaits_departures(awaited[-1], phase.name):
                awaited.pop()
            return not awaited

        self._crew.wait_for(has_all)
        streams = tuple(product(names, phases.BULK.get(phase.name, ())))
        self._crew.wait_for(lambda: all(harvest.has("goodput", *each) for each in streams))

    def _tell(self, phase: Phase) -> None:
        """What the phase came to: a line for each path, or of very many one for all."""
        found = [
            settled(rows)
            for path, kind in product(phase.paths, ("rtt", "http"))
            if (rows := self._log.harvest.samples(kind, path.name, phase.name)) is not None
        ]
        if len(found) > MOST_TOLD:
            self._observe(Said(told_together(found)))
            return
        for each in found:
            self._observe(each)
