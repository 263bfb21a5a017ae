"""The instrument's own error in one run, from its own samples and counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchkit.campaign import phases
from benchkit.campaign.fitness import LATENESS_SHARE
from benchkit.campaign.harvest import Harvest
from benchkit.clock import NS_PER_US
from benchkit.emulators.line import LineReport, quantile_ns
from benchkit.linux import host
from benchkit.model.place import Path
from benchkit.model.record import Instrument
from benchkit.model.samples import COLLECTOR, HARDWARE_COLUMNS, Column, Samples
from benchkit.stats.round_trip import as_latencies, host_ns, network_ns


@dataclass
class Gauges:
    """Readings of the machine around and during a campaign."""

    cpu_before: host.CpuTimes | None = None
    cpu_after: host.CpuTimes | None = None
    clock_steps: int = 0

    def count_step(self, before_ns: int, after_ns: int, least_ns: int) -> None:
        """Count a step of CLOCK_REALTIME against CLOCK_MONOTONIC of at least that size."""
        self.clock_steps += abs(after_ns - before_ns) >= least_ns


def instrument_of(
    paths: Sequence[Path], harvest: Harvest, gauges: Gauges, line: LineReport | None
) -> Instrument:
    """Floor, lateness and host share over all paths; what was not measured is absent."""

    def pooled(phase: str, figure: Callable[[Samples], Column]) -> NDArray[np.int64]:
        found = [harvest.samples("rtt", path.name, phase) for path in paths]
        parts = [figure(rows).compressed() for rows in found if rows is not None]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)

    floor = pooled(phases.FLOOR, network_ns)
    late = pooled(phases.IDLE, lambda rows: rows.columns["sent_ns"] - rows.columns["due_ns"])
    hosts = pooled(phases.IDLE, host_ns)
    pauses = _collector_pauses_ns(harvest)
    busy, steal = (None, None)
    if gauges.cpu_before is not None and gauges.cpu_after is not None:
        busy, steal = host.cpu_shares(gauges.cpu_before, gauges.cpu_after)
    return Instrument(
        stamps="kernel and card" if _has_card_stamps(paths, harvest) else "kernel",
        floor_p50_us=_microseconds(floor, 50),
        floor_p99_us=_microseconds(floor, 99),
        lateness_p50_us=_microseconds(late, 50),
        lateness_p99_us=_microseconds(late, 99),
        host_p50_us=_microseconds(hosts, 50),
        host_p99_us=_microseconds(hosts, 99),
        line_lateness_p50_us=_line(line, 0.5),
        line_lateness_p95_us=_line(line, LATENESS_SHARE),
        line_lateness_p99_us=_line(line, 0.99),
        line_realtime=line.realtime if line is not None and line.lateness else None,
        unstamped=_unstamped(paths, harvest),
        line_drops=line.dropped if line is not None else 0,
        clock_steps=gauges.clock_steps,
        cpu_steal_percent=steal,
        cpu_busy_percent=busy,
        collector_pauses=len(pauses),
        collector_longest_us=float(pauses.max()) / NS_PER_US if len(pauses) else None,
    )


def _has_card_stamps(paths: Sequence[Path], harvest: Harvest) -> bool:
    rows = [harvest.samples("rtt", path.name, phases.IDLE) for path in paths]
    return any(each is not None and HARDWARE_COLUMNS[0] in each.columns for each in rows)


def _collector_pauses_ns(harvest: Harvest) -> NDArray[np.int64]:
    rows = harvest.samples(COLLECTOR, "", "")
    return np.empty(0, dtype=np.int64) if rows is None else rows.columns["took_ns"].compressed()


def _microseconds(values_ns: NDArray[np.int64], percentile: float) -> float | None:
    """The nearest-rank percentile, as everywhere."""
    if not len(values_ns):
        return None
    return float(np.percentile(values_ns, percentile, method="inverted_cdf")) / NS_PER_US


def _line(report: LineReport | None, share: float) -> float | None:
    late = quantile_ns(report, share) if report is not None else None
    return None if late is None else late / NS_PER_US


def _unstamped(paths: Sequence[Path], harvest: Harvest) -> int:
    rows = [harvest.samples("rtt", path.name, phases.IDLE) for path in paths]
    return sum(
        as_latencies(network_ns(each), each.columns["received_ns"])[1]
        for each in rows
        if each is not None
    )
