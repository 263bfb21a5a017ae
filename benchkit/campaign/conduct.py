"""The phases of a campaign, one after another: far ends made ready, the emulator calibrated, paths measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product

from benchkit.campaign import (
    calibration,
    fitness,
    path_jobs,
    phases,
    reach,
    sharing,
    stations,
    wire,
)
from benchkit.campaign.crew import Crew
from benchkit.campaign.events import Observer, PhaseBegan, Said
from benchkit.campaign.latencies import Circumstances
from benchkit.campaign.lateness import late_paths
from benchkit.campaign.live import settled, told_together
from benchkit.campaign.log import Log
from benchkit.campaign.phases import Phase
from benchkit.campaign.question import Question
from benchkit.campaign.reach import Reach
from benchkit.campaign.stations import NO_AGENTS, Agents
from benchkit.campaign.summary import path_record
from benchkit.campaign.waiting import Patience
from benchkit.clock import (
    NS_PER_MS,
    NS_PER_S,
    monotonic_ns,
    realtime_ns,
    realtime_offset_ns,
)
from benchkit.emulators.link import Emulation, modelled
from benchkit.errors import MeasureError, SiteLostError, UnfitError
from benchkit.model.place import Path
from benchkit.model.record import Calibration
from benchkit.model.responder_spec import ReflectorSpec
from benchkit.stats.verdicts import could_be_decided

ATTEMPTS = 3
STEP_NS = NS_PER_MS
MOST_TOLD = 24


class Campaign:
    """The phases of one campaign on a running emulation."""

    def __init__(
        self,
        question: Question,
        emulation: Emulation,
        crew: Crew,
        observe: Observer,
        log: Log,
        agents: Agents = NO_AGENTS,
    ) -> None:
        self._target = agents.acquainted(question.target)
        self._agents = agents
        self._paths = question.target.paths
        self._emulated = tuple(path for path in self._paths if path.model is not None)
        self._plan = question.target.plan
        self._tolerance_ns = question.tolerance_ns
        self._emulation = emulation
        self._crew = crew
        self._observe = observe
        self._log = log
        self._models = modelled(self._emulated)
        self._reaches: dict[str, Reach] = {}
        self._wires = (
            *phases.wire_phases(self._emulated),
            *phases.rate_phases(self._plan, self._emulated),
        )
        self._measuring: tuple[Phase, ...] = ()
        self._planned: list[Phase] = []
        self._index = 0
        self._own: Reach | None = None
        self._patience = Patience(question.wait_ns, crew.rest, self._say)

    def prepare(self) -> None:
        """See the far ends of modelled paths ready, find those of real ones, and lay out the phases."""
        self._serve()
        self._reaches = {
            path.name: reach.emulated(
                path, self._target.site(path.far), self._emulation.ends[path.name]
            )
            for path in self._emulated
        }
        real = [path for path in self._paths if path.model is None]
        self._reaches |= stations.find(
            real, self._target, self._agents, self._crew, self._log, self._tell_words
        )
        found = tuple(path for path in self._paths if path.name in self._reaches)
        self._measuring = phases.measuring_phases(
            self._plan, found, lambda probe, path: self._reaches[path.name].can(probe)
        )
        floor, got = phases.calibration_phases(self._plan, self._emulated)
        here = (phases.host_floor(self._plan, found),) if found and not self._emulated else ()
        calibrating = (floor, *self._wires, got) if self._emulated else here
        self._planned = [*calibrating, *self._measuring]

    def _serve(self) -> None:
        """Start the far ends of modelled paths that the plan needs."""
        asked = Counter((path.far, self._emulation.ends[path.name].far) for path in self._emulated)
        for (far, address), paths in asked.items():
            site, many = self._target.site(far), paths > sharing.FEW
            for spec in reach.responders(site, address, self._plan.probes, gathers=many):
                self._crew.serve(far, spec)
        self._crew.await_responders()

    def calibrate(self, emulator: str) -> bool:
        """Measure the floor, then asked against got; a second and third try where the machine stumbled."""
        if not self._emulated:
            self._measure_own_floor()
            return True
        floor, got = phases.calibration_phases(self._plan, self._emulated)
        self._emulation.apply([model.bare for model in self._models])
        self._run(floor)
        asked = (*self._wires, got)
        troubles: list[str] = []
        for attempt in range(ATTEMPTS):
            if attempt:
                self._say(f"{troubles[0]} (trying again)")
                self._forget(asked)
            found = self._asked_against_got(asked)
            troubles = calibration.out_of_tolerance(found, emulator)
            if not troubles:
                return True
            asked = (*self._wires_again(found), got)
        self._log.unfit += troubles
        return False

    def _measure_own_floor(self) -> None:
        """What a host itself adds to the round trips of real paths: nobody else's network is in it."""
        if not self._reaches:
            return
        address, port = reach.free_place()
        at = next(iter(self._reaches.values())).site
        self._crew.serve(at, ReflectorSpec(address, port))
        self._crew.await_responders()
        self._own = reach.Reach(at, address, port=port)
        self._run(self._planned[0])

    def _wires_again(self, found: Sequence[Calibration]) -> list[Phase]:
        """The phases of those wires that did not give what was asked of them."""
        wrong = {one.path for one in found if one.quantity in wire.QUANTITIES and not one.within}
        return [
            each for each in self._wires if wrong.intersection(path.name for path in each.paths)
        ]

    def _forget(self, asked: Sequence[Phase]) -> None:
        for phase in asked:
            for name in (phase.name, *phases.BULK.get(phase.name, ())):
                self._log.harvest.forget(name, {path.name for path in phase.paths})
        self._index -= len(asked)

    def _asked_against_got(self, asked: Sequence[Phase]) -> list[Calibration]:
        """Measure wires without delay, then everything else, and compare. Raises UnfitError below the floor."""
        *wires, got = asked
        self._emulation.apply([model.bare for model in self._models])
        for phase in wires:
            self._run(phase)
        self._emulation.apply([model.still for model in self._models])
        self._run(got)
        found = calibration.calibrations(self._emulated, self._log.harvest, self._tolerance_ns)
        self._log.calibration = found
        self._log.notes += wire.unmeasured(self._emulated, self._log.harvest)
        # The floor of a mesh is that of thousands of packets without delay at once: none that is held was impossible.
        held = {path.name for path in self._emulated if path.in_mesh}
        impossible = calibration.below_the_floor(
            [one for one in found if one.path not in held or not one.within]
        )
        if impossible:
            raise UnfitError(impossible[0])
        return found

    def measure(self) -> None:
        """Run every measuring phase in order; traces start with the first."""
        began = realtime_ns()
        self._emulation.apply(self._models)
        for phase in self._measuring:
            self._run(phase)
            if phase.name == phases.IDLE:
                self._extend(phase)
                self._check_idle(began)
                self._check_pacing(phase)

    def _extend(self, phase: Phase) -> None:
        """Measure further rounds while a verdict is open, if the plan says so. Each doubles what there is.

        So few looks are taken, and each has its share of the 5 % of errors: `stats.verdicts.confidence_of_a_look`.
        """
        measured, rounds = phase.duration_ns, 1
        while (more := phases.further_round(phase, measured, self._plan.longest_ns)) is not None:
            self._log.unfit += self._line_troubles()
            if self._log.unfit or not self._is_open():
                break
            self._planned.insert(self._index, more)
            self._run(more)
            measured, rounds = measured + more.duration_ns, rounds + 1
        if rounds > 1:
            self._say(
                f"round trips were measured in {rounds} rounds, {measured / NS_PER_S:g} s in all"
                f" (intervals allow for {phases.planned_looks(self._plan)} looks), "
                + (
                    "and a verdict is still open"
                    if self._is_open()
                    else "until every verdict was decided"
                )
            )

    def _is_open(self) -> bool:
        """Whether more of the same could still decide a verdict."""
        under = Circumstances(
            looks=phases.planned_looks(self._plan), tolerance_ns=self._tolerance_ns
        )
        return any(
            could_be_decided(verdict)
            for path in self._paths
            for verdict in path_record(path, self._log.harvest, under).verdicts
        )

    def _line_troubles(self) -> list[str]:
        report, tolerance = self._log.line.get(phases.IDLE), self._tolerance_ns
        troubles = fitness.line_troubles(report, tolerance)
        if report is not None and not report.lateness:  # the kernel's own emulator does not tell
            troubles += late_paths(self._emulated, self._log.harvest, tolerance)
        return troubles

    def _check_idle(self, began_ns: int) -> None:
        """Whether the emulator held the idle paths: only there does its own lateness decide a verdict."""
        tolerance = self._tolerance_ns
        self._log.unfit += self._line_troubles()
        walked = [
            row
            for path in self._paths
            if (row := calibration.followed(path, self._log.harvest, began_ns, tolerance))
        ]
        self._log.calibration += walked
        if walked:
            self._log.unfit += calibration.out_of_tolerance(walked, "the emulator")

    def _check_pacing(self, phase: Phase) -> None:
        """Whether packets were sent at all, and those of a mesh at the pace that was asked, which is much for few cores."""
        found = [
            (path.in_mesh, rows)
            for path in phase.paths
            if (rows := self._log.harvest.samples("rtt", path.name, phase.name)) is not None
        ]
        meshed = [rows for in_mesh, rows in found if in_mesh]
        alone = [rows for in_mesh, rows in found if not in_mesh]
        self._log.unfit += fitness.pacing_troubles(meshed, phase.interval_ns)
        self._log.unfit += fitness.unsent_troubles(alone)

    def _run(self, phase: Phase) -> None:
        jobs, troubles = self._worked(phase)
        while self._patience.waited(troubles.values()):
            self._forget([phase])
            jobs, troubles = self._worked(phase)
        self._await_rest(phase)
        report = self._emulation.report()
        if report is not None:
            self._log.line[phase.name] = report
        for name, error in troubles.items():
            self._log.unmeasured.append(str(error))
            self._say(str(error))
            if isinstance(error, SiteLostError):
                self._log.missing |= dict.fromkeys(stations.cells(jobs[name][1]), str(error))
        self._tell(phase)

    def _worked(self, phase: Phase) -> tuple[path_jobs.Jobs, Mapping[str, MeasureError]]:
        """Measure the phase; its jobs, and which of them could not, and why."""
        left = phase.seconds + sum(each.seconds for each in self._planned[self._index + 1 :])
        self._observe(PhaseBegan(phase.words, self._index, len(self._planned), phase.seconds, left))
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
        is_own = phase.name == phases.FLOOR and self._own is not None
        ours = is_own or path.model is not None

        def open_session(name: str, phase_name: str) -> int:
            return self._log.harvest.open_session(name, phase_name, ours=ours)

        there = self._own if is_own and self._own is not None else self._reaches[path.name]
        return path_jobs.jobs(path, phase, self._plan, there, open_session)

    def _await_rest(self, phase: Phase) -> None:
        """Wait for what far ends still send: departures of answers."""
        harvest = self._log.harvest
        names = [path.name for path in phase.paths]
        self._crew.wait_for(
            lambda: not any(harvest.awaits_departures(name, phase.name) for name in names)
        )
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

    def _say(self, text: str) -> None:
        self._log.notes.append(text)
        self._tell_words(text)

    def _tell_words(self, text: str) -> None:
        self._observe(Said(text))
