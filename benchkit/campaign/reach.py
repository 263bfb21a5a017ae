"""How each path is reached: where its probes run, where their packets go, and what its far end takes."""

from __future__ import annotations

import socket
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace

from yarl import URL

from benchkit.campaign.phases import Phase
from benchkit.clock import NS_PER_MS
from benchkit.emulators.link import Ends
from benchkit.errors import UnfitError
from benchkit.linux.address import bracketed
from benchkit.model.place import Iperf3Server, Path, Site
from benchkit.model.responder_spec import (
    HTTP_PORT,
    STAMP_PORT,
    STREAM_PORT,
    HttpServerSpec,
    ReflectorSpec,
    RequestServerSpec,
    StreamServerSpec,
)
from benchkit.model.schedule import PERIODIC, Schedule
from benchkit.model.spec import (
    ConnectSpec,
    HttpLoadSpec,
    HttpSpec,
    IcmpSpec,
    RequestSpec,
    Spec,
    StampSpec,
    TwampSpec,
)
from benchkit.model.stamp_options import PLAIN, StampOptions

CONNECTIONS = 10
# Where probes of real paths run: this machine itself. No site can have that name.
HOST = "/host"
LOOPBACKS = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
# Of requests from many sites so many milliseconds' worth are answered at once: the kernel's stamps leave that time out.
GATHER_NS = 100 * NS_PER_MS
NO_PROBE = "none"

RoundTrips = StampSpec | TwampSpec | IcmpSpec | ConnectSpec


@dataclass(frozen=True)
class Reach:
    """The far end of one path as seen from its near end. `probe` is "stamp", "twamp", "icmp", "connect" or "none".

    `port` is that of STAMP, of TWAMP's control, or of TCP; `url` None sends no requests. Bulk goes to our own far
    end at `stream_port`, or to an `iperf3` server; without both there is none. Our own far end answers requests at the port
    after that, and HTTP at `http_port`. `options` are those of STAMP's packets. `refused` are probes for which the far end
    wants another key, or this user another privilege.
    """

    site: str
    address: str
    probe: str = "stamp"
    port: int = STAMP_PORT
    url: str | None = None
    stream_port: int | None = None
    http_port: int = HTTP_PORT
    options: StampOptions = PLAIN
    connect_port: int | None = None
    iperf3: Iperf3Server | None = None
    stream_key: bytes = field(default=b"", repr=False)
    request_key: bytes = field(default=b"", repr=False)
    refused: frozenset[str] = frozenset()

    def round_trips(
        self, path: str, phase: Phase, ssid: int, timeout_ns: int, schedule: Schedule = PERIODIC
    ) -> RoundTrips:
        """What measures the round trips of a phase."""
        shape = (phase.packets, phase.interval_ns, timeout_ns)
        name, to = phase.name, self.address
        if self.probe == "icmp":
            return IcmpSpec(path, name, to, *shape, schedule=schedule)
        if self.probe == "connect":
            return ConnectSpec(path, name, to, self.port, *shape, schedule=schedule)
        where = (path, name, to, self.port)
        if self.probe == "twamp":
            return TwampSpec(*where, *shape, options=self.options, schedule=schedule)
        return StampSpec(*where, ssid, *shape, options=self.options, schedule=schedule)

    def can(self, probe: str) -> bool:
        """Whether the far end takes a probe of that name."""
        return probe not in self.refused and self._takes(probe)

    def _takes(self, probe: str) -> bool:
        if probe in {"http", "http-fresh"}:
            return self.url is not None
        if probe == "http-load":
            return self.url is not None and self.url.startswith("http:")
        if probe in {"tcp", "udp"}:
            return self.stream_port is not None or self.iperf3 is not None
        if probe in {"request", "workload"}:
            return self.stream_port is not None
        if probe == "rtt":
            return self.probe != NO_PROBE
        return probe != "connect" or self.connect_port is not None

    def probe_of(
        self, probe: str, path: str, phase: Phase, timeout_ns: int, schedule: Schedule
    ) -> Spec:
        """What measures in the phase of a probe that has one of its own, of those that `can` allows."""
        shape = (phase.packets, phase.interval_ns, timeout_ns)
        name, to = phase.name, self.address
        if probe == "icmp":
            return IcmpSpec(path, name, to, *shape, schedule=schedule)
        if probe == "connect":
            return ConnectSpec(path, name, to, self.connect_port or 0, *shape, schedule=schedule)
        if probe == "request":
            port = request_port(self.stream_port or STREAM_PORT)
            return RequestSpec(path, name, to, port, *shape, schedule=schedule)
        url = self.url or ""
        if probe == "http-load":
            return load_spec(path, name, url, to, shape, schedule)
        fresh = probe == "http-fresh"
        return HttpSpec(path, name, url, *shape, schedule=schedule, fresh=fresh)

    def words(self) -> str:
        """How it is reached, for a person."""
        named = {
            "icmp": "ICMP",
            "connect": f"TCP port {self.port}",
            "twamp": f"TWAMP at TCP port {self.port}",
        }
        sealed = "authenticated " if self.options.key_file else ""
        return named.get(self.probe, f"{sealed}STAMP at UDP port {self.port}")


def emulated(path: Path, far: Site, ends: Ends) -> Reach:
    """A modelled path: our own responders are at its far end."""
    url = http_url(ends.far)
    return Reach(
        path.near,
        ends.far,
        url=url,
        stream_port=STREAM_PORT,
        connect_port=HTTP_PORT,
        options=far.stamp or PLAIN,
    )


def responders(
    far: Site, address: str, probes: Collection[str], *, gathers: bool = False
) -> list[Spec]:
    """What must stand at the far end of a modelled path for these probes; STAMP speaks there as its packets do.

    Where many sites ask, its reflector may let requests gather.
    """
    options = far.stamp or PLAIN
    found: list[Spec] = [
        ReflectorSpec(
            address,
            STAMP_PORT,
            key_file=options.key_file,
            ptp=options.ptp,
            gather_ns=GATHER_NS if gathers and options == PLAIN else 0,
        )
    ]
    # Beside a load there are requests too.
    if not {"connect", "http", "http-fresh", "http-load", "tcp", "workload"}.isdisjoint(probes):
        found.append(HttpServerSpec(address, HTTP_PORT))
    if "request" in probes:
        found.append(RequestServerSpec(address, request_port(STREAM_PORT)))
    if not {"tcp", "udp", "workload"}.isdisjoint(probes):
        found.append(StreamServerSpec(address, STREAM_PORT))
    return found


def real(site: Site, found: Reach) -> Reach:
    """A real path, with what its site says is there besides round trips."""
    stream_port = (site.stream_port or STREAM_PORT) if site.agent else None
    connect_port = found.port if found.probe == "connect" else None
    if connect_port is None and site.url:
        connect_port = URL(site.url).port
    if connect_port is None and site.agent:
        connect_port = stream_port
    return replace(
        found,
        url=site.url,
        stream_port=stream_port,
        http_port=site.http_port or HTTP_PORT,
        connect_port=connect_port,
        iperf3=site.iperf3,
        stream_key=site.stream_key,
        request_key=site.request_key,
    )


def free_place() -> tuple[str, int]:
    """An address of this host's loopback, IPv4's where there is one, and a UDP port there that nothing listens at.

    Raises UnfitError where the loopback is down.
    """
    for family, address in LOOPBACKS:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
            return address, int(probe.getsockname()[1])
    raise UnfitError("this host's loopback has no address: bring it up with `ip link set lo up`")


def load_spec(
    path: str, phase: str, url: str, address: str, shape: tuple[int, int, int], schedule: Schedule
) -> HttpLoadSpec:
    """The load client's spec for a page of a site that has this address."""
    page = URL(url)
    where = (address, page.port or 80, page.raw_path_qs, page.raw_authority)
    return HttpLoadSpec(path, phase, *where, *shape, connections=CONNECTIONS, schedule=schedule)


def http_url(address: str, port: int = HTTP_PORT) -> str:
    """Where our own HTTP responder is."""
    return f"http://{bracketed(address)}:{port}/"


def request_port(stream_port: int) -> int:
    """Where our own far end answers requests: so that one option says both."""
    return stream_port + 1
