"""What the folder holds as OpenMetrics: counts of runs, and the judged figures of each target's newest run."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import AskedWronglyError
from benchkit.model.record import VERDICTS, PathRecord, RunRecord, Verdict
from benchkit.reports.openmetrics import BASE
from benchkit.web.catalog import Listing
from benchkit.web.desk import DESK, Desk

FRESH_NS = NS_PER_S
PATH = ("target", "path", "near", "far")
WHERE = (*PATH, "metric", "percentile")
COUNTED = (*PATH, "metric", "phase")


class Snapshot(Collector):
    """The families of one listing. Nothing is counted while it is asked: it is a picture."""

    def __init__(self, listing: Listing, newest: list[RunRecord]) -> None:
        """Picture this listing, and the newest run of each target."""
        self._listing = listing
        self._newest = newest

    def collect(self) -> Iterator[Metric]:
        """Give every family once."""
        yield self._counts()
        unread = GaugeMetricFamily("benchkit_runs_unread", "Runs whose record is not read yet.")
        unread.add_metric([], self._listing.unread)
        yield unread
        yield from self._states()
        yield from self._figures()
        yield from self._paths()

    def _counts(self) -> Metric:
        family = GaugeMetricFamily(
            "benchkit_runs", "Runs in the folder.", labels=("target", "verdict")
        )
        rows = self._listing.rows
        counts = Counter((row.target, row.verdict or row.state) for row in rows)
        for labels, count in sorted(counts.items()):
            family.add_metric(labels, count)
        return family

    def _states(self) -> Iterator[Metric]:
        verdict = GaugeMetricFamily(
            "benchkit_newest_verdict",
            "1 for the verdict of the newest run of the target.",
            labels=("target", "run", "verdict"),
        )
        started = GaugeMetricFamily(
            "benchkit_newest_started_timestamp_seconds",
            "When the newest run of the target began.",
            labels=("target", "run"),
            unit="seconds",
        )
        for record in self._newest:
            for word in VERDICTS:
                verdict.add_metric((record.target, record.run, word), float(record.verdict == word))
            with suppress(ValueError):  # in a record that somebody has edited
                moment = datetime.fromisoformat(record.started).timestamp()
                started.add_metric((record.target, record.run), moment)
        yield from (verdict, started)

    def _figures(self) -> Iterator[Metric]:
        for unit, (base, factor) in BASE.items():
            value = GaugeMetricFamily(
                f"benchkit_judged_{base}",
                f"Figures of the newest run that a budget judges, given there in {unit}.",
                labels=WHERE,
                unit=base,
            )
            limit = GaugeMetricFamily(
                f"benchkit_budget_{base}",
                "The budgets that they are held against.",
                labels=WHERE,
                unit=base,
            )
            for target, path, each in self._verdicts(unit):
                labels = (*_path_labels(target, path), each.metric, each.percentile)
                limit.add_metric(labels, each.limit * factor)
                if each.measured is not None:
                    lost = each.measured.value is None
                    figure = float("inf") if lost else (each.measured.value or 0.0) * factor
                    value.add_metric(labels, figure)
            yield from (value, limit)

    def _paths(self) -> Iterator[Metric]:
        """Of each path of the newest runs whether it kept its promises, and how many packets were due and lost."""
        passes = GaugeMetricFamily(
            "benchkit_path_passes",
            "1 where every budget of the path was kept in the newest run, else 0.",
            labels=PATH,
        )
        fails = GaugeMetricFamily(
            "benchkit_path_fails",
            "1 where a budget of the path was broken in the newest run, 0 where none was for sure, or the run was unfit.",
            labels=PATH,
        )
        due = GaugeMetricFamily(
            "benchkit_newest_due", "Packets or requests due in the newest run.", labels=COUNTED
        )
        lost = GaugeMetricFamily("benchkit_newest_lost", "Those that were lost.", labels=COUNTED)
        for record in self._newest:
            for path in record.paths:
                labels = _path_labels(record.target, path)
                if path.verdicts:
                    passes.add_metric(labels, float(path.verdict == "pass"))
                    fails.add_metric(labels, float(path.verdict == "fail"))
                # Two metrics of one name in one phase would be two samples of one name: the first stands.
                own = {(each.metric, each.phase): each for each in reversed(path.metrics)}
                for (metric, phase), each in own.items():
                    due.add_metric((*labels, metric, phase), each.n)
                    lost.add_metric((*labels, metric, phase), each.lost)
        yield from (passes, fails, due, lost)

    def _verdicts(self, unit: str) -> Iterator[tuple[str, PathRecord, Verdict]]:
        for record in self._newest:
            for path in record.paths:
                # Two budgets on one figure would be two samples of one name: the first stands.
                own = {(each.metric, each.percentile): each for each in reversed(path.verdicts)}
                yield from (
                    (record.target, path, each) for each in own.values() if each.unit == unit
                )


class Exposition:
    """The last picture as text, for each form a scraper may want; drawn at most once a second."""

    def __init__(self) -> None:
        """Have none yet."""
        self._kept: dict[str, tuple[int, bytes, str]] = {}
        self._lock = asyncio.Lock()

    async def metrics(self, request: web.Request) -> web.Response:
        """GET /metrics."""
        desk, accept = request.app[DESK], request.headers.get("Accept", "")
        wanted = accept if "text/plain" in accept else "application/openmetrics-text"
        encode, content_type = choose_encoder(wanted)
        async with self._lock:
            made, body, kind = self._kept.get(content_type, (-FRESH_NS, b"", content_type))
            if monotonic_ns() - made >= FRESH_NS:
                listing = await desk.listing()
                registry = CollectorRegistry()
                registry.register(
                    Snapshot(listing, await asyncio.to_thread(_newest, desk, listing))
                )
                body = encode(registry)
                self._kept[content_type] = (monotonic_ns(), body, kind)
        return web.Response(body=body, headers={"Content-Type": kind})


def _path_labels(target: str, path: PathRecord) -> tuple[str, str, str, str]:
    return target, path.path, path.near, path.far


def _newest(desk: Desk, listing: Listing) -> list[RunRecord]:
    found: dict[str, RunRecord] = {}
    for row in listing.rows:
        if row.state == "kept" and row.target not in found:
            try:
                found[row.target] = desk.record(row.run)
            except AskedWronglyError:  # damaged: the one before it, if any
                continue
    return list(found.values())
