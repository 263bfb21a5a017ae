"""Asked against got of the wire itself, without any delay: its rate, its buffer, and the largest packet it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from benchkit.campaign import phases
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.phases import Phase
from benchkit.clock import NS_PER_MS, NS_PER_S
from benchkit.emulators.link import Ends
from benchkit.emulators.wiring import super_packet_octets
from benchkit.model.bulk_spec import BurstSinkSpec, BurstSpec
from benchkit.model.place import Path, PathModel
from benchkit.model.record import Calibration
from benchkit.model.samples import ARRIVALS, BURST, Samples
from benchkit.model.spec import Spec
from benchkit.planning.framing import Framing
from benchkit.stats.rates import plateau
from benchkit.units import show_duration, show_octets

PORT = 8621
UP = {phases.WIRE_UP: True, phases.WIRE_DOWN: False}
QUANTITIES = ("rate", "buffer", "mtu")
DIRECTIONS = ((phases.WIRE_UP, "forward"), (phases.WIRE_DOWN, "backward"))
# Sizes around the MTU that is asked for, and those that are usual: the largest that arrives is the MTU.
AROUND = (-8, -1, 0, 1, 8)
USUAL = (576, 1280, 1500, 9000)
LARGEST_PACKET = 65_535
MOST_AT_ONCE = 65_000  # of UDP, with its headers below 64 KiB
# A sender twice as fast as the path fills its buffer with twice its octets, one an eighth faster with eight times.
FILL, LEAST_EXCESS = 8, 1.15
MOST_OCTETS, LONGEST_NS = 64 << 20, 2 * NS_PER_S
SETTLE_NS = 10 * NS_PER_MS
SINK_PAUSES = 8  # before the burst, after each try of it, and some
RATE_TOLERANCE = BUFFER_TOLERANCE = 0.1
FRAMES_OFF = 3
NEARLY_FULL, LEAST_FULL = 0.95, 20


def jobs(path: Path, phase: Phase, ends: Ends) -> Mapping[str, tuple[str, Spec]]:
    """What runs at the two ends of a path in a wire phase, by kind: (site, spec)."""
    if path.model is None:
        return {}
    up, model = UP[phase.name], path.model
    source, sink = (path.near, path.far) if up else (path.far, path.near)
    address = ends.far if up else ends.near
    pause = _drains_ns(model) + SETTLE_NS
    burst = BurstSpec(
        path=path.name,
        phase=phase.name,
        address=address,
        port=PORT,
        mtu=model.mtu,
        sizes=_sizes(model.mtu),
        octets=_burst_octets(model),
        at_once=min(super_packet_octets(model, splits=False), MOST_AT_ONCE),
        enough_ns=_on_wire_ns(model, _burst_octets(model)),
        pause_ns=pause,
    )
    taking = BurstSinkSpec(
        path=path.name,
        phase=phase.name,
        address=address,
        port=PORT,
        mtu=model.mtu,
        sizes=len(burst.sizes),
        lasts_ns=SINK_PAUSES * pause,
    )
    return {BURST: (source, burst), ARRIVALS: (sink, taking)}


def _sizes(mtu: int) -> tuple[int, ...]:
    near = {mtu + off for off in AROUND}
    return tuple(sorted(size for size in {*near, *USUAL} if size <= LARGEST_PACKET))


def _drains_ns(model: PathModel) -> int:
    """How long a full buffer takes to run dry; 0 without one."""
    if model.rate_bps is None or model.buffer_octets is None:
        return 0
    return model.buffer_octets * 8 * NS_PER_S // model.rate_bps


def _on_wire_ns(model: PathModel, octets: int) -> int:
    """How long a burst of so many octets may take, to be fast enough to fill the buffer."""
    if model.rate_bps is None:
        return 0
    return round(
        octets * _frame(model) / model.mtu * 8 * NS_PER_S / (LEAST_EXCESS * model.rate_bps)
    )


def _frame(model: PathModel) -> int:
    """The octets of the largest packet on the wire."""
    return Framing(model.mtu).wire_octets


def _burst_octets(model: PathModel) -> int:
    """How much to send to fill the buffer; 0 where there is none, or that would take too much."""
    drains = _drains_ns(model)
    octets = FILL * (model.buffer_octets or 0) + 100 * model.mtu
    return octets if 0 < drains <= LONGEST_NS and octets <= MOST_OCTETS else 0


def calibrations(path: Path, harvest: Harvest) -> Iterator[Calibration]:
    """The rows of a modelled path: what it was asked for and what it gave, in each direction."""
    if path.model is None:
        return
    yield from _rates(path, path.model, harvest)
    for phase, direction in DIRECTIONS:
        sent = harvest.samples(BURST, path.name, phase)
        arrived = harvest.samples(ARRIVALS, path.name, phase)
        if sent is not None and arrived is not None and len(sent):
            yield _mtu(path.name, direction, path.model, arrived)
            yield from _buffer(path.name, direction, path.model, sent, arrived)


def unmeasured(paths: Sequence[Path], harvest: Harvest) -> Iterator[str]:
    """A sentence for the buffers that are too large to be filled, and one for those that this machine could not, if any."""
    large, slow = list[str](), dict[str, float]()
    for path, (phase, direction) in product(paths, DIRECTIONS):
        sent = harvest.samples(BURST, path.name, phase)
        if path.model is None or not _drains_ns(path.model) or sent is None:
            continue
        if not _burst_octets(path.model):
            large.append(f"{path.name} {direction}")
        elif len(_when_full(path.model, sent)) < LEAST_FULL:
            slow[f"{path.name} {direction}"] = _offered_bps(sent, path.model)
    if large:
        yield (
            f"the buffers of {', '.join(large)} were not measured: so large a one takes too long to fill; "
            f"{show_duration(LONGEST_NS)} at the path's rate, or {show_octets(MOST_OCTETS // FILL)}, is the most that is tried"
        )
    if slow:
        yield (
            f"the buffers of {', '.join(slow)} were not measured: this machine sends "
            f"{min(slow.values()) / 1e9:.1f} Gbit/s now, too little to fill them at the path's rate"
        )


def _rates(path: Path, model: PathModel, harvest: Harvest) -> Iterator[Calibration]:
    """The rate on the wire that one TCP stream without delay gets through."""
    for phase, direction in ((phases.RATE_UP, "forward"), (phases.RATE_DOWN, "backward")):
        rows = harvest.samples("goodput", path.name, phase)
        if rows is None or not len(rows) or model.rate_bps is None:
            continue
        columns = rows.columns
        level = plateau(columns["octets"].data, columns["start_ns"].data, columns["end_ns"].data)
        asked = model.rate_bps / 1e6
        got = level.goodput.value / Framing(model.mtu).share
        tolerance = RATE_TOLERANCE * asked
        yield _row(path.name, direction, "rate", "Mbit/s", (asked, got, tolerance, len(rows)))


def _mtu(path: str, direction: str, model: PathModel, arrived: Samples) -> Calibration:
    sizes = arrived.columns["sequence"].data < len(_sizes(model.mtu))
    octets = arrived.columns["octets"].data[sizes]
    largest = float(octets.max()) if len(octets) else 0.0
    return _row(path, direction, "mtu", "octets", (float(model.mtu), largest, 0.0, len(octets)))


def _buffer(
    path: str, direction: str, model: PathModel, sent: Samples, arrived: Samples
) -> Iterator[Calibration]:
    """What was queued in front of packets that came when the buffer was full, in octets on the wire.

    The median of many, for one that was released late says nothing of the buffer.
    """
    waited = _waits_ns(sent, arrived, _when_full(model, sent))
    if len(waited) < LEAST_FULL:
        return
    asked = float(model.buffer_octets or 0)
    got = float(np.median(waited)) * (model.rate_bps or 0) / (8 * NS_PER_S)
    tolerance = BUFFER_TOLERANCE * asked + FRAMES_OFF * _frame(model)
    yield _row(path, direction, "buffer", "octets", (asked, got, tolerance, len(waited)))


def _when_full(model: PathModel, sent: Samples) -> NDArray[np.int64]:
    """The numbers of packets that found the buffer nearly full, by when they were sent and the path's rate."""
    if not _drains_ns(model):
        return np.empty(0, dtype=np.int64)
    first, frame, room = len(_sizes(model.mtu)), _frame(model), float(model.buffer_octets or 0)
    octets_per_ns = (model.rate_bps or 0) / (8 * NS_PER_S)
    numbers, times = (sent.columns[name].data.tolist() for name in ("sequence", "sent_ns"))
    queued, before, found = 0.0, 0, []
    for number, at in zip(numbers, times, strict=True):
        if number < first:
            continue
        queued = max(0.0, queued - (at - before) * octets_per_ns)
        before = at
        if queued >= NEARLY_FULL * room:
            found.append(number)
        if queued + frame <= room:
            queued += frame
    return np.array(found, dtype=np.int64)


def _waits_ns(sent: Samples, arrived: Samples, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """How long the wanted packets that arrived were on their way, beyond the quickest of all: a lone one, most likely."""
    if not len(wanted):
        return wanted
    numbers, times = (sent.columns[name].data for name in ("sequence", "sent_ns"))
    came, stamps = (arrived.columns[name].data for name in ("sequence", "t2_ns"))
    left = dict(zip(numbers.tolist(), times.tolist(), strict=True))
    took = {
        number: stamp - left[number]
        for number, stamp in zip(came.tolist(), stamps.tolist(), strict=True)
        if number in left
    }
    quickest = min(took.values(), default=0)
    waits = [took[number] - quickest for number in wanted.tolist() if number in took]
    return np.array(waits, dtype=np.int64)


def _offered_bps(sent: Samples, model: PathModel) -> float:
    """How fast the burst was sent, on the wire."""
    first = len(_sizes(model.mtu))
    ours = sent.columns["sequence"].data >= first
    times = sent.columns["sent_ns"].data[ours]
    took = int(times.max() - times.min()) if len(times) else 0
    frames = int((times < times.max()).sum()) if len(times) else 0
    return frames * _frame(model) * 8 * NS_PER_S / took if took else 0.0


def _row(
    path: str,
    direction: str,
    quantity: str,
    unit: str,
    figures: tuple[float, float, float, int],
) -> Calibration:
    asked, got, tolerance, n = figures
    within = abs(got - asked) <= tolerance
    if unit == "octets":  # there is no part of one, and a record keeps whole numbers whole
        got, tolerance = float(round(got)), float(round(tolerance))
    return Calibration(
        path=path,
        direction=direction,
        quantity=quantity,
        unit=unit,
        asked=asked,
        got=got,
        tolerance=tolerance,
        n=n,
        within=within,
    )
