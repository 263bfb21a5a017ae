"""Figures while they are measured: every batch counted as it comes, and told as an event."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchkit.campaign.events import Observer, PathMoved, RateMoved
from benchkit.campaign.latencies import took_and_received
from benchkit.campaign.phases import LOADED, SINGLE
from benchkit.clock import NS_PER_MS, NS_PER_S
from benchkit.model.record_json import significant
from benchkit.model.samples import Samples
from benchkit.reports.figures import decimals_for, fixed
from benchkit.stats.log_histogram import LogHistogram
from benchkit.stats.percentiles import percentile_share
from benchkit.stats.round_trip import as_latencies, that_left

SHOWN = ("p50", "p95", "p99")
SHARES = [float(percentile_share(name)) for name in SHOWN]
# What an operator would call measuring; calibration has words of its own at its end.
PHASES = (*(name for name, _, _ in SINGLE.values()), *LOADED)
RATE = "rate"
# So many batches wait for departures; then those that have none are counted as answers without stamps.
MOST_AWAITING = 20
Departed = Callable[[Samples], tuple[Samples, bool]]
BITS_PER_OCTET = 8


class LiveFigures:
    """The figures so far of each path in each phase. `take` costs microseconds: it runs beside the probes."""

    def __init__(self, observe: Observer, departed: Departed = lambda rows: (rows, True)) -> None:
        """Tell this observer. `departed` gives a batch its answers' departures, and says whether it has them all."""
        self._observe, self._departed = observe, departed
        self._awaiting: dict[tuple[str, str], deque[Samples]] = defaultdict(deque)
        self._histograms: dict[tuple[str, str, str], LogHistogram] = defaultdict(LogHistogram)

    def take(self, batch: Samples) -> None:
        """Count a batch, and tell what it comes to."""
        if batch.phase not in PHASES or not len(batch):
            return
        if batch.kind == RATE:
            self._observe(RateMoved(batch.path, batch.phase, _mbps(batch)))
        elif batch.kind == "rtt":
            self._take_departed(batch)
        elif batch.kind == "http":
            self._count(batch)

    def _take_departed(self, batch: Samples) -> None:
        """When answers left is told after they have come: a batch waits for that, and so far behind are the figures."""
        awaiting = self._awaiting[batch.path, batch.phase]
        awaiting.append(batch)
        while awaiting:
            rows, has_all = self._departed(awaiting[0])
            if not has_all and len(awaiting) <= MOST_AWAITING:
                return
            awaiting.popleft()
            self._count(rows)

    def _count(self, batch: Samples) -> None:
        histogram = self._histograms[batch.kind, batch.path, batch.phase]
        histogram.add(latencies_ns(batch))
        if histogram.n:  # else no answer has a stamp yet
            moved = _moved(batch, histogram.percentiles_ns(SHARES))
            self._observe(replace(moved, settled=histogram.n, lost=histogram.lost))


def latencies_ns(rows: Samples) -> NDArray[np.float64]:
    """Latencies as the metric of that phase counts them, +inf for lost; without a stamp there is none.

    Of shape (n,), in ns, in the order in which they were due.
    """
    left = rows if rows.kind == "http" else that_left(rows)
    return as_latencies(*took_and_received(rows.kind, left))[0]


def settled(rows: Samples) -> PathMoved:
    """What a phase came to on one path, in the figures of its report: the percentiles are those of `percentile_intervals`."""
    values = np.sort(latencies_ns(rows))
    ranks = [math.ceil(percentile_share(name) * len(values)) for name in SHOWN]
    moved = _moved(rows, [float(values[rank - 1]) if rank else math.inf for rank in ranks])
    lost = int(np.isinf(values).sum())
    unmeasured = len(rows) - len(values)
    return replace(moved, settled=len(values), lost=lost, is_final=True, unmeasured=unmeasured)


def told_together(found: Sequence[PathMoved]) -> str:
    """What a phase came to on very many paths, in a line."""
    due, lost = sum(one.settled + one.unmeasured for one in found), sum(one.lost for one in found)
    middles = sorted(one.percentiles_ms["p50"] for one in found if "p50" in one.percentiles_ms)
    places = decimals_for(middles)
    said = ", no answer"
    if middles:
        said = f", p50 from {fixed(middles[0], places)} to {fixed(middles[-1], places)} ms"
    return f"    {len(found)} paths {found[0].series}: {due} due, {lost} lost{said}"


def _moved(rows: Samples, found_ns: Sequence[float]) -> PathMoved:
    """Those of the percentiles that no loss reaches; none where there is no latency at all."""
    percentiles = {
        name: significant(ns / NS_PER_MS)
        for name, ns in zip(SHOWN, found_ns, strict=True)
        if math.isfinite(ns)
    }
    return PathMoved(
        rows.path, rows.kind, rows.phase, settled=0, lost=0, percentiles_ms=percentiles
    )


def _mbps(rows: Samples) -> float:
    columns = rows.columns
    seconds = (int(columns["end_ns"][-1]) - int(columns["start_ns"][0])) / NS_PER_S
    return BITS_PER_OCTET * float(columns["octets"].sum()) / max(seconds, 1e-9) / 1e6
