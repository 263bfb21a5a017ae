"""One campaign from its question to its outcome: emulate, calibrate, measure, judge."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path as File

from benchkit.campaign import cluster, phases, reach
from benchkit.campaign.conduct import Campaign
from benchkit.campaign.crew import Crew
from benchkit.campaign.events import CampaignBegan, Observer, Said
from benchkit.campaign.fitness import why_unfit
from benchkit.campaign.instrument import instrument_of
from benchkit.campaign.kept_harvest import KeptHarvest
from benchkit.campaign.latencies import Circumstances
from benchkit.campaign.live import LiveFigures
from benchkit.campaign.log import Log
from benchkit.campaign.meshes import stand_ins
from benchkit.campaign.metering import meter_record, read_meters
from benchkit.campaign.question import Question
from benchkit.campaign.setup import Setup
from benchkit.campaign.stations import NO_AGENTS
from benchkit.campaign.summary import path_record
from benchkit.clock import NS_PER_S, NS_PER_US, monotonic_ns
from benchkit.emulators.choice import Choice, choose
from benchkit.errors import UnfitError
from benchkit.linux import host, libc, process
from benchkit.linux.channel import Channel
from benchkit.linux.clock_quality import clock_quality
from benchkit.linux.descriptors import allow_descriptors
from benchkit.model.record import Instrument, RunRecord
from benchkit.model.samples import Samples
from benchkit.stats.verdicts import overall
from benchkit.store import new_run_id
from benchkit.store.journal import Journal
from benchkit.testbeds.namespaces import NamespaceTestbed

PRELOADED = ("benchkit.probes.door", "benchkit.emulators.line")


@dataclass
class Outcome:
    """What a campaign came to. `samples` may be kept or passed over; `unmeasured` names what failed.

    The `journal` has all that arrived: whoever has kept the run removes it.
    """

    record: RunRecord
    samples: list[Samples]
    unmeasured: tuple[str, ...] = ()
    journal: Journal | None = None


def run_campaign(question: Question, observe: Observer, results: File | None = None) -> Outcome:
    """Answer the question. Ctrl-C (KeyboardInterrupt) ends it early, with what was measured.

    With `results` all that arrives is written there as it comes.

    Raises:
        UnfitError: this machine cannot emulate the paths at all.
        KeyboardInterrupt: interrupted before anything was measured.
    """
    allow_descriptors()
    emulated = question.target.emulated
    choice = choose(question.emulator if emulated else "none", emulated)
    libc.give_back_memory()
    log = Log()
    started, began = datetime.now(UTC), monotonic_ns()
    run = new_run_id(question.target.name, started, secrets.token_hex(2))
    observe(_began(run, question, choice, started))
    observe(Said(f"emulator: {choice.name} ({choice.reason})"))
    log.gauges.cpu_before = host.cpu_times()
    journal = None
    if results is not None:
        journal = Journal(results, _record(run, question, choice, log, (started, 0.0)))
        log.harvest = KeptHarvest(journal)
    try:
        _measure_or_tell(question, choice, observe, log)
    except BaseException:
        if journal is not None and not log.harvest.everything():
            journal.remove()
        raise
    log.gauges.cpu_after = host.cpu_times()
    if journal is not None and journal.trouble:
        log.notes.append(
            f"not all that arrived could be written to {results} as it came: {journal.trouble}"
        )
    seconds = (monotonic_ns() - began) / NS_PER_S
    record = _record(run, question, choice, log, (started, seconds))
    libc.give_back_memory()
    return Outcome(record, log.harvest.everything(), tuple(log.unmeasured), journal)


def _measure_or_tell(question: Question, choice: Choice, observe: Observer, log: Log) -> None:
    """Measure; what ends it early is noted, unless it is Ctrl-C before anything was measured."""
    try:
        _measure(question, choice, observe, log)
    except KeyboardInterrupt:
        if not log.harvest.everything():
            raise
        log.interrupted = True
    except UnfitError as error:
        log.unfit.append(str(error))


def _measure(question: Question, choice: Choice, observe: Observer, log: Log) -> None:
    target = question.target
    process.warm_up(PRELOADED)
    with ExitStack() as stack:
        emulation = stack.enter_context(choice.emulate(target.emulated, target.plan.seed))
        channel = stack.enter_context(Channel())
        sites = {**emulation.namespaces, reach.HOST: None}
        testbed = stack.enter_context(NamespaceTestbed(sites))
        executors: dict[str, Executor] = dict(testbed.sites)
        agents = NO_AGENTS
        if question.cluster is not None:
            observe(Said(f"cluster: asking at {question.cluster.address}"))
            agents, theirs = cluster.enter(stack, question, channel)
            executors |= theirs
            observe(Said(f"cluster: {agents.greeting}"))
        live = LiveFigures(observe, log.harvest.departed)

        def heard(batch: Samples) -> None:
            log.harvest.add(batch)
            live.take(batch)

        crew = Crew(executors, channel, heard, emulation.check)
        campaign = Campaign(Setup(question, emulation, crew, observe, log, agents))
        try:
            read_meters(target, crew, observe, log)
            campaign.prepare()
            if campaign.calibrate(choice.name):
                campaign.measure()
        finally:
            crew.drain()


def _began(run: str, question: Question, choice: Choice, started: datetime) -> CampaignBegan:
    target = question.target
    return CampaignBegan(
        run,
        target.name,
        target.title,
        started.isoformat(timespec="seconds"),
        choice.name,
        tuple(path.name for path in target.paths),
        tuple(
            (path.name, each.metric, each.percentile or "", each.limit, each.unit)
            for path in target.paths
            for each in path.budgets
        ),
    )


def _for(under: Circumstances, name: str, why_unfit: Mapping[str, str]) -> Circumstances:
    """The same for the path of that name, with why nothing of it is judged, if so."""
    return replace(under, unfit=why_unfit.get(name))


def _circumstances(question: Question, log: Log, instrument: Instrument) -> Circumstances:
    """Under what the paths were measured, for whoever judges them."""
    return Circumstances(
        looks=phases.planned_looks(question.target.plan),
        tolerance_ns=question.tolerance_ns,
        calibration=log.calibration,
        emulator_drops=log.emulator_drops,
        overflowed=log.overflowed,
        floor_ns=(instrument.floor_p99_us or 0.0) * NS_PER_US,
        stamp_error_ns=(instrument.floor_p50_us or 0.0) * NS_PER_US,
        synchronised=clock_quality().synchronised,
        plan=question.target.plan,
        missing=log.ledger.missing(log.harvest, interrupted=log.interrupted),
        without_far_end=log.ledger.without_far_end,
        own_drops=log.own_drops,
        unmeasured="the run was interrupted before this was measured" if log.interrupted else None,
        stand_ins=stand_ins(question.target.paths),
    )


def _record(
    run: str, question: Question, choice: Choice, log: Log, when: tuple[datetime, float]
) -> RunRecord:
    target, (started, seconds) = question.target, when
    names = [*(path.name for path in target.paths), *(meter.name for meter in target.meters)]
    why = why_unfit(names, log.unfit)
    line = log.line_in(phases.IDLE)
    instrument = instrument_of(target.paths, log.harvest, log.gauges, line)
    instrument = replace(instrument, clock=host.clock_source() or None)
    under = _circumstances(question, log, instrument)
    paths = (
        *(path_record(path, log.harvest, _for(under, path.name, why)) for path in target.paths),
        *(meter_record(each, log.harvest, _for(under, each.name, why)) for each in target.meters),
    )
    return RunRecord(
        run=run,
        target=target.name,
        title=target.title,
        question=target.question,
        started=started.isoformat(timespec="seconds"),
        duration_s=round(seconds, 1),
        emulator=choice.name,
        emulator_reason=choice.reason,
        kernel=question.kernel,
        verdict=overall((path.verdict for path in paths), unfit=bool(log.unfit)),
        paths=paths,
        instrument=instrument,
        name=question.name,
        seed=target.plan.seed,
        command=question.command,
        target_digest=target.digest,
        interrupted=log.interrupted,
        unfit=tuple(dict.fromkeys(log.unfit)),
        notes=tuple(dict.fromkeys((*target.warnings, *log.notes))),
        context=target.context,
        calibration=tuple(log.calibration),
        environment=host.fingerprint(),
        scale=target.scale,
        coordinates=target.coordinates,
        labels=target.labels,
    )
