"""Measure a real path, and say it as a model."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchkit.campaign.discovery import AUTO, TRY, TRY_TIMEOUT_NS, addresses, candidates
from benchkit.campaign.events import Observer, PhaseBegan, Said
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.live import LiveFigures, settled
from benchkit.campaign.phases import IDLE, Phase
from benchkit.campaign.reach import Reach, RoundTrips
from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import BenchkitError, MeasureError, UnfitError
from benchkit.linux import process
from benchkit.linux.channel import Channel
from benchkit.model.place import PathModel
from benchkit.model.samples import Samples
from benchkit.model.stamp_options import StampOptions
from benchkit.probes.door import run_probe
from benchkit.stats.path_fit import FEWEST_ANSWERS, STEP_NS, fit_table, fit_trace
from benchkit.stats.round_trip import as_latencies, network_ns, that_left
from benchkit.testbeds.namespaces import NamespaceExecutor, NamespaceTestbed
from benchkit.units import by_number, show_count, show_figure

TIMEOUT_NS = NS_PER_S
COMPARED = ("p50", "p95", "p99", "p99.9")
PRELOADED = ("benchkit.probes.door", "benchkit.emulators.line")
START_S = 15.0
HERE, THERE = "here", "there"
MODEL = "model"


@dataclass(frozen=True)
class MeasurementTask:
    """What to measure, and how (RFC 7594). `probe` and `port` None are whatever answers first, `stamp` None as well as it does."""

    address: str
    duration_ns: int
    rate_per_s: float
    probe: str | None = None
    port: int | None = None
    traced: bool = False
    stamp: StampOptions | None = None
    checked: bool = True

    @property
    def phase(self) -> Phase:
        """How long and how fast."""
        return Phase(IDLE, "", (), self.duration_ns, self.rate_per_s)

    def began(self, index: int) -> PhaseBegan:
        """What those who watch are told as the path (0) or its model (1) is measured."""
        seconds, total = self.duration_ns / NS_PER_S, 1 + self.checked
        packets = show_count(self.phase.packets, "packet")
        words = (
            f"{self.address}: {packets}, {show_figure(self.rate_per_s)}/s",
            "the model, to see that it is the same",
        )
        return PhaseBegan(words[index], index, total, seconds, (total - index) * seconds)


@dataclass(frozen=True)
class Recorded:
    """A path as it was measured: by which probe, its latencies in ns in time order, of shape (n,) (+inf lost), its model."""

    probe: str
    latencies_ns: NDArray[np.float64]
    model: PathModel


def record_path(task: MeasurementTask, observe: Observer) -> Recorded:
    """Measure the path to the address and fit a model, and tell how far it is.

    Raises MeasureError for a name that does not resolve, and where nothing answers or too little; UnfitError where the
    probe takes far longer than it should.
    """
    found = addresses(task.address)
    process.warm_up(PRELOADED)
    with Channel() as channel, NamespaceTestbed({HERE: None}) as testbed:
        site = testbed.sites[HERE]
        way = _what_answers(task, found, site, channel, observe)
        observe(task.began(0))
        spec = way.round_trips(task.address, task.phase, 1, TIMEOUT_NS)
        rows = measured(spec, site, channel, observe)
    observe(settled(rows))
    rows = that_left(rows)
    latencies, _ = as_latencies(network_ns(rows), rows.columns["received_ns"])
    answered = int(np.isfinite(latencies).sum())
    if answered < FEWEST_ANSWERS:
        raise MeasureError(
            f"{task.address}: {answered} of {show_count(task.phase.packets, 'packet')} {by_number(answered, 'was', 'were')} answered, and a model needs "
            f"{FEWEST_ANSWERS}: measure longer with --duration"
        )
    if task.traced:
        due = rows.columns["due_ns"].data
        model = fit_trace(latencies, due, max(STEP_NS, 10 * task.phase.interval_ns))
    else:
        model = fit_table(latencies, task.phase.interval_ns)
    return Recorded(way.words(), latencies, replace(model, origin=f"recorded from {task.address}"))


def _ways(task: MeasurementTask, found: Sequence[str]) -> Iterator[Reach]:
    """What may answer, the most exact first."""
    if task.probe == "connect" and task.port:
        return candidates(found, f"tcp {task.port}")
    if task.probe == "connect":
        return (way for way in candidates(found, AUTO) if way.probe == "connect")
    ways = candidates(found, task.probe or AUTO, task.stamp)
    return (replace(way, port=task.port) if task.port else way for way in ways)


def _what_answers(
    task: MeasurementTask,
    found: Sequence[str],
    site: NamespaceExecutor,
    channel: Channel,
    observe: Observer,
) -> Reach:
    """The first way that is answered."""
    silent, told = [], set[str]()  # a way may be tried in two forms, which are one to a reader
    for way in _ways(task, found):
        try:
            measured(way.round_trips("", TRY, 1, TRY_TIMEOUT_NS), site, channel, observe)
        except (MeasureError, UnfitError) as error:
            silent.append(way.words())
            said = f"{way.words()}: {error.args[0].removeprefix(': ')}"
            if said not in told:
                observe(Said(said))
            told.add(said)
            continue
        observe(Said(f"{way.words()}: answers"))
        return way
    raise MeasureError(
        f"nothing answers at {task.address} ({', '.join(dict.fromkeys(silent))}): is it up? Start `benchkit agent` "
        "there, name a TCP port with --port, or give the key that its agent wants with --stamp-key"
    )


def measured(
    spec: RoundTrips, site: NamespaceExecutor, channel: Channel, observe: Observer
) -> Samples:
    """Run one probe to its end and return its rows.

    Raises what it failed with, and UnfitError where it gave none.
    """
    harvest = Harvest()
    harvest.open_session(spec.path, spec.phase, ours=False)
    live = LiveFigures(observe, harvest.departed)
    token = f"recording-{monotonic_ns()}"
    future = site.submit(run_probe, spec, channel.address(token))
    for batch in _batches(channel, token, future):
        harvest.add(batch)
        live.take(batch)
    future.result()
    rows = harvest.samples("rtt", spec.path, spec.phase)
    if rows is None:
        raise UnfitError("the probe ended without a round trip: run again")
    return rows


def _batches(channel: Channel, token: str, future: Future[int]) -> Iterator[Samples]:
    while True:
        try:
            message = channel.messages.get(timeout=0.1)
        except queue.Empty:
            if future.done() and isinstance(future.exception(), BenchkitError):
                return
            continue
        if message.token != token:
            continue
        if message.kind == "end":
            return
        if isinstance(message.body, Samples):
            yield message.body
