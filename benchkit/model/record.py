"""What a run leaves behind, apart from its raw samples: small, versioned, and written once.

Absent is None here and no key in the JSON; `lost` counts what a percentile took as infinite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchkit.model.account import OneWay, Parts

SCHEMA = 1
VERDICTS = ("pass", "fail", "inconclusive", "unfit")
WORST_FIRST = ("unfit", "fail", "inconclusive", "pass")
# How a note ends on a calibration that missed, where it was not given up yet.
TRIED_AGAIN = "; trying again"


def gravity(verdict: str) -> int:
    """The place of a verdict, the worst first; what nobody knows comes first of all.

    >>> sorted(["pass", "unfit", "fail"], key=gravity)
    ['unfit', 'fail', 'pass']
    """
    return WORST_FIRST.index(verdict) if verdict in WORST_FIRST else -1


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % interval, in the unit of its metric. No `high`: no upper end can be given.

    A percentile has its own `effective_n`: one that few packets are beyond may hang together less than the middle does.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    effective_n: int | None = None


@dataclass(frozen=True)
class Metric:
    """What one metric came to in one phase of one path.

    Latencies have `n` due, `lost`, `effective_n` (n less what autocorrelation takes) and `percentiles`;
    goodput has `estimate` against `configured`. All in `unit`. `unstamped` counts answers whose kernel
    stamps were missing: neither lost nor part of a percentile. `loss` is the loss ratio in percent. Of the `lost`,
    `lost_forward` went missing on the way there and `lost_backward` on the way back, where the far end counts.
    `duplicated` packets were answered more than once, `reordered` answers came after one to a later packet.
    `unsent` packets were due and this host was too busy to send them; `syn_retransmitted` connections had to send
    their SYN again. `remarks` are sentences about the far end. `parts` takes the latency apart, `one_way` its two
    directions. Under load `buffer_delay_percent` is that of RFC 6349, and `rpm` the responsiveness by foreign probes
    of draft-ietf-ippm-responsiveness. `below_floor` is said of what the instrument cannot tell from its own floor.
    `setup` says in words how a rate was measured.
    """

    metric: str
    phase: str
    unit: str
    n: int
    lost: int = 0
    unstamped: int = 0
    effective_n: int | None = None
    floor: float | None = None
    model: float | None = None
    configured: float | None = None
    percentiles: Mapping[str, Estimate] = field(default_factory=dict)
    estimate: Estimate | None = None
    limited_by: str | None = None
    setup: str | None = None
    details: Mapping[str, float] = field(default_factory=dict)
    lost_forward: int | None = None
    lost_backward: int | None = None
    duplicated: int | None = None
    reordered: int | None = None
    loss: Estimate | None = None
    remarks: tuple[str, ...] = ()
    parts: Parts | None = None
    one_way: OneWay | None = None
    buffer_delay_percent: float | None = None
    rpm: float | None = None
    syn_retransmitted: int | None = None
    unsent: int | None = None
    below_floor: bool | None = None


@dataclass(frozen=True)
class Verdict:
    """One budget held against one metric, measured in `phase`; None where nothing was.

    `headroom` is the distance from value to limit, positive when there is room. `reading` says how the
    document's words were taken: a "one way" budget is judged as twice its figure there and back.
    `judged` is what decided, where that is another than `measured`: wider by the emulator's own error, without which
    the figure may be `less_by` or `more_by`. Of several `looks` each had its share of the 5 % in which to err.
    """

    metric: str
    percentile: str
    limit: float
    unit: str
    verdict: str
    reason: str
    fact: str | None = None
    measured: Estimate | None = None
    headroom: float | None = None
    phase: str | None = None
    reading: str | None = None
    judged: Estimate | None = None
    looks: int | None = None
    less_by: float | None = None
    more_by: float | None = None


@dataclass(frozen=True)
class PathRecord:
    """A path as it was modelled, measured and judged. `model` describes the PathModel in plain values."""

    path: str
    near: str
    far: str
    verdict: str
    metrics: tuple[Metric, ...]
    verdicts: tuple[Verdict, ...]
    great_circle_km: float | None = None
    model: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Calibration:
    """One figure of one direction of one path (or "both"): what the model asked of the emulator, what it gave.

    `quantity` is "delay", "jitter", "loss", "loss after a loss", "reordering", "duplication", "trace", or of the
    wire "rate", "buffer" or "mtu", in `unit`. `n` counts what it rests on. `floor` is the same figure with no
    delay asked, where that says something.
    """

    path: str
    direction: str
    quantity: str
    unit: str
    asked: float
    got: float
    tolerance: float
    n: int
    within: bool
    floor: float | None = None

    def shown(self, value: float) -> str:
        """Give a figure in its unit as a person reads it: octets whole, the rest to a thousandth."""
        return f"{value:.0f}" if self.unit == "octets" else f"{value:.3f}"

    @property
    def miss(self) -> str:
        """What was asked, what was given and what may lie between them, in words."""
        counted = {"rate": "intervals", "loss after a loss": "losses"}.get(self.quantity, "packets")
        return (
            f"calibration of {self.path}, {self.direction}: asked for a {self.quantity} of {self.shown(self.asked)} "
            f"{self.unit}, got {self.shown(self.got)} {self.unit} from {self.n} {counted}, tolerance "
            f"{self.shown(self.tolerance)} {self.unit}"
        )


@dataclass(frozen=True)
class Instrument:
    """How well the instrument itself measured, in microseconds where the name says so.

    `floor_*` is the round trip with no delay emulated; `lateness_*` how late probes sent; `host_*` what
    user space adds to a kernel-stamped round trip; `line_lateness_*` how late the userspace line released;
    `collector_*` how often and for how long the garbage collector held up a process that measures.
    """

    stamps: str
    floor_p50_us: float | None = None
    floor_p99_us: float | None = None
    lateness_p50_us: float | None = None
    lateness_p99_us: float | None = None
    host_p50_us: float | None = None
    host_p99_us: float | None = None
    line_lateness_p50_us: float | None = None
    line_lateness_p95_us: float | None = None
    line_lateness_p99_us: float | None = None
    line_realtime: bool | None = None
    unstamped: int = 0
    line_drops: int = 0
    clock_steps: int = 0
    cpu_steal_percent: float | None = None
    cpu_busy_percent: float | None = None
    collector_pauses: int | None = None
    collector_longest_us: float | None = None
    clock: str | None = None


@dataclass(frozen=True)
class RunRecord:
    """One campaign, whole. `unfit` gives the reasons why this machine could not be trusted, if any.

    `scale` is what the rates of its paths were divided by. `coordinates` are latitude and longitude of its sites, in
    degrees, north and east positive; a site of which nobody said is absent. `labels` are what its sites are called on
    a map, by name; empty in a run older than they are.
    """

    run: str
    target: str
    title: str
    started: str
    duration_s: float
    emulator: str
    emulator_reason: str
    kernel: str
    verdict: str
    paths: tuple[PathRecord, ...]
    instrument: Instrument
    schema: int = SCHEMA
    name: str | None = None
    question: str = ""
    seed: int | None = None
    command: str = ""
    target_digest: str = ""
    interrupted: bool = False
    unfit: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    context: tuple[tuple[str, str, str], ...] = ()
    calibration: tuple[Calibration, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    scale: int | None = None
    coordinates: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_figures(self) -> bool:
        """Whether anything was measured on any path: a run may tell of nothing but why there is none."""
        return any(path.metrics for path in self.paths)

    @property
    def is_comparable(self) -> bool:
        """Whether others may be held against it: it has figures, of a fit machine, and was measured to its end."""
        return self.has_figures and not self.unfit and not self.interrupted
