"""The shape of target and seeds files: which keys there are. What each value looks like is in `values`.

What one key says about another (a name, a citation, a unit that depends on the metric) is in `crosschecks`.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from benchkit.model.schedule import Pacing, Schedule
from benchkit.targets.mesh import Mesh
from benchkit.targets.stamp_table import StampTable
from benchkit.targets.table import Table
from benchkit.targets.values import (
    Address,
    BitRate,
    Congestion,
    Delay,
    Limit,
    Line,
    Name,
    OfferedRate,
    Pace,
    Period,
    PositiveShare,
    ReachWord,
    Schema,
    Share,
    Size,
    Step,
    Url,
    distinct,
    from_to,
    probe,
    schedule_of,
)
from benchkit.targets.workload_table import WorkloadTable


class SiteTable(Table):
    """A site: where it is, and how it is reached."""

    name: Name = Field(examples=['name = "guiyang"'])
    label: Line | None = None
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    address: Address | None = None
    reach: ReachWord = "auto"
    url: Url | None = None
    agent: bool = False
    http_port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    stream_port: Annotated[int, Field(ge=1, le=65_534)] | None = None  # requests have the next
    iperf3_user: Line | None = None
    iperf3_key: Line | None = None
    stream_key: Line | None = None
    request_key: Line | None = None
    stamp: StampTable | None = None


class BurstsTable(Table):
    """Losses in bursts, by the chances of Gilbert and Elliott's model."""

    enter: PositiveShare = Field(examples=['enter = "0.1 %"'])
    leave: PositiveShare = Field(examples=['leave = "20 %"'])
    bad_loss: Share = 1.0
    good_loss: Share = 0.0


class DeviationsTable(Table):
    """Jitter as it was measured: how far from the delay, each as likely as the next."""

    unit: Literal["us", "ms"] = Field(examples=['unit = "us"'])
    values: Annotated[
        tuple[float, ...], Field(strict=False), AfterValidator(from_to(2, 16_384))
    ] = Field(examples=["values = [-20, 0, 20]"])


class TraceTable(Table):
    """A delay over time: a value for each step."""

    unit: Literal["us", "ms"] = Field(examples=['unit = "ms"'])
    every: Step = Field(examples=['every = "1 s"'])
    values: Annotated[
        tuple[Annotated[float, Field(ge=0)], ...],
        Field(strict=False),
        AfterValidator(from_to(1, 100_000)),
    ] = Field(examples=["values = [5, 5.2, 7]"])


class WeatherTable(Table):
    """What may be said of one direction, or of all."""

    jitter: Delay | None = None
    distribution: Literal["normal", "pareto"] | None = None
    deviations: DeviationsTable | None = None
    loss: Share | None = None
    bursts: BurstsTable | None = None
    reorder: Share | None = None
    duplicate: Share | None = None
    trace: TraceTable | None = None


class DirectionTable(WeatherTable):
    """One direction, where it is not like the other."""

    delay: Delay | None = None


class SharedModelTable(WeatherTable):
    """What may be said of all paths at once."""

    route_factor: Annotated[float, Field(gt=0, le=100)] | None = None
    equipment: Delay | None = None
    rate: BitRate | None = None
    buffer: Size | None = None
    mtu: Annotated[int, Field(ge=576, le=65535)] | None = None


class ModelTable(SharedModelTable):
    """The model of one path."""

    delay: Delay | None = None
    forward: DirectionTable = DirectionTable()
    backward: DirectionTable = DirectionTable()


class BudgetTable(Table):
    """A promise: a documented fact or a limit in words, of one metric."""

    metric: Literal[
        "rtt",
        "icmp",
        "connect",
        "request",
        "http",
        "http-fresh",
        "http-load",
        "inference",
        "loss",
        "goodput",
        "ratio",
    ] = Field(examples=['metric = "rtt"'])
    percentile: Literal["p50", "p90", "p95", "p99", "p99.9", "max"] | None = None
    fact: str | None = None
    limit: Limit | None = None
    reading: Literal["round trip", "one way"] | None = None


class PathTable(Table):
    """A path between two sites, modelled unless it is real."""

    near: Name = Field(alias="from", examples=['from = "guiyang"'])
    far: Name = Field(alias="to", examples=['to = "hangzhou"'])
    name: Name | None = None
    real: bool = False
    model: ModelTable = ModelTable()
    budget: Annotated[tuple[BudgetTable, ...], Field(strict=False)] = ()


class MeterTable(Table):
    """Energy counters: an exporter's, or those of a recording."""

    name: Name = Field(examples=['name = "cluster"'])
    address: Line = Field(
        examples=['address = "http://exporter:9400/metrics", or the name of a CSV file']
    )
    total: Line = Field(examples=['total = "facility_energy_joules_total"'])
    equipment: Line = Field(examples=['equipment = "it_energy_joules_total"'])
    every: Period = 10**9
    budget: Annotated[tuple[BudgetTable, ...], Field(strict=False)] = ()


class DefaultsTable(Table):
    """What holds for every path that says nothing else."""

    model: SharedModelTable = SharedModelTable()
    budget: Annotated[tuple[BudgetTable, ...], Field(strict=False)] = ()


class PlanTable(Table):
    """What is measured, for how long and how fast."""

    probes: Annotated[
        tuple[Annotated[str, AfterValidator(probe)], ...],
        Field(strict=False),
        AfterValidator(distinct),
    ] = (
        "rtt",
        "http",
        "tcp",
    )
    duration: Period = 10 * 10**9
    rate: Pace = 500.0
    http_duration: Period = 4 * 10**9
    http_rate: Pace = 100.0
    load_duration: Period = 2 * 10**9
    load_rate: Pace = 200.0
    schedule: Annotated[Schedule, BeforeValidator(schedule_of)] = Schedule()
    pacing: Pacing = "timer"
    congestion: Congestion = "cubic"
    streams: Annotated[int, Field(ge=1, le=128)] = 1
    stream_mode: Literal["zero-copy", "copy", "verify"] = "zero-copy"
    window: Size | None = None
    udp_rate: OfferedRate = 10_000_000
    udp_payload: Annotated[int, Field(ge=24, le=65_507)] = 1400
    calibration: Period = 2 * 10**9
    tolerance: Period | None = None
    timeout: Period = 10**9
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 1


class TargetTable(Table):
    """A whole target file."""

    layout: Schema
    title: Line = Field(examples=['title = "My channels"'])
    question: Line | None = None
    context: Annotated[tuple[str, ...], Field(strict=False)] = ()
    defaults: DefaultsTable = DefaultsTable()
    site: Annotated[tuple[SiteTable, ...], Field(strict=False)] = ()
    path: Annotated[tuple[PathTable, ...], Field(strict=False)] = ()
    mesh: Mesh | None = None
    meter: Annotated[tuple[MeterTable, ...], Field(strict=False)] = ()
    plan: PlanTable = PlanTable()
    workload: Annotated[tuple[WorkloadTable, ...], Field(strict=False)] = ()


class FactTable(Table):
    """A figure of a document, and the words it stands in."""

    figure: Line = Field(examples=['figure = "10 ms"'])
    kind: Literal["latency", "capacity", "share", "ratio", "count", "statement"] = Field(
        examples=['kind = "latency"']
    )
    words: Line = Field(examples=['words = "what the source says"'])
    source: Line | None = None


class DocumentTable(Table):
    """A whole seeds file: what somebody has published."""

    layout: Schema
    title: Line = Field(examples=['title = "Service level agreement"'])
    publisher: Line = Field(examples=['publisher = "Operator"'])
    date: dt.date = Field(examples=["date = 2024-06-14"])
    source: Line = Field(examples=['source = "https://…"'])
    fact: dict[str, FactTable] = Field(
        examples=["[fact.rtt], with figure, kind and words below it"]
    )
