"""Samples made into metrics, and budgets judged: from a harvest to the record of one path."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from benchkit.campaign import phases
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.limits import limited_by
from benchkit.clock import NS_PER_MS
from benchkit.model.place import Budget, Direction, Path, PathModel
from benchkit.model.record import Metric, PathRecord, Verdict
from benchkit.model.samples import Column, Samples
from benchkit.stats.interval import Interval
from benchkit.stats.latency import latency_metric
from benchkit.stats.percentiles import effective_size
from benchkit.stats.rates import loss_interval, plateau
from benchkit.stats.round_trip import as_latencies, network_ns
from benchkit.stats.verdicts import judge, overall

LOADED = (phases.UP, phases.DOWN)
# A metric, and its intervals while infinities still mean something, by percentile or by what has none.
Found = tuple[Metric, Mapping[str, Interval]]


def path_record(
    path: Path, harvest: Harvest, *, unfit: str | None, emulator_drops: int
) -> PathRecord:
    """Everything known of one path. With `unfit` nothing is judged, and each verdict says why."""
    found = [
        each
        for phase in (phases.IDLE, phases.HTTP, *LOADED)
        for each in _metrics(path, phase, harvest, emulator_drops)
    ]
    verdicts = tuple(_verdict(budget, found, unfit) for budget in path.budgets)
    return PathRecord(
        path=path.name,
        near=path.near,
        far=path.far,
        verdict=overall((verdict.verdict for verdict in verdicts), unfit is not None),
        metrics=tuple(metric for metric, _ in found),
        verdicts=verdicts,
        great_circle_km=path.great_circle_km,
        model=_plain(path.model),
    )


def could_be_decided(verdict: Verdict) -> bool:
    """Whether it is open for want of samples: it was measured, and a maximum is never bounded by more."""
    return (
        verdict.verdict == "inconclusive"
        and verdict.measured is not None
        and verdict.percentile != "max"
    )


def _metrics(path: Path, phase: str, harvest: Harvest, drops: int) -> list[Found]:
    makers: dict[str, Callable[[Path, str, Samples], Found]] = {"rtt": _rtt, "http": _http}
    found = [
        make(path, phase, rows)
        for kind, make in makers.items()
        if (rows := harvest.samples(kind, path.name, phase)) is not None
    ]
    goodput = harvest.samples("goodput", path.name, phase)
    if goodput is not None and len(goodput):
        info = harvest.samples("tcp_info", path.name, phase)
        found.insert(0, _goodput(path, phase, goodput, info, drops))
    return found


def _rtt(path: Path, phase: str, rows: Samples) -> Found:
    # Under load a queue in our own host is part of the answer, so the clock starts in front of it.
    departure = "t1_sched_ns" if phase in LOADED else "t1_ns"
    values, unstamped = as_latencies(network_ns(rows, departure), rows.columns["received_ns"])
    metric, intervals = latency_metric(
        "rtt",
        phase,
        values,
        unstamped=unstamped,
        floor_ns=path.floor_ns,
        model_ns=path.model.rtt_ns if path.model else None,
    )
    return metric, {**intervals, "loss": _loss(rows.columns["received_ns"])}


def _loss(received: Column) -> Interval:
    """The loss ratio; packets lost in one burst are not independent, and count for fewer."""
    lost = np.ma.getmaskarray(received)
    return loss_interval(int(lost.sum()), lost.size, effective_n=effective_size(lost))


def _http(path: Path, phase: str, rows: Samples) -> Found:  # noqa: ARG001  a maker's signature
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


def _verdict(budget: Budget, found: Sequence[Found], unfit: str | None) -> Verdict:
    source = _judged(budget, found)
    if source is None:
        return judge(budget, None, n=0, unfit=unfit)
    metric, intervals = source
    interval = intervals.get(budget.percentile or budget.metric)
    effective = metric.effective_n or metric.n
    return judge(budget, interval, n=effective, phase=metric.phase, unfit=unfit)


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
