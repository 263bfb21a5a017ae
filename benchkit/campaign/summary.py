"""Samples made into metrics, and budgets judged: from a harvest to the record of one path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from benchkit.campaign import phases
from benchkit.campaign.emulator_error import Moved, moved_goodput, moved_latency
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.limits import limited_by
from benchkit.clock import NS_PER_MS
from benchkit.model.place import Budget, Direction, Path, PathModel
from benchkit.model.record import Calibration, Metric, PathRecord, Verdict
from benchkit.model.samples import Samples
from benchkit.stats.arrival_order import arrival_order
from benchkit.stats.far_end import far_end_remarks
from benchkit.stats.interval import Interval
from benchkit.stats.latency import latency_metric
from benchkit.stats.loss_direction import loss_by_direction
from benchkit.stats.percentiles import percentile_share
from benchkit.stats.rates import plateau
from benchkit.stats.round_trip import as_latencies, network_ns
from benchkit.stats.verdicts import Doubt, confidence_of_a_look, judge, overall

LOADED = (phases.UP, phases.DOWN)
# A metric, and its intervals while infinities still mean something, by percentile or by what has none.
Found = tuple[Metric, Mapping[str, Interval]]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Under what a path was measured: why nothing may be judged, if so; how often verdicts may be looked at.

    `tolerance_ns` and `calibration` are what is known of the emulator, `emulator_drops` what it lost under load.
    """

    unfit: str | None = None
    looks: int = 1
    tolerance_ns: int = 0
    calibration: Sequence[Calibration] = ()
    emulator_drops: int = 0


def path_record(path: Path, harvest: Harvest, under: Circumstances) -> PathRecord:
    """Everything known of one path. Of an unfit machine nothing is judged, and each verdict says why."""
    found = [
        each
        for phase in (phases.IDLE, phases.HTTP, *LOADED)
        for each in _metrics(path, phase, harvest, under)
    ]
    verdicts = tuple(_verdict(path, budget, found, under) for budget in path.budgets)
    return PathRecord(
        path=path.name,
        near=path.near,
        far=path.far,
        verdict=overall((verdict.verdict for verdict in verdicts), under.unfit is not None),
        metrics=tuple(metric for metric, _ in found),
        verdicts=verdicts,
        great_circle_km=path.great_circle_km,
        model=_plain(path.model),
    )


def _metrics(path: Path, phase: str, harvest: Harvest, under: Circumstances) -> list[Found]:
    makers = {"rtt": _rtt, "http": _http}
    found = [
        make(path, phase, rows, under)
        for kind, make in makers.items()
        if (rows := harvest.samples(kind, path.name, phase)) is not None
    ]
    round_trips = harvest.samples("rtt", path.name, phase)
    if round_trips is not None:
        counted = harvest.is_counted(path.name, phase)
        found[0] = _with_far_end(found[0], round_trips, stateful=counted)
    goodput = harvest.samples("goodput", path.name, phase)
    if goodput is not None and len(goodput):
        info = harvest.samples("tcp_info", path.name, phase)
        found.insert(0, _goodput(path, phase, goodput, info, under.emulator_drops))
    return found


def _rtt(path: Path, phase: str, rows: Samples, under: Circumstances) -> Found:
    # Under load a queue in our own host is part of the answer, so the clock starts in front of it.
    departure = "t1_sched_ns" if phase in LOADED else "t1_ns"
    # Only idle round trips are looked at again and again until they decide.
    confidence = confidence_of_a_look(under.looks if phase == phases.IDLE else 1)
    values, unstamped = as_latencies(network_ns(rows, departure), rows.columns["received_ns"])
    return latency_metric(
        "rtt",
        phase,
        values,
        unstamped=unstamped,
        floor_ns=path.floor_ns,
        model_ns=path.model.rtt_ns if path.model else None,
        confidence=confidence,
    )


def _with_far_end(found: Found, rows: Samples, *, stateful: bool) -> Found:
    """What became of packets beside times: where they were lost, doubled and overtaken; and what the far end told."""
    metric, intervals = found
    split = loss_by_direction(rows, stateful=stateful) if metric.lost else None
    if split is not None:
        metric = replace(metric, lost_forward=split.forward, lost_backward=split.backward)
    order = arrival_order(rows)
    metric = replace(
        metric,
        duplicated=order.duplicated or None,
        reordered=order.reordered or None,
        remarks=far_end_remarks(rows),
    )
    return metric, intervals


def _http(path: Path, phase: str, rows: Samples, under: Circumstances) -> Found:  # noqa: ARG001  a maker's signature
    # Requests are measured by themselves, in a phase of their own; the path is idle then.
    received = rows.columns["received_ns"]
    values, _ = as_latencies(received - rows.columns["due_ns"], received)
    metric, intervals = latency_metric(
        "http",
        phases.IDLE,
        values,
        floor_ns=path.floor_ns,
        model_ns=path.model.rtt_ns if path.model else None,
    )
    return metric, intervals


def _goodput(path: Path, phase: str, rows: Samples, info: Samples | None, drops: int) -> Found:
    columns = rows.columns
    level = plateau(columns["octets"].data, columns["start_ns"].data, columns["end_ns"].data)
    rate = path.model.rate_bps if path.model else None
    metric = Metric(
        metric="goodput",
        phase=phase,
        unit="Mbit/s",
        n=len(rows),
        configured=rate / 1e6 if rate else None,
        estimate=level.goodput.estimate(),
        limited_by=limited_by(level.goodput.value, path.model, info, drops=drops),
        details={"ramp_s": level.ramp_s},
    )
    return metric, {"goodput": level.goodput}


def _verdict(path: Path, budget: Budget, found: Sequence[Found], under: Circumstances) -> Verdict:
    source = _judged(budget, found)
    if source is None:
        return judge(budget, None, n=0, unfit=under.unfit)
    metric, intervals = source
    interval = intervals.get(budget.percentile or budget.metric)
    effective = metric.effective_n or metric.n
    moved = _moved(path, budget, source, found, under)
    looks = under.looks if metric.metric == "rtt" else 1
    doubt = Doubt(looks, moved.less_by, moved.more_by)
    return judge(budget, interval, n=effective, phase=metric.phase, unfit=under.unfit, doubt=doubt)


def _moved(
    path: Path, budget: Budget, source: Found, found: Sequence[Found], under: Circumstances
) -> Moved:
    """How far the emulator moved what is judged. It loses nothing that the model does not, or the run is unfit."""
    if budget.metric == "loss":
        return Moved()
    if budget.metric == "goodput":
        own = [row for row in under.calibration if row.path == path.name]
        return moved_goodput(source[1]["goodput"].value, own)
    idle = next((each for each in found if _is_idle(each[0], "rtt")), None)
    if idle is None:
        return moved_latency(path.model, None, 1.0, under.tolerance_ns)
    metric, intervals = idle
    due = metric.n - metric.unstamped
    share = 1.0 if budget.percentile == "max" else float(percentile_share(budget.percentile))
    place = min(share * due / max(due - metric.lost, 1), 1.0)
    return moved_latency(path.model, intervals.get(budget.percentile), place, under.tolerance_ns)


def _judged(budget: Budget, found: Sequence[Found]) -> Found | None:
    """What a budget is held against: the idle path, and of two directions of goodput the worse one."""
    if budget.metric == "goodput":
        rates = [each for each in found if each[0].metric == "goodput"]
        return min(rates, key=lambda each: each[1]["goodput"].value, default=None)
    name = "rtt" if budget.metric == "loss" else budget.metric
    return next((each for each in found if _is_idle(each[0], name)), None)


def _is_idle(metric: Metric, name: str) -> bool:
    return metric.metric == name and metric.phase == phases.IDLE


def _plain(model: PathModel | None) -> dict[str, object]:
    """A model in plain values, for the record."""
    if model is None:
        return {}
    plain: dict[str, object] = {
        "origin": model.origin,
        "forward": _plain_direction(model.forward),
        "backward": _plain_direction(model.backward),
        "mtu": model.mtu,
    }
    if model.rate_bps is not None:
        plain["rate_bps"] = model.rate_bps
    if model.buffer_octets is not None:
        plain["buffer_octets"] = model.buffer_octets
    return plain


def _plain_direction(direction: Direction) -> dict[str, object]:
    plain: dict[str, object] = {"delay_ms": direction.delay_ns / NS_PER_MS}
    if direction.jitter_ns:
        plain["jitter_ms"] = direction.jitter_ns / NS_PER_MS
        plain["distribution"] = direction.distribution
    if direction.bursts is not None:
        plain["bursts"] = {
            "enter": direction.bursts.enter,
            "leave": direction.bursts.leave,
            "bad_loss": direction.bursts.bad_loss,
            "good_loss": direction.bursts.good_loss,
        }
    plain["loss"] = direction.mean_loss
    for name in ("reorder", "duplicate"):
        if getattr(direction, name):
            plain[name] = getattr(direction, name)
    if direction.trace is not None:
        delays = direction.trace.delay_ns
        plain["trace"] = {
            "steps": len(delays),
            "least_ms": min(delays) / NS_PER_MS,
            "most_ms": max(delays) / NS_PER_MS,
        }
    return plain
