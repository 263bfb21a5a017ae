"""Many flows of one congestion control through one link, simulated: what no one machine can emulate.

Whole segments in steps of a tenth of the round trip or less (`simulation_pipe`), acknowledged and missed as a receiver
of Linux does (`simulation_notices`), windows as its senders move them (`simulation_senders`, `simulation_cubic`,
`simulation_bbr`). tests/benchmarks/validate_simulation.py holds it against what an emulated path gives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchkit.planning.framing import Framing
from benchkit.planning.simulation_bbr import Bbr
from benchkit.planning.simulation_cubic import Cubic
from benchkit.planning.simulation_notices import Notices
from benchkit.planning.simulation_pipe import Pipe
from benchkit.planning.simulation_senders import Reno

# Steps in a round trip: so few where it holds many segments, more where one segment counts.
STEPS, MOST_STEPS, FINE = 10, 40, 400.0
RAMPED_SHARE = 0.9  # of the later half's rate
PERCENTILES = (50, 95, 99, 100)
_BIN_S = 0.1
OFFLOAD_OCTETS = 65_536  # GSO_LEGACY_MAX_SIZE


@dataclass(frozen=True, slots=True)
class Scenario:
    """A link, and the flows through it, which all start at once. Rate in bit/s on the wire; loss is a share.

    `window_octets` bounds each flow's window, as socket buffers do; None does not. `offload_octets` is the most that a
    sender hands to its device at once.
    What comes before `skip_ns` does not count; without it, what comes before the ramp's end.
    """

    rate_bps: float
    rtt_ns: float
    buffer_octets: float
    loss: float = 0.0
    flows: int = 1
    congestion: str = "cubic"
    duration_ns: int = 60_000_000_000
    framing: Framing = Framing()  # noqa: RUF009  it is frozen
    window_octets: float | None = None
    offload_octets: float = OFFLOAD_OCTETS
    skip_ns: int | None = None
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Simulated:
    """What came of it, after the ramp. Rates in bit/s of data, queueing delay in seconds by percentile.

    `fairness` is Jain's index over the flows, 1 where all get the same; `lost` and `dropped` are shares of what
    was sent, lost at random and by a full queue.
    """

    goodput_bps: float
    utilisation: float
    fairness: float
    ramp_s: float
    queueing_s: dict[int, float]
    lost: float
    dropped: float
    path_s: float
    steps: int


def simulate(scenario: Scenario) -> Simulated:
    """Run the flows for `duration_ns` of path time. Raises ValueError for a scenario without flows, rate, or a round trip."""
    if scenario.flows < 1 or scenario.rate_bps <= 0 or scenario.rtt_ns <= 0:
        raise ValueError(f"simulation: {scenario} has no flow, no rate or no round trip")
    framing = scenario.framing
    step_s, delay = _grid(scenario)
    random = np.random.default_rng(scenario.seed)
    capacity = framing.frames_per_second(scenario.rate_bps) * step_s
    room = scenario.buffer_octets / framing.wire_octets
    pipe = Pipe(capacity, room, delay, scenario.loss, random)
    course = _run(pipe, _sender(scenario, step_s, delay, random), scenario, step_s, delay)
    return _summary(course, scenario, pipe, step_s)


def _grid(scenario: Scenario) -> tuple[float, int]:
    """The length of a step in seconds, and how many of them are the round trip.

    A segment is on its way when its last bit is out: its own time on the wire is part of the round trip. Where
    that is longer than a step, the line takes whole steps for it, and only the last is not yet counted.
    """
    rtt_s, wire_s = scenario.rtt_ns / 1e9, scenario.framing.serialization_s(scenario.rate_bps)
    steps = min(MOST_STEPS, max(STEPS, math.ceil(FINE * wire_s / rtt_s)))
    step_s = rtt_s / steps
    if wire_s <= step_s:
        return (rtt_s + wire_s) / steps, steps
    step_s = wire_s / round(wire_s / step_s)
    return step_s, round(rtt_s / step_s) + 1


def _sender(
    scenario: Scenario, step_s: float, delay: int, random: np.random.Generator
) -> Reno | Bbr:
    most = math.inf
    if scenario.window_octets is not None:
        most = max(2.0, scenario.window_octets / scenario.framing.segment_octets)
    if scenario.congestion == "bbr":
        return Bbr(scenario.flows, step_s, delay, most, random)
    if scenario.congestion == "reno":
        return Reno(scenario.flows, step_s, delay, most)
    offload = scenario.offload_octets / scenario.framing.segment_octets
    return Cubic(scenario.flows, step_s, delay, most, offload)


@dataclass(frozen=True, slots=True)
class _Course:
    came: NDArray[np.float64]  # segments of each flow in each bin, of shape (bins, flows)
    waiting: NDArray[np.float64]  # queueing delay in steps, of shape (steps,)
    bin_steps: int
    sent: float


def _run(pipe: Pipe, sender: Reno | Bbr, scenario: Scenario, step_s: float, delay: int) -> _Course:
    steps = max(2 * delay, round(scenario.duration_ns / 1e9 / step_s))
    bin_steps = max(1, round(_BIN_S / step_s))
    came = np.zeros((-(-steps // bin_steps), scenario.flows))
    waiting = np.zeros(steps)
    notices = Notices(scenario.flows, step_s, delay)
    sent_all, stirred = 0.0, True
    for number in range(steps):
        # A window that nothing has moved since lets nothing go.
        sent = sender.send(number) if stirred or sender.paced else None
        total = 0.0 if sent is None else float(sent.sum())
        sent_all += total
        stirred = False
        arrived = pipe.step(number, sent if total else None)
        for each in arrived:
            came[number // bin_steps] += each.came
            for heard in notices.told(number, each, sender.recovering):
                sender.hear(number, heard)
                stirred = True
        if not arrived:
            for heard in notices.waited(number, sender.recovering):
                sender.hear(number, heard)
                stirred = True
        waiting[number] = pipe.queueing_steps
    return _Course(came, waiting, bin_steps, sent_all)


def _summary(course: _Course, scenario: Scenario, pipe: Pipe, step_s: float) -> Simulated:
    steps = course.waiting.size
    bins = steps // course.bin_steps  # a last bin that is not whole says nothing
    whole = course.came[:bins] if bins else course.came
    ramp = _ramp_bins(whole.sum(axis=1))
    first = ramp if scenario.skip_ns is None else _bins_of(scenario.skip_ns, course, step_s)
    plateau = whole[first:]
    each = plateau.sum(axis=0)
    lasted_s = plateau.shape[0] * min(course.bin_steps, steps) * step_s
    segment_bits = scenario.framing.segment_octets * 8
    goodput = float(each.sum()) * segment_bits / lasted_s
    waiting_s = course.waiting[first * course.bin_steps :] * step_s
    return Simulated(
        goodput_bps=goodput,
        utilisation=goodput / scenario.framing.goodput_bps(scenario.rate_bps),
        fairness=jain(each),
        ramp_s=ramp * course.bin_steps * step_s,
        queueing_s={share: float(np.percentile(waiting_s, share)) for share in PERCENTILES},
        lost=pipe.lost / course.sent,
        dropped=pipe.dropped / course.sent,
        path_s=steps * step_s,
        steps=steps,
    )


def _bins_of(skip_ns: int, course: _Course, step_s: float) -> int:
    """How many bins that time is; at least the last one stays."""
    bins = round(skip_ns / 1e9 / (course.bin_steps * step_s))
    return min(bins, course.waiting.size // course.bin_steps - 1)


def jain(shares: NDArray[np.float64]) -> float:
    """Jain's fairness index of what each flow got, of shape (n,): (sum x)^2 / (n sum x^2), from 1/n to 1."""
    squares = float((shares**2).sum())
    return float(shares.sum()) ** 2 / (shares.size * squares) if squares else 1.0


def _ramp_bins(totals: NDArray[np.float64]) -> int:
    """How many bins pass before the rate first comes near that of the later half."""
    level = RAMPED_SHARE * float(totals[totals.size // 2 :].mean())
    return int(np.argmax(totals >= level))
