"""A recorded path held against its model: whether an emulator here gives the same figures back."""

from __future__ import annotations

import queue
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchkit.campaign.events import Observer
from benchkit.campaign.fitness import LATENESS_SHARE, line_troubles
from benchkit.campaign.phases import FLOOR, IDLE, LEAST_ANSWERS
from benchkit.campaign.recording import HERE, THERE, TIMEOUT_NS, MeasurementTask, Recorded, measured
from benchkit.clock import NS_PER_MS
from benchkit.emulators.choice import choose
from benchkit.emulators.line import LineReport
from benchkit.errors import UnfitError
from benchkit.linux.channel import Channel
from benchkit.model.place import Path
from benchkit.model.responder_spec import STAMP_PORT, ReflectorSpec
from benchkit.model.spec import StampSpec
from benchkit.probes.door import run_probe
from benchkit.stats.effective import effective_size
from benchkit.stats.interval import Interval
from benchkit.stats.percentiles import percentile_intervals, percentile_share
from benchkit.stats.rates import loss_interval
from benchkit.stats.round_trip import as_latencies, network_ns
from benchkit.testbeds.namespaces import NamespaceExecutor, NamespaceTestbed

COMPARED = ("p50", "p95", "p99", "p99.9")
START_S = 15.0
MODEL = "model"
LOST = "lost"
FLOOR_INTERVAL_NS = 10_000_000


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

    @property
    def shown(self) -> tuple[str, str]:
        """Both figures without their unit, in words where a percentile is a lost packet."""
        path, model = (
            f"{each:.3f}" if np.isfinite(each) else LOST for each in (self.path, self.model)
        )
        return path, model


def compare(
    recorded: Recorded, task: MeasurementTask, tolerance_ns: int, observe: Observer
) -> list[Agreement]:
    """Run the model, measure it as the path was, and hold the percentiles against each other.

    Each may be off by the tolerance, or by what the intervals of both allow, whichever is more.
    Raises UnfitError where the model cannot be emulated, or comes out otherwise on a machine that was too busy for it.
    """
    again, report = _emulated(recorded, task, observe)
    first = percentile_intervals(recorded.latencies_ns, COMPARED)
    second = percentile_intervals(again, COMPARED)
    to_ms = 1 / NS_PER_MS
    rows = [
        _agreement(name, "ms", first[name].scaled(to_ms), second[name].scaled(to_ms), tolerance_ns)
        for name in COMPARED
    ]
    rows.append(_agreement("loss", "%", _loss(recorded.latencies_ns), _loss(again), 0))
    if troubles := _troubles(rows, report, tolerance_ns):
        raise UnfitError(f"the model cannot be held against the path here: {troubles[0]}")
    return rows


def _troubles(rows: Sequence[Agreement], report: LineReport | None, tolerance_ns: int) -> list[str]:
    """Why the emulator, not the model, is the reason that figures are not given back; nothing where they are.

    What moves p99 is late by 1 packet in 100 of both ways together, which none of a lower percentile need be.
    """
    shares = [
        float(percentile_share(row.name)) for row in rows if not row.within and row.unit == "ms"
    ]
    if not shares and all(row.within for row in rows):
        return []
    share = max(LATENESS_SHARE, (1 + min(shares, default=0.0)) / 2)
    return line_troubles(report, tolerance_ns, share)


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
    recorded: Recorded, task: MeasurementTask, observe: Observer
) -> tuple[NDArray[np.float64], LineReport | None]:
    """The latencies of the model, and what the emulator counted meanwhile.

    Raises UnfitError where the path is shorter than the emulator is with no delay.
    """
    model, asked = recorded.model, recorded.latencies_ns
    path = Path("here-there", HERE, THERE, model)
    choice = choose("auto")
    with choice.emulate((path,), 1) as emulation, Channel() as channel:
        far = emulation.ends[path.name].far
        with NamespaceTestbed(emulation.namespaces) as testbed:
            reflector = ReflectorSpec(far, STAMP_PORT)
            testbed.sites[THERE].submit(run_probe, reflector, channel.address("reflector"))
            site = testbed.sites[HERE]
            _await_ready(channel)
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
            emulation.apply([model.bare])
            bare = replace(spec, phase=FLOOR, count=LEAST_ANSWERS, interval_ns=FLOOR_INTERVAL_NS)
            see_reachable(task.address, asked, _latencies(bare, site, channel, observe))
            emulation.apply([model])
            emulation.report()  # start its counts anew
            observe(task.began(1))
            latencies = _latencies(spec, site, channel, observe)
            return latencies, emulation.report()


def see_reachable(
    address: str, asked_ns: NDArray[np.float64], floor_ns: NDArray[np.float64]
) -> None:
    """Whether the path to the address takes as long as packets do here with no delay: latencies in ns, shape (n,), +inf lost.

    Raises UnfitError where its median is less: no emulator makes packets faster.
    """
    asked, floor = (
        float(np.median(each[np.isfinite(each)])) / NS_PER_MS if np.isfinite(each).any() else None
        for each in (asked_ns, floor_ns)
    )
    if asked is not None and floor is not None and asked < floor:
        raise UnfitError(
            f"{address}: a delay of {asked:.3f} ms was asked for, and packets take {floor:.3f} ms here with none: "
            "such a model cannot be emulated here; record a longer path"
        )


def _latencies(
    spec: StampSpec, site: NamespaceExecutor, channel: Channel, observe: Observer
) -> NDArray[np.float64]:
    """Round trips in ns, of shape (n,), +inf lost; the reflector's dwell by its own stamps, good to microseconds as a model is."""
    rows = measured(spec, site, channel, observe)
    return as_latencies(network_ns(rows), rows.columns["received_ns"])[0]


def _await_ready(channel: Channel) -> None:
    try:
        message = channel.messages.get(timeout=START_S)
    except queue.Empty as error:
        raise UnfitError(
            f"the far end was not ready within {START_S:.0f} s: the machine is too busy; free a core"
        ) from error
    if message.kind != "ready":
        raise UnfitError("the far end ended before it was ready: run again")


def out_of_reach(found: Sequence[Agreement]) -> list[str]:
    """A sentence for each percentile that the model does not give back."""
    return [
        f"{one.name}: the path had {_worded(one, 0)}, the model gives {_worded(one, 1)}, "
        f"and {one.tolerance:.3f} {one.unit} apart is allowed: record longer, or with --trace if the path changed meanwhile"
        for one in found
        if not one.within
    ]


def _worded(one: Agreement, which: int) -> str:
    said = one.shown[which]
    return "a lost packet" if said == LOST else f"{said} {one.unit}"
