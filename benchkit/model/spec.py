"""What a probe or responder is told. Plain and picklable; addresses and ports as the kernel takes them."""

from __future__ import annotations

from dataclasses import dataclass

from benchkit.model.place import Login
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
    answered with so many, in the order of (share, request octets, response octets) drawn with `seed`.
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


@dataclass(frozen=True, slots=True)
class HttpLoadSpec:
    """GET requests without TLS by a client that costs next to nothing, over `connections` that are kept.

    Open loop at an interval; with interval 0 closed loop, `count` requests as fast as answers come.
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


@dataclass(frozen=True, slots=True)
class RequestSpec:
    """Requests and answers of a fixed size over one TCP connection, open loop."""

    path: str
    phase: str
    address: str
    port: int
    count: int
    interval_ns: int
    timeout_ns: int
    start_ns: int = 0  # as above
    schedule: Schedule = PERIODIC


@dataclass(frozen=True, slots=True)
class TcpSpec:
    """Bulk TCP, `direction` "up", "down" or "both" as seen from here; goodput is counted where it arrives.

    `mode` says what each end touches of the data: "zero-copy", "copy" or "verify". `window_octets` 0 leaves
    both buffers to the kernel.
    """

    path: str
    phase: str
    address: str
    port: int
    direction: str
    duration_ns: int
    congestion: str
    streams: int = 1
    mode: str = "zero-copy"
    window_octets: int = 0


@dataclass(frozen=True, slots=True)
class UdpSpec:
    """Numbered datagrams at a rate of payload, one direction; `rate_bps` 0 is as fast as it goes.

    `joined` has the kernel cut and join them (GSO, GRO): None is wherever it can.
    """

    path: str
    phase: str
    address: str
    port: int
    up: bool
    duration_ns: int
    rate_bps: int
    payload_octets: int = 1400
    joined: bool | None = None


@dataclass(frozen=True, slots=True)
class FilesSpec:
    """A transfer of `files`, (number, due in ns after the start, octets), from here over so many connections at once.

    It ends after `limit_ns`, done or not.
    """

    path: str
    phase: str
    address: str
    port: int
    files: tuple[tuple[int, int, int], ...]
    streams: int
    limit_ns: int
    congestion: str


@dataclass(frozen=True, slots=True)
class Iperf3Spec:
    """A test against an iperf3 server. `direction` is "up", "down" or "both"; 0 and "" are what is usual.

    `rate_bps` is each stream's, 0 is as fast as it goes. `omit_s` at the start do not count.
    """

    path: str
    phase: str
    address: str
    port: int
    duration_ns: int
    direction: str = "up"
    udp: bool = False
    streams: int = 1
    omit_s: int = 0
    rate_bps: int = 0
    congestion: str = ""
    block_octets: int = 0
    segment_octets: int = 0
    window_octets: int = 0
    no_delay: bool = False
    login: Login | None = None


@dataclass(frozen=True, slots=True)
class BurstSpec:
    """One packet of each of `sizes` (octets of IP), then `octets` at once in packets of `mtu`.

    `at_once` octets go to the device as one super-packet. A burst that took longer than `enough_ns` is sent
    again, a few times, and the fastest counts. `pause_ns` is waited before the burst and after it, for the path to run dry.
    """

    path: str
    phase: str
    address: str
    port: int
    mtu: int
    sizes: tuple[int, ...]
    octets: int
    at_once: int
    enough_ns: int
    pause_ns: int


@dataclass(frozen=True, slots=True)
class BurstSinkSpec:
    """The far end of a burst, there before it comes and gone after it, or after `lasts_ns`.

    It is told the `mtu` of the burst, and how many packets of other `sizes` come first.
    """

    path: str
    phase: str
    address: str
    port: int
    mtu: int
    sizes: int
    lasts_ns: int


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


@dataclass(frozen=True, slots=True)
class ReflectorSpec:
    """A STAMP reflector (RFC 8762).

    With a `key_file` it answers authenticated packets alone, with `ptp` in PTPv2 stamps. A stateful one counts
    its answers for each session, so that the sender can tell in which direction packets were lost. `strict`
    leaves requests unanswered that are shorter than STAMP's own, whose answers would be longer. `allowed`
    are networks, all where none is named; `rate_per_s` is what one source may ask for, 0 is no cap.
    """

    address: str
    port: int
    key_file: str = ""
    stateful: bool = True
    ptp: bool = False
    strict: bool = False
    allowed: tuple[str, ...] = ()
    rate_per_s: float = 0


@dataclass(frozen=True, slots=True)
class TwampServerSpec:
    """A TWAMP server in open mode, whose sessions are reflected on ports of their own. The rest as for a reflector."""

    address: str
    port: int
    allowed: tuple[str, ...] = ()
    rate_per_s: float = 0


@dataclass(frozen=True, slots=True)
class HttpServerSpec:
    """A small fixed answer over HTTP/1.1."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class RequestServerSpec:
    """The far end of requests over TCP: gives back what it gets."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class StreamServerSpec:
    """The far end of bulk TCP and of UDP tests. Those who name one `lease` file take turns."""

    address: str
    port: int
    lease: str = ""


@dataclass(frozen=True, slots=True)
class Iperf3ServerSpec:
    """The far end of stock iperf3 clients, TCP and UDP on one port. `lease` as above.

    With a `private_key` (PEM) only `users` are served, each with the SHA-256 of `{user}password` in hex.
    """

    address: str
    port: int
    lease: str = ""
    private_key: bytes = b""
    users: tuple[tuple[str, str], ...] = ()


Spec = (
    StampSpec
    | TwampSpec
    | IcmpSpec
    | TogetherSpec
    | ConnectSpec
    | HttpSpec
    | HttpLoadSpec
    | RequestSpec
    | TcpSpec
    | UdpSpec
    | FilesSpec
    | Iperf3Spec
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
