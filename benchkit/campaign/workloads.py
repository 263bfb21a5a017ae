"""Workloads made into phases and jobs, and what came of them held against what the path allows on paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from benchkit.campaign.latencies import Found
from benchkit.campaign.phases import WORK, Phase
from benchkit.clock import NS_PER_MS, NS_PER_S
from benchkit.model.bulk_spec import FilesSpec
from benchkit.model.place import Path
from benchkit.model.record import Estimate, Metric
from benchkit.model.samples import Samples
from benchkit.model.spec import HttpSpec, Spec
from benchkit.model.target import Plan
from benchkit.model.workload import Workload
from benchkit.planning.framing import Framing
from benchkit.planning.workloads import mean_exchange_s, transfer_s
from benchkit.stats.latency import latency_metric
from benchkit.stats.round_trip import as_latencies
from benchkit.units import show_count

# A transfer may take so many times as long as a tenth of its rate would, and no less than this.
PATIENCE, LEAST_NS = 10, 30 * NS_PER_S
UNKNOWN_BPS = 100e6


def job(
    path: Path, phase: Phase, plan: Plan, to: tuple[str, int], url: str
) -> tuple[str, Spec] | None:
    """The kind and spec of a workload's phase on one path; None for any other phase."""
    workload = _of(phase.name, plan)
    if workload is None:
        return None
    if workload.kind == "inference":
        mix = tuple((e.share, e.request_octets, e.response_octets) for e in workload.mix)
        timing = (phase.packets, phase.interval_ns, plan.timeout_ns)
        return "inference", HttpSpec(path.name, phase.name, url, *timing, mix=mix, seed=plan.seed)
    files, limit_ns = _files(workload), _limit_ns(workload, path)
    streams = workload.streams
    return "files", FilesSpec(path.name, phase.name, *to, files, streams, limit_ns, plan.congestion)


def _of(phase: str, plan: Plan) -> Workload | None:
    return next((each for each in plan.workloads if phase == f"{WORK}{each.name}"), None)


def _files(workload: Workload) -> tuple[tuple[int, int, int], ...]:
    """Number, when due after the start, octets; a checkpoint is as many parts as there are streams."""
    if workload.kind == "data set":
        sizes = _parted(workload.octets, workload.files)
        return tuple((number, 0, octets) for number, octets in enumerate(sizes))
    sizes = _parted(workload.octets, workload.streams)
    return tuple(
        (round_ * len(sizes) + part, round_ * workload.every_ns, octets)
        for round_ in range(workload.rounds)
        for part, octets in enumerate(sizes)
    )


def _parted(octets: int, parts: int) -> list[int]:
    each, rest = divmod(octets, parts)
    return [max(1, each + (at < rest)) for at in range(parts)]


def _limit_ns(workload: Workload, path: Path) -> int:
    rate = (path.model.rate_bps if path.model else None) or UNKNOWN_BPS
    moving_s = workload.octets * workload.rounds * 8 / rate * PATIENCE
    return LEAST_NS + workload.every_ns * workload.rounds + round(moving_s * NS_PER_S)


def metrics(path: Path, harvest_of: Mapping[str, Samples], phase: str, plan: Plan) -> list[Found]:
    """What one workload came to; `harvest_of` has its samples by kind."""
    workload = _of(phase, plan)
    if workload is None:
        return []
    if (rows := harvest_of.get("inference")) is not None:
        return [_inference(path, workload, rows)]
    if (rows := harvest_of.get("files")) is not None:
        return [(_transfer(path, workload, rows), {})]
    return []


def _line(path: Path) -> tuple[float, float, Framing] | None:
    """Rate, round trip in seconds and framing of a path whose rate is known."""
    model = path.model
    if model is None or not model.rate_bps:
        return None
    return model.rate_bps, model.rtt_ns / NS_PER_S, Framing(mtu=model.mtu)


def _inference(path: Path, workload: Workload, rows: Samples) -> Found:
    received = rows.columns["received_ns"]
    values, _ = as_latencies(received - rows.columns["due_ns"], received)
    line = _line(path)
    paper_ns = mean_exchange_s(workload, *line) * NS_PER_S if line else None
    metric, intervals = latency_metric(
        "inference", workload.name, values, floor_ns=path.floor_ns, model_ns=paper_ns
    )
    told = {"on_paper": paper_ns / NS_PER_MS} if paper_ns else {}
    return replace(metric, details={**metric.details, **told}), intervals


def _transfer(path: Path, workload: Workload, rows: Samples) -> Metric:
    due, done = rows.columns["due_ns"], rows.columns["done_ns"]
    missing = np.ma.getmaskarray(done)
    took_s = _rounds_s(workload, due.data, np.where(missing, 0, done.data), missing)
    finished = took_s[np.isfinite(took_s)]
    line = _line(path)
    told: dict[str, float] = {}
    if line:
        told["on_paper_s"] = transfer_s(workload, *line)
        if finished.size:
            told["times_paper"] = float(np.median(finished)) / told["on_paper_s"]
    if finished.size:
        told["rate_bps"] = workload.octets * 8 / float(np.median(finished))
    if workload.kind == "checkpoint":
        told |= {"every_s": workload.every_ns / NS_PER_S}
        told["too_late"] = int((took_s * NS_PER_S > workload.every_ns).sum())
        if finished.size:
            told["longest_s"] = float(finished.max())
    value = float(np.median(finished)) if finished.size == took_s.size else None
    return Metric(
        metric="completion",
        phase=workload.name,
        unit="s",
        n=len(rows),
        lost=int(missing.sum()),
        estimate=Estimate(value=value) if value is not None else None,
        setup=_setup(workload),
        details=told,
    )


def _rounds_s(
    workload: Workload,
    due: np.ndarray[tuple[int], np.dtype[np.int64]],
    done: np.ndarray[tuple[int], np.dtype[np.int64]],
    missing: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """How long each round took from when it was due to its last answer; +inf where a part of it is missing."""
    shape = (workload.rounds, -1)
    last = done.reshape(shape).max(axis=1)
    took = (last - due.reshape(shape).min(axis=1)) / NS_PER_S
    return np.where(missing.reshape(shape).any(axis=1), np.inf, took)


def _setup(workload: Workload) -> str:
    over = show_count(workload.streams, "connection")
    mega = workload.octets / 1e6
    if workload.kind == "checkpoint":
        every = workload.every_ns / NS_PER_MS
        return f"{mega:g} MB every {every:g} ms, {show_count(workload.rounds, 'time')}, {over}"
    return f"{mega:g} MB in {show_count(workload.files, 'file')}, {over}"
