"""The shape of target and seeds files: which keys there are, and what each value looks like.

What one key says about another (a name, a citation, a unit that depends on the metric) is in `crosschecks`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from ipaddress import IPv6Address
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field

from benchkit import units
from benchkit.model.probe import PLAN_PROBES
from benchkit.model.schedule import Schedule, read_schedule
from benchkit.targets.problems import shown
from benchkit.targets.stamp_table import StampTable
from benchkit.targets.table import Table

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_CONGESTION = re.compile(r"[a-z0-9_]{1,15}")  # 16 octets of TCP_CA_NAME_MAX, one of them the end
_ADDRESS = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})")
_REACH = re.compile(r"auto|icmp|(?:stamp|twamp)(?: \d{1,5})?|tcp \d{1,5}")
_URL = re.compile(r"https?://[!-~]+")
_PORTS = 1 << 16
_MOST_PER_SECOND = 1e6

_Number = TypeVar("_Number", int, float)


def _quantity(parse: Callable[[str], _Number], example: str) -> Callable[[object], _Number]:
    def check(value: object) -> _Number:
        if not isinstance(value, str):
            raise ValueError(f"{shown(value)} must be a text with its unit, like {example!r}")  # noqa: TRY004  pydantic gathers ValueErrors
        return parse(value)

    return check


def _positive(text: str, number: float) -> None:
    if number <= 0:
        raise ValueError(f"{text!r} must be more than zero")


def _period(text: str) -> int:
    number = units.duration_ns(text)
    _positive(text, number)
    if number > units.duration_ns("24 h"):
        raise ValueError(f"{text!r} must be 24 h or less")
    return number


def _delay(text: str) -> int:
    number = units.duration_ns(text)
    if number > units.duration_ns("1 min"):
        raise ValueError(f"{text!r} must be 1 min or less")
    return number


def _pace(text: str) -> float:
    number = units.per_second(text)
    _positive(text, number)
    if number > _MOST_PER_SECOND:
        raise ValueError(f"{text!r} must be 1000000/s or less")
    return number


def _bit_rate(text: str) -> int:
    number = units.bits_per_second(text)
    _positive(text, number)
    return number


def _size(text: str) -> int:
    number = units.octets(text)
    _positive(text, number)
    return number


def _step(text: str) -> int:
    number = _period(text)
    if number < units.duration_ns("20 ms"):
        raise ValueError(f"{text!r} must be 20 ms or more: tc takes some of that for a change")
    return number


def _some(text: str) -> float:
    number = units.share(text)
    _positive(text, number)
    return number


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"{text!r} is not a name: use a to z, 0 to 9 and '-' within, at most 63 of them"
        )
    return text


def _line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError(f"{shown(text)} must be one line of text")
    return text


def _address(text: str) -> str:
    if not (_ADDRESS.fullmatch(text) or _is_ipv6(text)):
        raise ValueError(f"{text!r} is no host name, IPv4 or IPv6 address")
    return text


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _reach(text: str) -> str:
    _, _, port = text.partition(" ")
    if not _REACH.fullmatch(text) or (port and not 0 < int(port) < _PORTS):
        raise ValueError(
            f"{text!r} is no way to reach a site: write 'auto', 'stamp', 'stamp 8862', 'twamp', 'icmp', or 'tcp 443'"
        )
    return text


def _url(text: str) -> str:
    if not _URL.fullmatch(text):
        raise ValueError(f"{text!r} is no address of a page: write 'https://host/path'")
    return text


def _congestion(text: str) -> str:
    if not _CONGESTION.fullmatch(text):
        raise ValueError(f"{text!r} is not a congestion control: write 'cubic' or 'bbr'")
    return text


def _schedule(value: object) -> Schedule:
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} must be a text: 'periodic', 'poisson' or 'bursts of 8'")  # noqa: TRY004  as above
    return read_schedule(value)


def _probe(name: str) -> str:
    if name not in PLAN_PROBES:
        raise ValueError(f"{shown(name)} is no probe: write one of {', '.join(PLAN_PROBES)}")
    return name


def _distinct(probes: tuple[str, ...]) -> tuple[str, ...]:
    if not probes or len(set(probes)) != len(probes):
        raise ValueError(
            f"must name at least one of {', '.join(PLAN_PROBES)}, and each of them once"
        )
    return probes


def _from_to(fewest: int, most: int) -> Callable[[tuple[float, ...]], tuple[float, ...]]:
    """A list of so many values. Pydantic's own bound would count only those that are right."""

    def check(values: tuple[float, ...]) -> tuple[float, ...]:
        if not fewest <= len(values) <= most:
            raise ValueError(f"{len(values)} values: give {fewest} to {most}")
        return values

    return check


Name = Annotated[str, AfterValidator(_name)]
Line = Annotated[str, AfterValidator(_line)]
Period = Annotated[int, BeforeValidator(_quantity(_period, "10 s"))]
Delay = Annotated[int, BeforeValidator(_quantity(_delay, "10 ms"))]
Pace = Annotated[float, BeforeValidator(_quantity(_pace, "500/s"))]
BitRate = Annotated[int, BeforeValidator(_quantity(_bit_rate, "1 Gbit/s"))]
Size = Annotated[int, BeforeValidator(_quantity(_size, "1 MiB"))]
Share = Annotated[float, BeforeValidator(_quantity(units.share, "0.1 %"))]
PositiveShare = Annotated[float, BeforeValidator(_quantity(_some, "1 %"))]
Step = Annotated[int, BeforeValidator(_quantity(_step, "100 ms"))]
Schema = Annotated[Literal[1], Field(alias="schema")]


class SiteTable(Table):
    name: Name
    label: Line | None = None
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    address: Annotated[str, AfterValidator(_address)] | None = None
    reach: Annotated[str, AfterValidator(_reach)] = "auto"
    url: Annotated[str, AfterValidator(_url)] | None = None
    agent: bool = False
    stamp: StampTable | None = None


class BurstsTable(Table):
    enter: PositiveShare
    leave: PositiveShare
    bad_loss: Share = 1.0
    good_loss: Share = 0.0


class DeviationsTable(Table):
    unit: Literal["us", "ms"]
    values: Annotated[tuple[float, ...], Field(strict=False), AfterValidator(_from_to(2, 16_384))]


class TraceTable(Table):
    unit: Literal["us", "ms"]
    every: Step
    values: Annotated[
        tuple[Annotated[float, Field(ge=0)], ...],
        Field(strict=False),
        AfterValidator(_from_to(1, 100_000)),
    ]


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
    delay: Delay | None = None


class SharedModelTable(WeatherTable):
    route_factor: Annotated[float, Field(gt=0, le=100)] | None = None
    equipment: Delay | None = None
    rate: BitRate | None = None
    buffer: Size | None = None
    mtu: Annotated[int, Field(ge=576, le=65535)] | None = None


class ModelTable(SharedModelTable):
    delay: Delay | None = None
    forward: DirectionTable = DirectionTable()
    backward: DirectionTable = DirectionTable()


class BudgetTable(Table):
    metric: Literal[
        "rtt", "icmp", "connect", "request", "http", "http-fresh", "http-load", "loss", "goodput"
    ]
    percentile: Literal["p50", "p90", "p95", "p99", "p99.9", "max"] | None = None
    fact: str | None = None
    limit: str | None = None
    reading: Literal["round trip", "one way"] | None = None


class PathTable(Table):
    near: Name = Field(alias="from")
    far: Name = Field(alias="to")
    name: Name | None = None
    real: bool = False
    model: ModelTable = ModelTable()
    budget: Annotated[tuple[BudgetTable, ...], Field(strict=False)] = ()


class DefaultsTable(Table):
    model: SharedModelTable = SharedModelTable()


class PlanTable(Table):
    probes: Annotated[
        tuple[Annotated[str, AfterValidator(_probe)], ...],
        Field(strict=False),
        AfterValidator(_distinct),
    ] = (
        "rtt",
        "http",
        "tcp",
    )
    duration: Period = 10 * 10**9
    rate: Pace = 500.0
    http_duration: Period = 4 * 10**9
    http_rate: Pace = 100.0
    load_duration: Period = 3 * 10**9
    load_rate: Pace = 200.0
    schedule: Annotated[Schedule, BeforeValidator(_schedule)] = Schedule()
    pacing: Literal["timer", "precise"] = "timer"
    congestion: Annotated[str, AfterValidator(_congestion)] = "cubic"
    calibration: Period = 2 * 10**9
    tolerance: Period | None = None
    timeout: Period = 10**9
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 1


class TargetTable(Table):
    layout: Schema
    title: Line
    question: Line | None = None
    context: Annotated[tuple[str, ...], Field(strict=False)] = ()
    defaults: DefaultsTable = DefaultsTable()
    site: Annotated[tuple[SiteTable, ...], Field(strict=False)] = ()
    path: Annotated[tuple[PathTable, ...], Field(strict=False)] = ()
    plan: PlanTable = PlanTable()


class FactTable(Table):
    figure: Line
    kind: Literal["latency", "capacity", "share", "ratio", "count", "statement"]
    words: Line
    source: Line | None = None


class DocumentTable(Table):
    layout: Schema
    title: Line
    publisher: Line
    date: dt.date
    source: Line
    fact: dict[str, FactTable]
