"""Samples made into metrics, and budgets judged: from a harvest to the record of one path."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from benchkit.campaign import phases, throughput, workloads
from benchkit.campaign.emulator_error import Moved, moved_goodput, moved_latency
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.latencies import Circumstances, Found, latencies
from benchkit.campaign.model_values import model_values
from benchkit.campaign.passages import Times
from benchkit.model.place import Budget, Path
from benchkit.model.probe import PROBE_OF, asked_too, counted_as
from benchkit.model.record import Calibration, Metric, PathRecord, Verdict, gravity
from benchkit.model.target import Plan
from benchkit.stats.doubt import Doubt
from benchkit.stats.percentiles import percentile_share
from benchkit.stats.reservations import (
    of_a_part,
    with_held_answers,
    with_own_drops,
    with_refusals_there,
    without_far_end,
)
from benchkit.stats.round_trip import as_latencies, network_ns, that_left
from benchkit.stats.stalls import held_back
from benchkit.stats.verdicts import (
    could_be_decided,
    judge,
    overall,
    with_what_arrived,
)

UNTIL_DECIDED = "--until-decided goes on until it is"


def path_record(path: Path, harvest: Harvest, under: Circumstances) -> PathRecord:
    """Everything known of one path. Of an unfit machine nothing is judged, and each verdict says why."""
    found = _metrics(path, harvest, under)
    if under.plan is not None:
        found += _work(path, harvest, under.plan)
    verdicts = tuple(
        _of_a_stand_in(under.stand_ins[path.name], budget, harvest, under)
        if budget.metric == "goodput" and path.name in under.stand_ins
        else _verdict(path, budget, found, harvest, under)
        for budget in path.budgets
    )
    return PathRecord(
        path=path.name,
        near=path.near,
        far=path.far,
        verdict=overall((verdict.verdict for verdict in verdicts), under.unfit is not None),
        metrics=tuple(metric for metric, _ in found),
        verdicts=verdicts,
        great_circle_km=path.great_circle_km,
        model=model_values(path.model),
    )


def _metrics(path: Path, harvest: Harvest, under: Circumstances) -> list[Found]:
    """What was measured: latencies, and the rates before the latencies of the same load."""
    found = latencies(path, harvest, under)
    names = (name for phase in phases.LOADED for name in phases.BULK[phase])
    rates = [rate for name in names for rate in _goodput(path, name, harvest, under)]
    rates += [rate for name in phases.DATAGRAMS for rate in _datagrams(path, name, harvest, under)]
    idle = [each for each in found if each[0].phase not in phases.LOADED]
    loaded = [each for each in found if each[0].phase in phases.LOADED]
    return [*idle, *rates, *loaded]


def _goodput(path: Path, name: str, harvest: Harvest, under: Circumstances) -> list[Found]:
    rows = harvest.samples("goodput", path.name, name)
    if rows is None or not len(rows):
        return []
    info = harvest.samples("tcp_info", path.name, name)
    baseline_ns = _baseline_ns(path, harvest)
    load, up = next((load, each[name]) for load, each in phases.BULK.items() if name in each)
    told = harvest.samples("iperf3", path.name, load)
    resent = throughput.resent(told, up=up) if told is not None else None
    drops = under.emulator_drops.get((path.name, load), 0)
    within = throughput.Setting(path, under.plan, drops, baseline_ns, resent)
    return [throughput.goodput(within, name, rows, info)]


def _datagrams(path: Path, name: str, harvest: Harvest, under: Circumstances) -> list[Found]:
    rows = harvest.samples("goodput", path.name, name)
    account = harvest.samples("datagrams", path.name, name)
    told = harvest.samples("iperf3", path.name, name)
    if account is None and told is not None:
        account = throughput.account_of_iperf3(told)
    if rows is None or not len(rows) or account is None:
        return []
    place = path.name, name
    drops = under.emulator_drops.get(place, 0)
    overflowed = under.overflowed.get(place) if path.model is not None else None
    within = throughput.Setting(path, under.plan, drops, None, overflowed=overflowed)
    return [throughput.datagrams(within, name, rows, account)]


def _work(path: Path, harvest: Harvest, plan: Plan) -> list[Found]:
    """What the workloads came to."""
    found = []
    for work in plan.workloads:
        phase = f"{phases.WORK}{work.name}"
        rows = {kind: harvest.samples(kind, path.name, phase) for kind in ("files", "inference")}
        known = {kind: each for kind, each in rows.items() if each is not None}
        found += workloads.metrics(path, known, phase, plan)
    return found


def _baseline_ns(path: Path, harvest: Harvest) -> float | None:
    """The round trip of the idle path, at its middle; None where it was not measured."""
    rows = harvest.samples("rtt", path.name, phases.IDLE)
    if rows is None:
        return None
    rows = that_left(rows)
    values, _ = as_latencies(network_ns(rows, "t1_ns"), rows.columns["received_ns"])
    middle = float(np.median(values)) if values.size else np.inf
    return middle if np.isfinite(middle) else None


def _of_a_stand_in(path: Path, budget: Budget, harvest: Harvest, under: Circumstances) -> Verdict:
    """A budget of the way back of a path that was loaded in both directions: up there is down here."""
    rates = [
        rate for name in (phases.UP, phases.DOWN) for rate in _goodput(path, name, harvest, under)
    ]
    found = _verdict(path, budget, rates, harvest, under)
    turned = {phases.UP: phases.DOWN, phases.DOWN: phases.UP}
    return replace(found, phase=turned.get(found.phase or "", found.phase))


def _verdict(
    path: Path, budget: Budget, found: Sequence[Found], harvest: Harvest, under: Circumstances
) -> Verdict:
    sources = _judged(budget, found)
    if sources:
        held = [_held(path, budget, source, found, harvest, under) for source in sources]
        return min(held, key=_worst_first)
    rests_on = _rests_on(budget, under.plan)
    missing = _first(under.why_missing(path.name, each) for each in rests_on)
    why = under.unfit or missing or under.unmeasured or _why_unasked(budget, under.plan)
    return judge(budget, None, n=0, unfit=why)


def _worst_first(verdict: Verdict) -> tuple[int, float]:
    """Of several figures under one budget the one that breaks it, else the one that leaves it open, comes first; then the nearest."""
    room = -math.inf if verdict.headroom is None else verdict.headroom
    return gravity(verdict.verdict), room


def _held(
    path: Path,
    budget: Budget,
    source: Found,
    found: Sequence[Found],
    harvest: Harvest,
    under: Circumstances,
) -> Verdict:
    """One figure held against the budget, with everything that makes it less sure."""
    metric, intervals = source
    rests_on = _rests_on(budget, under.plan)
    missing = _first(under.why_missing(path.name, each) for each in rests_on)
    interval = intervals.get(budget.percentile or budget.metric)
    own = None if interval is None else interval.size
    effective = metric.effective_n or metric.n if own is None else int(own)
    moved = _moved(path, budget, source, found, under, _idle_due(path, harvest))
    looks = under.looks if metric.metric == "rtt" else 1
    by = phases.lengthened_by(metric.metric)
    of = counted_as(metric.metric)
    doubt = Doubt(looks, moved.less_by, moved.more_by, due=metric.n, of=of, by=by)
    found_so = judge(
        budget, interval, n=effective, phase=metric.phase, unfit=under.unfit, doubt=doubt
    )
    could = under.unfit is None and could_be_decided(found_so)
    if could and metric.metric == "rtt" and looks == 1:
        found_so = replace(found_so, reason=f"{found_so.reason} ({UNTIL_DECIDED})")
    found_so = with_what_arrived(found_so, intervals)
    dropped = sum(under.own_drops.get(each, 0) for each in rests_on)
    found_so = with_own_drops(found_so, dropped, metric.n, metric.lost)
    if found_so.verdict == "fail":
        held = _held_back(path, rests_on, harvest, under.plan)
        found_so = with_held_answers(found_so, held, metric.n, metric.lost)
    if path.model is None:  # else the far end is ours, and has no cap
        forward = metric.lost_forward or 0
        found_so = with_refusals_there(found_so, forward, metric.n, metric.lost)
    lost = _first(under.without_far_end.get((path.name, each)) for each in rests_on)
    return without_far_end(of_a_part(found_so, missing), lost)


def _held_back(path: Path, rests_on: Iterable[str], harvest: Harvest, plan: Plan | None) -> int:
    """How many of a path's round trips its far end may have answered too late."""
    if plan is None:
        return 0
    found = (harvest.samples("rtt", path.name, phase) for phase in rests_on)
    return sum(held_back(that_left(rows), plan.timeout_ns) for rows in found if rows is not None)


def _first(reasons: Iterable[str | None]) -> str | None:
    """The first that there is."""
    return next((why for why in reasons if why), None)


def _why_unasked(budget: Budget, plan: Plan | None) -> str | None:
    """That nobody asked for the probe that a budget is judged by; None where somebody did."""
    probe = PROBE_OF.get(budget.metric, budget.metric)
    if plan is None or probe in plan.probes:
        return None
    asked = " and ".join(plan.probes)
    return f"not measured: the run was asked for {asked}; {asked_too(probe, plan.probes)}"


def _rests_on(budget: Budget, plan: Plan | None) -> tuple[str, ...]:
    """The phases that a verdict rests on: of several all, for the worst one was to be judged."""
    if budget.metric == "goodput":
        return phases.UP, phases.DOWN
    if budget.metric == "inference":
        every = plan.workloads if plan is not None else ()
        return tuple(f"{phases.WORK}{each.name}" for each in every if each.kind == "inference")
    probe = PROBE_OF.get(budget.metric, budget.metric)
    return (phases.SINGLE[probe][0],) if probe in phases.SINGLE else ()


def _idle_due(path: Path, harvest: Harvest) -> Times | None:
    """When the idle round trips of a path were due, in ns; None where there were none."""
    rows = harvest.samples("rtt", path.name, phases.IDLE)
    return None if rows is None else rows.columns["due_ns"].data


def _moved(
    path: Path,
    budget: Budget,
    source: Found,
    found: Sequence[Found],
    under: Circumstances,
    idle_due_ns: Times | None,
) -> Moved:
    """How far the emulator moved what is judged. It loses nothing that the model does not, or the run is unfit."""
    if budget.metric == "loss":
        return Moved()
    if budget.metric == "goodput":
        return moved_goodput(source[1]["goodput"].value, _wire_of(path, under.calibration))
    idle = next((each for each in found if _is_idle(each[0], "rtt")), None)
    if idle is None:
        return moved_latency(path.model, None, 1.0, under.tolerance_ns)
    metric, intervals = idle
    due = metric.n - metric.unstamped
    share = 1.0 if budget.percentile == "max" else float(percentile_share(budget.percentile))
    place = min(share * due / max(due - metric.lost, 1), 1.0)
    told = intervals.get(budget.percentile)
    return moved_latency(path.model, told, place, under.tolerance_ns, idle_due_ns)


def _wire_of(path: Path, calibration: Sequence[Calibration]) -> list[Calibration]:
    """What was asked of the path's wire and what it gave; of a mesh, where a few stand for all, of those like it."""
    own = [row for row in calibration if row.path == path.name]
    if any(row.quantity == "rate" for row in own) or not path.in_mesh or path.model is None:
        return own
    asked = (path.model.rate_bps or 0) / 1e6
    return [row for row in calibration if row.quantity == "rate" and row.asked == asked]


def _judged(budget: Budget, found: Sequence[Found]) -> list[Found]:
    """What a budget is held against: the idle path, or each of two directions of goodput, or of several workloads."""
    if budget.metric == "inference":
        works = [each for each in found if each[0].metric == budget.metric]
        return [each for each in works if budget.percentile in each[1]]
    if budget.metric == "goodput":
        # Two directions at once compete for their acknowledgements: shown, not judged.
        alone = (phases.UP, phases.DOWN)
        return [each for each in found if each[0].metric == "goodput" and each[0].phase in alone]
    name = "rtt" if budget.metric == "loss" else budget.metric
    return [each for each in found if _is_idle(each[0], name)][:1]


def _is_idle(metric: Metric, name: str) -> bool:
    return metric.metric == name and metric.phase == phases.IDLE
