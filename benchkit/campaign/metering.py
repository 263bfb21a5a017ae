"""Energy counters read over a campaign, and their ratio judged, beside or instead of paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from benchkit.campaign import reach
from benchkit.campaign.crew import Crew
from benchkit.campaign.events import Observer, PhaseBegan, Said
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.latencies import Circumstances
from benchkit.campaign.log import Log
from benchkit.campaign.outline import duration_words
from benchkit.clock import NS_PER_S
from benchkit.errors import AskedWronglyError
from benchkit.model.meter import EQUIPMENT, FACILITY, TIME, Meter
from benchkit.model.record import Metric, PathRecord
from benchkit.model.spec import EnergySpec
from benchkit.model.target import Plan, Target
from benchkit.probes.energy import what_a_recording_lacks
from benchkit.stats.doubt import NO_DOUBT, Doubt
from benchkit.stats.energy_ratio import FEWEST, EnergyRatio, energy_ratio
from benchkit.stats.reservations import of_a_part
from benchkit.stats.verdicts import judge, overall
from benchkit.units import by_number, show_count

PHASE = "ratio"
# Of the readings at which a counter had fallen.
MOST_NAMED = 5
# September 2001: what is below counts from a start of its own, and tells no date.
DATED_NS = 10**9 * NS_PER_S


def check_recordings(target: Target) -> None:
    """See that recordings have the columns that the target names. Raises AskedWronglyError."""
    for meter in target.meters:
        if meter.is_recording and (said := what_a_recording_lacks(_spec(meter, target.plan))):
            raise AskedWronglyError(said)


def read_meters(target: Target, crew: Crew, observe: Observer, log: Log) -> None:
    """Read every meter of the target for the duration of its plan, all at once; what fails is told and noted."""
    if not target.meters:
        return
    jobs = {each.name: (reach.HOST, _spec(each, target.plan)) for each in target.meters}
    seconds = max(spec.count * spec.interval_ns for _, spec in jobs.values()) / NS_PER_S
    observe(PhaseBegan("reading energy counters", 0, 1, seconds))
    for name, (_, spec) in jobs.items():
        log.ledger.plan([(name, PHASE)], spec.count, spec.count * spec.interval_ns)
    for error in crew.work(jobs, seconds + target.plan.timeout_ns / NS_PER_S).values():
        log.unmeasured.append(str(error))
        log.notes.append(str(error))
        observe(Said(str(error)))
    log.ledger.close([(name, PHASE) for name in jobs])


def _spec(meter: Meter, plan: Plan) -> EnergySpec:
    return EnergySpec(
        path=meter.name,
        phase=PHASE,
        address=meter.address,
        total=meter.total,
        equipment=meter.equipment,
        is_recording=meter.is_recording,
        count=1 if meter.is_recording else plan.duration_ns // meter.interval_ns + 1,
        interval_ns=meter.interval_ns,
        timeout_ns=plan.timeout_ns,
    )


def _setup(meter: Meter, times_ns: NDArray[np.int64]) -> str:
    """Which counters were read where, and over which time, as far as that is known."""
    source = meter.address if meter.is_recording else _without_secrets(meter.address)
    said = f"{meter.total} over {meter.equipment}, read from {source}"
    if len(times_ns) < 2:  # noqa: PLR2004  a time has two ends
        return (
            f"{said}, which has no column {TIME}: over which time is not known"
            if meter.is_recording
            else said
        )
    first, last = int(times_ns[0]), int(times_ns[-1])
    said += f", over {duration_words((last - first) / NS_PER_S)}"
    if first < DATED_NS:
        return said
    begin, end = (datetime.fromtimestamp(at / NS_PER_S, UTC) for at in (first, last))
    return f"{said}, from {begin:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC"


def _told_resets(meter: Meter, fell_at: Sequence[int]) -> str:
    """That counters fell, and where: what they had counted by then is not known."""
    if not fell_at:
        return ""
    times = "once" if len(fell_at) == 1 else f"{len(fell_at)} times"
    rows = ", ".join(map(str, fell_at[:MOST_NAMED])) + (" …" if len(fell_at) > MOST_NAMED else "")
    name = "row" if meter.is_recording else "reading"
    return f"; a counter fell {times}, at {name} {rows}, and the stretches in which it did are left out"


def _without_secrets(address: str) -> str:
    """The URL without what stands before its host and after its path, where passwords and tokens are."""
    found = urlsplit(address)
    return f"{found.scheme}://{found.netloc.rpartition('@')[2]}{found.path}"


def meter_record(meter: Meter, harvest: Harvest, under: Circumstances) -> PathRecord:
    """The ratio of one meter, and the verdicts on it."""
    unfit, missing = under.unfit, under.why_missing(meter.name, PHASE)
    rows = harvest.samples("energy", meter.name, PHASE)
    metrics: tuple[Metric, ...] = ()
    interval, n, doubt = None, 0, NO_DOUBT
    if rows is not None:
        columns = rows.columns
        found = energy_ratio(columns["total_micro"], columns["equipment_micro"])
        interval, n = found.interval, found.effective_n
        doubt = Doubt(longer=_more_readings(meter, found))
        unfit = unfit or _why_no_ratio(found, doubt)
        metrics = (
            Metric(
                metric="ratio",
                phase=PHASE,
                unit="times",
                n=found.n,
                effective_n=n,
                estimate=interval.estimate() if interval else None,
                setup=_setup(meter, columns["at_ns"].compressed())
                + _told_resets(meter, found.fell_at),
                details={"gaps": found.gaps, "resets": found.resets},
            ),
        )
    held = [
        judge(budget, interval, n=n, phase=PHASE, unfit=unfit, doubt=doubt)
        for budget in meter.budgets
    ]
    verdicts = tuple(of_a_part(replace(each, percentile=""), missing) for each in held)
    return PathRecord(
        path=meter.name,
        near=FACILITY,
        far=EQUIPMENT,
        verdict=overall((verdict.verdict for verdict in verdicts), under.unfit is not None),
        metrics=metrics,
        verdicts=verdicts,
    )


def _more_readings(meter: Meter, found: EnergyRatio) -> str:
    """What to do for more samples; how many an interval takes, where there are too few for one."""
    more = (
        "give a recording with more rows"
        if meter.is_recording
        else "measure longer with --duration"
    )
    if found.n >= FEWEST:
        return more
    name = "row" if meter.is_recording else "reading"
    # A stretch lies between two readings, and one in which a counter fell counts for nothing.
    read = found.n + found.resets + 1
    needed = read + FEWEST - found.n
    return f"{more}, at least {needed} where there {by_number(read, 'was', 'were')} {show_count(read, name)}"


def _why_no_ratio(found: EnergyRatio, doubt: Doubt) -> str | None:
    """Why there is nothing to judge; None where there is a ratio."""
    if found.interval is not None:
        return None
    if found.n:
        return (
            "the counter of the IT equipment did not rise, so there is no ratio: see that it counts"
        )
    return f"too few readings for a ratio: {doubt.longer}"
