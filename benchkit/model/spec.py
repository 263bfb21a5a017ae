"""What a probe is told of round trips and requests, and the union of all that is told. Plain and picklable.

Addresses and ports are as the kernel takes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from benchkit.model.bulk_spec import (
    BurstSinkSpec,
    BurstSpec,
    FilesSpec,
    Iperf3Spec,
    Iperf3TrialSpec,
    StreamKeySpec,
    TcpSpec,
    UdpSpec,
)
from benchkit.model.responder_spec import (
    HttpServerSpec,
    Iperf3ServerSpec,
    ReflectorSpec,
    RequestServerSpec,
    StreamServerSpec,
    TwampServerSpec,
)
from benchkit.model.schedule import PERIODIC, Schedule
from benchkit.model.stamp_options import PLAIN, StampOptions


@dataclass(frozen=True, slots=True)
class StampSpec:
    """Round trips by STAMP (RFC 8762), open loop. `ssid` marks the session (RFC 8972), 1 to 65535."""

    path: str
    phase: str
    address: str
    port: int
    ssid: int
    count: int
    interval_ns: int
    timeout_ns: int
    start_ns: int = 0  # CLOCK_MONOTONIC; 0 is as soon as ready
    options: StampOptions = PLAIN
    schedule: Schedule = PERIODIC


@dataclass(frozen=True, slots=True)
class TwampSpec:
    """Round trips by TWAMP (RFC 5357) in open mode: `port` is that of the control connection, TCP."""

    path: str
    phase: str
    address: str
    port: int
    count: int
    interval_ns: int
    timeout_ns: int
    start_ns: int = 0  # as above
    options: StampOptions = PLAIN
    schedule: Schedule = PERIODIC


@dataclass(frozen=True, slots=True)
class IcmpSpec:
    """Round trips by ICMP echo, open loop."""

    path: str
    phase: str
    address: str
    count: int
    interval_ns: int
    timeout_ns: int
    start_ns: int = 0  # as above
    schedule: Schedule = PERIODIC


# Sessions so light that many of them can share a process.
LightSpec = StampSpec | TwampSpec | IcmpSpec


@dataclass(frozen=True, slots=True)
class TogetherSpec:
    """Round trips of many paths, measured by one process."""

    sessions: tuple[LightSpec, ...]


@dataclass(frozen=True, slots=True)
class FanSpec:
    """Round trips by STAMP from one site to many, by one socket over IPv4.

    Its `sessions` have plain packets, SSIDs of their own, and as many packets, as far apart and with as much time, as
    each other.
    """

    sessions: tuple[StampSpec, ...]


@dataclass(frozen=True, slots=True)
class ConnectSpec:
    """TCP handshakes, open loop."""

    path: str
    phase: str
    address: str
    port: int
    count: int
    interval_ns: int
    timeout_ns: int
    schedule: Schedule = PERIODIC


@dataclass(frozen=True, slots=True)
class HttpSpec:
    """Requests at a rate, open loop, over connections that are kept or, `fresh`, a new one for each.

    Without a `mix` they are GET requests. With one they are POST requests of so many octets to our own server,
    answered with so many, in the order of (share, request octets, response octets) drawn with `seed`. A server that
    asks for it is shown knowledge of the `key`.
    """

    path: str
    phase: str
    url: str
    count: int
    interval_ns: int
    timeout_ns: int
    schedule: Schedule = PERIODIC
    fresh: bool = False
    mix: tuple[tuple[float, int, int], ...] = ()
    seed: int = 1
    key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class HttpLoadSpec:
    """GET requests without TLS by a client that costs next to nothing, over `connections` that are kept.

    Open loop at an interval; with interval 0 closed loop, `count` requests as fast as answers come.
    `key` as above.
    """

    path: str
    phase: str
    address: str
    port: int
    resource: str
    host: str
    count: int
    interval_ns: int
    timeout_ns: int
    connections: int
    schedule: Schedule = PERIODIC
    key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class RequestSpec:
    """Requests and answers of a fixed size over one TCP connection, open loop. `key` as above."""

    path: str
    phase: str
    address: str
    port: int
    count: int
    interval_ns: int
    timeout_ns: int
    start_ns: int = 0  # as above
    schedule: Schedule = PERIODIC
    key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class EnergySpec:
    """Two energy counters at `address`, read `count` times; see `model.meter.Meter` for what the words are."""

    path: str
    phase: str
    address: str
    total: str
    equipment: str
    is_recording: bool
    count: int
    interval_ns: int
    timeout_ns: int


Spec = (
    StampSpec
    | TwampSpec
    | IcmpSpec
    | TogetherSpec
    | FanSpec
    | ConnectSpec
    | HttpSpec
    | HttpLoadSpec
    | RequestSpec
    | TcpSpec
    | UdpSpec
    | FilesSpec
    | Iperf3Spec
    | Iperf3TrialSpec
    | StreamKeySpec
    | EnergySpec
    | BurstSpec
    | BurstSinkSpec
    | ReflectorSpec
    | TwampServerSpec
    | HttpServerSpec
    | RequestServerSpec
    | StreamServerSpec
    | Iperf3ServerSpec
)
