"""Measure a real path, say it as a model, and check that the model gives the same figures back."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchkit.campaign.discovery import AUTO, TRY, TRY_TIMEOUT_NS, addresses, candidates
from benchkit.campaign.events import Observer, PhaseBegan, Said
from benchkit.campaign.fitness import line_troubles
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.live import LiveFigures, settled
from benchkit.campaign.phases import IDLE, Phase
from benchkit.campaign.reach import Reach, RoundTrips
from benchkit.clock import NS_PER_MS, NS_PER_S, monotonic_ns
from benchkit.emulators.choice import choose
from benchkit.errors import BenchkitError, MeasureError, UnfitError
from benchkit.linux import process
from benchkit.linux.channel import Channel
from benchkit.model.place import Path, PathModel
from benchkit.model.responder_spec import STAMP_PORT, ReflectorSpec
from benchkit.model.samples import Samples
from benchkit.model.spec import StampSpec
from benchkit.model.stamp_options import StampOptions
from benchkit.probes.door import run_probe
from benchkit.stats.effective import effective_size
from benchkit.stats.interval import Interval
from benchkit.stats.path_fit import FEWEST_ANSWERS, STEP_NS, fit_table, fit_trace
from benchkit.stats.percentiles import percentile_intervals
from benchkit.stats.rates import loss_interval
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


@dataclass(frozen=True)
class Agreement:
    """One figure of the path and of its model, percentiles in ms and loss in %, and how far apart they may be."""

    name: str
    unit: str
    path: float
    model: float
    tolerance: float

    @property
    def within(self) -> bool:
        """Whether the model gives it back. Both lost is the same too."""
        if not (np.isfinite(self.path) and np.isfinite(self.model)):
            return bool(self.path == self.model)
        return abs(self.path - self.model) <= self.tolerance


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
        rows = _measured(spec, site, channel, observe)
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
        model = fit_table(latencies)
    return Recorded(way.words(), latencies, replace(model, origin=f"recorded from {task.address}"))


def compare(
    recorded: Recorded, task: MeasurementTask, tolerance_ns: int, observe: Observer
) -> list[Agreement]:
    """Run the model, measure it as the path was, and hold the percentiles against each other.

    Each may be off by the tolerance, or by what the intervals of both allow, whichever is more.
    Raises UnfitError where the model cannot be emulated, or comes out otherwise on a machine that was too busy for it.
    """
    again, troubles = _emulated(recorded.model, task, tolerance_ns, observe)
    first = percentile_intervals(recorded.latencies_ns, COMPARED)
    second = percentile_intervals(again, COMPARED)
    to_ms = 1 / NS_PER_MS
    rows = [
        _agreement(name, "ms", first[name].scaled(to_ms), second[name].scaled(to_ms), tolerance_ns)
        for name in COMPARED
    ]
    rows.append(_agreement("loss", "%", _loss(recorded.latencies_ns), _loss(again), 0))
    if troubles and out_of_reach(rows):
        raise UnfitError(f"the model cannot be held against the path here: {troubles[0]}")
    return rows


def _agreement(
    name: str, unit: str, path: Interval, model: Interval, tolerance_ns: int
) -> Agreement:
    chance = _half_width(path) + _half_width(model)
    allowed = max(tolerance_ns / NS_PER_MS, chance)
    return Agreement(name, unit, path.value, model.value, allowed)


def _loss(latencies_ns: NDArray[np.float64]) -> Interval:
    lost = np.isinf(latencies_ns)
    return loss_interval(int(lost.sum()), lost.size, effective_n=effective_size(lost))


def _half_width(interval: Interval) -> float:
    """How far the figure itself may be off; by its nearer end where the other is open."""
    ends = [abs(end - interval.value) for end in (interval.low, interval.high) if np.isfinite(end)]
    return max(ends, default=0.0) if np.isfinite(interval.value) else 0.0


def _emulated(
    model: PathModel, task: MeasurementTask, tolerance_ns: int, observe: Observer
) -> tuple[NDArray[np.float64], list[str]]:
    """The latencies of the model, and what kept the emulator from giving them as they should be."""
    path = Path("here-there", HERE, THERE, model)
    choice = choose("auto")
    with choice.emulate((path,), 1) as emulation, Channel() as channel:
        far = emulation.ends[path.name].far
        with NamespaceTestbed(emulation.namespaces) as testbed:
            reflector = ReflectorSpec(far, STAMP_PORT)
            testbed.sites[THERE].submit(run_probe, reflector, channel.address("reflector"))
            _await_ready(channel)
            emulation.apply([model])
            spec = StampSpec(
                MODEL,
                IDLE,
                far,
                STAMP_PORT,
                1,
                task.phase.packets,
                task.phase.interval_ns,
                TIMEOUT_NS,
            )
            emulation.report()  # start its counts anew
            observe(task.began(1))
            rows = _measured(spec, testbed.sites[HERE], channel, observe)
            troubles = line_troubles(emulation.report(), tolerance_ns)
    # The reflector's dwell by its own stamps in the packets: good to microseconds, as the model is.
    latencies, _ = as_latencies(network_ns(rows), rows.columns["received_ns"])
    return latencies, troubles


def _await_ready(channel: Channel) -> None:
    try:
        message = channel.messages.get(timeout=START_S)
    except queue.Empty as error:
        raise UnfitError(
            f"the far end was not ready within {START_S:.0f} s: the machine is too busy; free a core"
        ) from error
    if message.kind != "ready":
        raise UnfitError("the far end ended before it was ready: run again")


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
            _measured(way.round_trips("", TRY, 1, TRY_TIMEOUT_NS), site, channel, observe)
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


def _measured(
    spec: RoundTrips, site: NamespaceExecutor, channel: Channel, observe: Observer
) -> Samples:
    """Run one probe to its end and return its rows. Raises what it failed with."""
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


def out_of_reach(found: Sequence[Agreement]) -> list[str]:
    """A sentence for each percentile that the model does not give back."""
    return [
        f"{one.name}: the path had {one.path:.3f} {one.unit}, the model gives {one.model:.3f} {one.unit}, "
        f"and {one.tolerance:.3f} {one.unit} apart is allowed: record longer, or with --trace if the path changed meanwhile"
        for one in found
        if not one.within
    ]
