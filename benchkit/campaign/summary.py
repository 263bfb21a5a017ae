"""Samples made into metrics, and budgets judged: from a harvest to the record of one path."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from benchkit.campaign import phases
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.limits import limited_by
from benchkit.clock import NS_PER_MS
from benchkit.model.place import Path, PathModel
from benchkit.model.record import Metric, PathRecord, Verdict
from benchkit.model.samples import Column, Samples
from benchkit.stats.interval import Interval
from benchkit.stats.latency import latency_metric
from benchkit.stats.rates import loss_interval, plateau
from benchkit.stats.verdicts import judge, overall

Intervals = dict[tuple[str, str], Interval]  # by metric and percentile, of the phase that is judged
LOADED = (phases.UP, phases.DOWN)


def network_ns(rows: Samples, departure: str = "t1_ns") -> Column:
    """Each packet's network round trip, dwell at the far end taken off; a hole where a stamp is missing.

    `departure` is the stamp it counts from: "t1_ns" leaves the local queue out, "t1_sched_ns" keeps it in.
    """
    columns = rows.columns
    whole: Column = columns["t4_ns"] - columns[departure]
    dwell: Column = columns["t3_ns"] - columns["t2_ns"]
    network: Column = whole - dwell
    return network


def host_ns(rows: Samples) -> Column:
    """What user space adds at this end and the far end: its own round trip less the network's."""
    seen: Column = rows.columns["received_ns"] - rows.columns["sent_ns"]
    added: Column = seen - network_ns(rows)
    return added


def as_latencies(latencies: Column, received: Column) -> tuple[NDArray[np.float64], int]:
    """Latencies in time order with +inf for what was never answered, and how many answers had no stamp."""
    lost = np.ma.getmaskarray(received)
    unstamped = np.ma.getmaskarray(latencies) & ~lost
    values = np.where(lost, np.inf, np.ma.getdata(latencies).astype(np.float64))
    return values[~unstamped], int(unstamped.sum())


def path_record(
    path: Path, harvest: Harvest, *, unfit: str | None, emulator_drops: int
) -> PathRecord:
    """Everything known of one path. With `unfit` nothing is judged, and each verdict says why."""
    found: list[Metric] = []
    judged: Intervals = {}
    for phase in (phases.IDLE, phases.HTTP, *LOADED):
        for metric, intervals in _metrics(path, phase, harvest, emulator_drops):
            found.append(metric)
            for percentile, interval in intervals.items():
                judged.setdefault((metric.metric, percentile), interval)
    verdicts = tuple(_verdicts(path, found, judged, unfit))
    return PathRecord(
        path=path.name,
        near=path.near,
        far=path.far,
        verdict=overall((verdict.verdict for verdict in verdicts), unfit is not None),
        metrics=tuple(found),
        verdicts=verdicts,
        great_circle_km=path.great_circle_km,
        model=_plain(path.model),
    )


Found = tuple[Metric, Mapping[str, Interval]]


def _metrics(path: Path, phase: str, harvest: Harvest, drops: int) -> list[Found]:
    makers: dict[str, Callable[[Path, str, Samples], Found]] = {"rtt": _rtt, "http": _http}
    found = [
        make(path, phase, rows)
        for kind, make in makers.items()
        if (rows := harvest.samples(kind, path.name, phase)) is not None
    ]
    goodput = harvest.samples("goodput", path.name, phase)
    if goodput is not None:
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
    return metric, intervals


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
    return metric, {"mean": level.goodput}


def _verdicts(
    path: Path, found: list[Metric], judged: Intervals, unfit: str | None
) -> list[Verdict]:
    verdicts = []
    first = {metric.metric: metric for metric in reversed(found)}
    for budget in path.budgets:
        source = first.get("rtt" if budget.metric == "loss" else budget.metric)
        interval = judged.get((budget.metric, budget.percentile))
        if budget.metric == "loss" and source is not None:
            interval = loss_interval(source.lost, source.n)
        elif budget.metric == "goodput":
            interval = judged.get(("goodput", "mean"))
        effective = (source.effective_n or source.n) if source is not None else 0
        verdicts.append(judge(budget, interval, n=effective, unfit=unfit))
    return verdicts


def _plain(model: PathModel | None) -> dict[str, object]:
    """A model in plain values, for the record."""
    if model is None:
        return {}
    plain: dict[str, object] = {"origin": model.origin, "mtu": model.mtu}
    for name, direction in (("forward", model.forward), ("backward", model.backward)):
        plain[name] = {
            "delay_ms": direction.delay_ns / NS_PER_MS,
            "jitter_ms": direction.jitter_ns / NS_PER_MS,
            "loss": direction.loss,
        }
    if model.rate_bps is not None:
        plain["rate_bps"] = model.rate_bps
    if model.buffer_octets is not None:
        plain["buffer_octets"] = model.buffer_octets
    return plain
