"""A campaign from its far ends made ready, over the emulator calibrated, to paths measured and looked at."""

from __future__ import annotations

from collections import Counter

from benchkit.campaign import (
    calibration_words,
    congestion,
    fitness,
    following,
    keys,
    phases,
    reach,
    sharing,
    shortfalls,
    stations,
)
from benchkit.campaign.calibrator import Calibrator
from benchkit.campaign.events import Said
from benchkit.campaign.kept_connections import unkept
from benchkit.campaign.latencies import Circumstances
from benchkit.campaign.lateness import late_paths
from benchkit.campaign.performance import Performance
from benchkit.campaign.phases import Phase
from benchkit.campaign.setup import Setup
from benchkit.campaign.summary import path_record
from benchkit.clock import NS_PER_S, realtime_ns
from benchkit.emulators.link import modelled
from benchkit.model.place import Path
from benchkit.model.responder_spec import ReflectorSpec
from benchkit.stats.verdicts import could_be_decided
from benchkit.units import by_number, show_count


class Campaign:
    """What one campaign does on a running emulation."""

    def __init__(self, setup: Setup) -> None:
        target = setup.question.target
        self._target = setup.agents.acquainted(target)
        self._agents = setup.agents
        self._paths = target.paths
        self._emulated = target.emulated
        self._plan = target.plan
        self._tolerance_ns = setup.question.tolerance_ns
        self._emulation = setup.emulation
        self._crew = setup.crew
        self._observe = setup.observe
        self._log = setup.log
        self._performance = Performance(setup)
        self._calibrator = Calibrator(setup, self._performance)
        self._measuring: tuple[Phase, ...] = ()
        self._own: tuple[Phase, ...] = ()

    def prepare(self) -> None:
        """See the far ends of modelled paths ready, find those of real ones, and lay out the phases."""
        self._serve()
        reaches = {
            path.name: reach.emulated(
                path, self._target.site(path.far), self._emulation.ends[path.name]
            )
            for path in self._emulated
        }
        real = [path for path in self._paths if path.model is None]
        reaches |= stations.find(
            real, self._target, self._agents, self._crew, self._log, self._tell_words
        )
        found = tuple(path for path in self._paths if path.name in reaches)
        lacking = shortfalls.shortfalls(found, reaches, self._plan.probes)
        shortfalls.settle(lacking, self._target, self._log, self._tell_words)
        reaches = self._performance.reaches = keys.tried(
            [path for path in found if self._is_tried(path)],
            reaches, self._target, self._crew, self._log, self._tell_words,
        )  # fmt: skip
        self._measuring = phases.measuring_phases(
            self._plan, found, lambda probe, path: reaches[path.name].can(probe)
        )
        for phase in self._measuring:
            self._log.ledger.plan_phase(phase)
        if self._measuring and not self._emulated:
            self._own = (phases.host_floor(self._plan, found),)
        calibrating = self._calibrator.phases if self._emulated else self._own
        self._performance.plan([*calibrating, *self._measuring])

    def _is_tried(self, path: Path) -> bool:
        """Whether at its far end is what the target names; agents of a cluster tell of themselves."""
        site = self._target.site(path.far)
        known = site.agent or bool(site.request_key) or site.iperf3 is not None
        return path.model is None and known and not self._agents.answers(path.far)

    def _serve(self) -> None:
        """Start the far ends of modelled paths that the plan needs."""
        asked = Counter((path.far, self._emulation.ends[path.name].far) for path in self._emulated)
        for (far, address), paths in asked.items():
            site, many = self._target.site(far), paths > sharing.FEW_SESSIONS
            for spec in reach.responders(site, address, self._plan.probes, gathers=many):
                self._crew.serve(far, spec)
        self._crew.await_responders()

    def calibrate(self, emulator: str) -> bool:
        """Whether the emulator holds every path; where nothing is emulated, measure what this host itself adds."""
        if self._emulated:
            return self._calibrator.calibrate(emulator, self._tolerance_ns)
        for phase in self._own:
            self._measure_own_floor(phase)
        return True

    def _measure_own_floor(self, phase: Phase) -> None:
        """What a host itself adds to the round trips of real paths: nobody else's network is in it."""
        address, port = reach.free_place()
        at = next(iter(self._performance.reaches.values())).site
        self._crew.serve(at, ReflectorSpec(address, port))
        self._crew.await_responders()
        self._performance.own = reach.Reach(at, address, port=port)
        self._performance.run(phase)

    def measure(self) -> None:
        """Carry out every measuring phase in order; traces start with the first."""
        began, dropped = realtime_ns(), self._log.harvest.dropped
        self._emulation.apply(modelled(self._emulated))
        for phase in self._measuring:
            self._performance.run(phase)
            if phase.name == phases.IDLE:
                self._extend(phase)
                self._check_idle(began)
                self._check_pacing(phase)
                self._check_drops(phase, dropped)
            self._log.ledger.close_phase(phase)
            self._check_congestion(phase)
            for line in unkept(phase, self._log.harvest):
                self._performance.say(line)

    def _extend(self, phase: Phase) -> None:
        """Measure further rounds while a verdict is open, if the plan says so. Each doubles what there is.

        So few looks are taken, and each has its share of the 5 % of errors: `stats.doubt.confidence_of_a_look`.
        """
        measured, rounds = phase.duration_ns, 1
        while (more := phases.further_round(phase, measured, self._plan.longest_ns)) is not None:
            self._log.unfit += self._line_troubles()
            if self._log.unfit or not self._is_open():
                break
            self._log.ledger.plan_phase(more)
            self._performance.insert(more)
            self._performance.run(more)
            self._log.ledger.close_phase(more)
            measured, rounds = measured + more.duration_ns, rounds + 1
        if rounds > 1:
            self._performance.say(
                f"round trips were measured in {rounds} rounds, {measured / NS_PER_S:g} s in all"
                f" (intervals allow for {phases.planned_looks(self._plan)} looks), "
                + (
                    "and a verdict on them is still open"
                    if self._is_open()
                    else "until every verdict on them was decided"
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
            if (path.name, phases.IDLE) not in self._log.ledger.without_far_end
            for verdict in path_record(path, self._log.harvest, under).verdicts
        )

    def _line_troubles(self) -> list[str]:
        report, tolerance = self._log.line_in(phases.IDLE), self._tolerance_ns
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
            if (row := following.followed(path, self._log.harvest, began_ns, tolerance))
        ]
        self._log.calibration += walked
        self._log.notes += following.outlasted(self._paths, self._plan.duration_ns)
        if walked:
            self._log.unfit += calibration_words.out_of_tolerance(walked, "the emulator")

    def _check_congestion(self, phase: Phase) -> None:
        """Whether bulk went by the congestion control that was asked for; each site that has it not is told once."""
        reaches = self._performance.reaches
        for line in congestion.strayed(phase, self._plan, reaches, self._log.harvest):
            if line not in self._log.notes:
                self._performance.say(line)

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
        if remark := fitness.late_remark(alone):
            self._performance.say(remark)

    def _check_drops(self, phase: Phase, before: int) -> None:
        """Whether this host took in what came: what it had no room for stands there as lost."""
        dropped = self._log.harvest.dropped - before
        if not dropped:
            return
        self._log.own_drops[phase.name] = dropped
        counts = [self._log.harvest.count("rtt", path.name, phase.name) for path in phase.paths]
        troubles = fitness.dropped_troubles(dropped, min(filter(None, counts), default=0))
        self._log.unfit += troubles
        if not troubles:
            self._performance.say(
                f"{show_count(dropped, 'packet')} {by_number(dropped, 'counts', 'count')} as lost that this machine had no room for: it was too busy; free a core"
            )

    def _tell_words(self, text: str) -> None:
        self._observe(Said(text))
