"""Samples of latency made into metrics: percentiles, where the time went, and what a load did to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from benchkit.campaign import phases
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.passages import median_ns
from benchkit.clock import NS_PER_MS
from benchkit.model.far_end import FarFlags
from benchkit.model.place import Path
from benchkit.model.record import Calibration, Metric
from benchkit.model.samples import FAR_FLAGS, HTTP_PHASES, Column, Samples
from benchkit.model.target import Plan
from benchkit.stats.arrival_order import arrival_order
from benchkit.stats.doubt import confidence_of_a_look
from benchkit.stats.far_end import far_end_remarks
from benchkit.stats.interval import Interval
from benchkit.stats.latency import latency_metric
from benchkit.stats.loss_direction import loss_by_direction
from benchkit.stats.one_way import Basis, one_way
from benchkit.stats.parts import (
    connection_parts,
    missing_stamps,
    request_parts,
    round_trip_parts,
    summed_up,
)
from benchkit.stats.round_trip import as_latencies, network_ns, that_left
from benchkit.stats.under_load import buffer_delay_percent, foreign_rpm

# A metric, and its intervals while infinities still mean something, by percentile or by what has none.
Found = tuple[Metric, Mapping[str, Interval]]
SYN_RETRANSMITS = "syn_retransmits"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Under what a path was measured: why nothing may be judged, if so; how often verdicts may be looked at.

    `tolerance_ns` and `calibration` are what is known of the emulator, `emulator_drops` what it lost itself, by path and phase,
    and `overflowed` how many packets its modelled buffers had no room for.
    `floor_ns` is the p99 of the instrument's own round trip, `stamp_error_ns` its median, and `synchronised` whether
    this machine's clock is. `plan` says how bulk was measured. `missing` says by path and phase what was not wholly
    measured, and why; `unmeasured` is why whatever else is missing is. `without_far_end` says which of them had nobody
    at their far end meanwhile, and why. `own_drops` says by phase how many packets this host had no room for. `stand_ins` are the paths of a mesh whose bulk tells that of others.
    """

    unfit: str | None = None
    looks: int = 1
    tolerance_ns: int = 0
    calibration: Sequence[Calibration] = ()
    emulator_drops: Mapping[tuple[str, str], int] = field(default_factory=dict)
    overflowed: Mapping[tuple[str, str], int] = field(default_factory=dict)
    floor_ns: float = 0.0
    stamp_error_ns: float = 0.0
    synchronised: bool = False
    plan: Plan | None = None
    missing: Mapping[tuple[str, str], str] = field(default_factory=dict)
    unmeasured: str | None = None
    without_far_end: Mapping[tuple[str, str], str] = field(default_factory=dict)
    own_drops: Mapping[str, int] = field(default_factory=dict)
    stand_ins: Mapping[str, Path] = field(default_factory=dict)

    def why_missing(self, path: str, phase: str = "") -> str | None:
        """Why a path, or that phase of it, was not or not wholly measured; None where it was."""
        return self.missing.get((path, phase)) or self.missing.get((path, ""))


def latencies(path: Path, harvest: Harvest, under: Circumstances) -> list[Found]:
    """Every latency of a path, in the order of the phases."""
    found = []
    for phase in (*(name for name, _, _ in phases.SINGLE.values()), *phases.LOADED):
        rows = harvest.samples("rtt", path.name, phase)
        if rows is not None:
            found.append(_round_trips(path, rows, harvest, under))
        rows = harvest.samples("http", path.name, phase)
        if rows is not None:
            found.append(_requests(path, rows))
    return _with_load(path, harvest, found)


def metric_name(kind: str, phase: str) -> str:
    """What the latencies of a phase are called: by their probe, round trips beside a load like idle ones."""
    if phase in phases.LOADED:
        return "http-fresh" if kind == "http" else "rtt"
    return "rtt" if phase == phases.IDLE else phase


def took_and_received(kind: str, rows: Samples) -> tuple[Column, Column]:
    """How long each packet or request of a latency took, and when its answer came; for `as_latencies`.

    Both of shape (n,), in ns, with holes where there is no stamp or no answer.
    """
    received = rows.columns["received_ns"]
    if kind == "http" or metric_name(kind, rows.phase) == "connect":
        return received - rows.columns["due_ns"], received
    # Under load a queue in our own host is part of the answer, so the clock starts in front of it.
    took = network_ns(rows, "t1_sched_ns" if rows.phase in phases.LOADED else "t1_ns")
    return took, _first_try(rows)


def _round_trips(path: Path, rows: Samples, harvest: Harvest, under: Circumstances) -> Found:
    name, phase = metric_name("rtt", rows.phase), rows.phase
    due, rows = len(rows), that_left(rows)
    took, received = took_and_received("rtt", rows)
    # Only idle round trips are looked at again and again until they decide.
    confidence = confidence_of_a_look(under.looks if phase == phases.IDLE else 1)
    values, unstamped = as_latencies(took, received)
    metric, intervals = latency_metric(
        name,
        phase if phase in phases.LOADED else phases.IDLE,
        values,
        unstamped=unstamped,
        confidence=confidence,
        floor_ns=path.floor_ns,
        model_ns=median_ns(path.model, rows.columns["due_ns"].data) if path.model else None,
    )
    counted = harvest.is_counted(path.name, phase)
    metric = _with_far_end(_accounted(metric, path, rows, under), rows, stateful=counted)
    return replace(metric, unsent=due - len(rows) or None), intervals


def _with_far_end(metric: Metric, rows: Samples, *, stateful: bool) -> Metric:
    """What became of packets beside times: where they were lost, doubled and overtaken; and what the far end told."""
    split = loss_by_direction(rows, stateful=stateful) if metric.lost else None
    if split is not None:
        metric = replace(metric, lost_forward=split.forward, lost_backward=split.backward)
    order = arrival_order(rows)
    return replace(
        metric,
        duplicated=order.duplicated or None,
        reordered=order.reordered or None,
        remarks=far_end_remarks(rows),
    )


def _first_try(rows: Samples) -> Column:
    """When answers came; a handshake whose SYN had to be sent again has lost a packet, and is no round trip."""
    received = rows.columns["received_ns"]
    if SYN_RETRANSMITS not in rows.columns:
        return received
    return np.ma.masked_where(rows.columns[SYN_RETRANSMITS].data > 0, received)


def _requests(path: Path, rows: Samples) -> Found:
    values, _ = as_latencies(*took_and_received("http", rows))
    phase = rows.phase if rows.phase in phases.LOADED else phases.IDLE
    name = metric_name("http", rows.phase)
    metric, intervals = latency_metric(
        name,
        phase,
        values,
        floor_ns=path.floor_ns,
        model_ns=path.model.rtt_ns if path.model else None,
    )
    if all(each in rows.columns for each in HTTP_PHASES):
        metric = replace(metric, parts=summed_up(request_parts(rows), {}))
    return metric, intervals


def _accounted(metric: Metric, path: Path, rows: Samples, under: Circumstances) -> Metric:
    """With its parts and directions, as far as the kernels' stamps tell them."""
    if SYN_RETRANSMITS in rows.columns:
        again = int((rows.columns[SYN_RETRANSMITS].data > 0).sum())
        metric = replace(metric, syn_retransmitted=again)
        if metric.metric == "connect":
            metric = replace(metric, parts=summed_up(connection_parts(rows), {}))
    middle = metric.percentiles.get("p50")
    if middle is not None and middle.value is not None:
        below = middle.value * NS_PER_MS <= under.floor_ns
        metric = replace(metric, below_floor=True if below else None)
    if "t1_ns" not in rows.columns:
        return metric
    light = (path.floor_ns or 0.0) / 2  # of the great circle, which is as long both ways
    return replace(
        metric,
        parts=summed_up(round_trip_parts(rows), missing_stamps(rows)),
        one_way=one_way(rows, _basis(path, rows, under), light, under.stamp_error_ns),
    )


def _basis(path: Path, rows: Samples, under: Circumstances) -> Basis:
    """What the clocks of the two ends are known to have in common."""
    if path.model is not None:
        return "one clock"
    flags = rows.columns.get(FAR_FLAGS)
    if flags is None or not under.synchronised:
        return "unknown"
    answered = flags.compressed()
    says = len(answered) > 0 and bool((answered & FarFlags.SYNCHRONISED).all())
    return "synchronised" if says else "unknown"


def _with_load(path: Path, harvest: Harvest, found: list[Found]) -> list[Found]:
    """Round trips beside a load, held against the idle ones, with the responsiveness of that phase."""
    idle = harvest.samples("rtt", path.name, phases.IDLE)
    return [
        (_loaded(metric, path, harvest, idle), intervals)
        if metric.metric == "rtt" and metric.phase in phases.LOADED
        else (metric, intervals)
        for metric, intervals in found
    ]


def _loaded(metric: Metric, path: Path, harvest: Harvest, idle: Samples | None) -> Metric:
    rows = harvest.samples("rtt", path.name, metric.phase)
    assert rows is not None  # noqa: S101  the metric was made of them
    delay = None
    if idle is not None:
        pair = (_network(each, "t1_sched_ns") for each in (idle, rows))
        delay = buffer_delay_percent(*pair)
    requests = harvest.samples("http", path.name, metric.phase)
    rpm = None
    if requests is not None:
        kept = [
            requests.columns[name].compressed() / NS_PER_MS for name in ("connect_ns", "wait_ns")
        ]
        rpm = foreign_rpm(*kept)
    return replace(metric, buffer_delay_percent=delay, rpm=rpm)


def _network(rows: Samples, departure: str) -> np.ndarray:
    left = that_left(rows)
    return as_latencies(network_ns(left, departure), _first_try(left))[0]
