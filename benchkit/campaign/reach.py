"""How each path is reached: where its probes run, where their packets go, and by which probe."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from yarl import URL

from benchkit.campaign import phases, workloads
from benchkit.campaign.crew import Crew
from benchkit.campaign.phases import Phase
from benchkit.clock import NS_PER_MS, NS_PER_S
from benchkit.emulators.link import Ends
from benchkit.errors import MeasureError
from benchkit.model.bulk_spec import Iperf3Spec, TcpSpec, UdpSpec
from benchkit.model.place import Iperf3Server, Path, Site
from benchkit.model.responder_spec import ReflectorSpec
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
from benchkit.model.stamp_options import FOLLOWED_UP, PLAIN, StampOptions
from benchkit.model.target import Plan

STAMP_PORT, TWAMP_PORT = 862, 862
HTTP_PORT, STREAM_PORT, REQUEST_PORT = 8080, 8620, 8621
CONNECTIONS = 10
# Phases of probes that have one each; round trips and loads are the others.
PROBE_OF = {name: probe for probe, (name, _, _) in phases.SINGLE.items() if probe != "rtt"}
# Where probes of real paths run: this machine itself. No site can have that name.
HOST = "/host"
LOOPBACK = "127.0.0.1"
CONNECT_PORTS = (443, 80, 22)
TRIES, TRY_INTERVAL_NS, TRY_TIMEOUT_NS = 3, 100 * NS_PER_MS, NS_PER_S
AUTO = "auto"
TRIAL = "trial"
NO_PROBE = "none"

RoundTrips = StampSpec | TwampSpec | IcmpSpec | ConnectSpec


@dataclass(frozen=True)
class Reach:
    """The far end of one path as seen from its near end. `probe` is "stamp", "twamp", "icmp", "connect" or "none".

    `port` is that of STAMP, of TWAMP's control, or of TCP; `url` None sends no requests. Bulk goes to our own far
    end at `stream_port`, or to an `iperf3` server; without both there is none. `options` are
    those of STAMP's packets.
    """

    site: str
    address: str
    probe: str = "stamp"
    port: int = STAMP_PORT
    url: str | None = None
    stream_port: int | None = None
    options: StampOptions = PLAIN
    connect_port: int | None = None
    iperf3: Iperf3Server | None = None

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
            return RequestSpec(path, name, to, REQUEST_PORT, *shape, schedule=schedule)
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
            "twamp": f"TWAMP, TCP port {self.port}",
        }
        sealed = ", authenticated" if self.options.key_file else ""
        return named.get(self.probe, f"STAMP, UDP port {self.port}{sealed}")


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


def reflector(far: Site, address: str) -> ReflectorSpec:
    """The far end of a modelled path's STAMP packets, which speaks as they do."""
    options = far.stamp or PLAIN
    return ReflectorSpec(address, STAMP_PORT, key_file=options.key_file, ptp=options.ptp)


def real(site: Site, found: Reach) -> Reach:
    """A real path, with what its site says is there besides round trips."""
    stream_port = STREAM_PORT if site.agent else None
    connect_port = found.port if found.probe == "connect" else None
    if connect_port is None and site.url:
        connect_port = URL(site.url).port
    if connect_port is None and site.agent:
        connect_port = STREAM_PORT
    return replace(
        found, url=site.url, stream_port=stream_port, connect_port=connect_port, iperf3=site.iperf3
    )


def find(site: Site, crew: Crew, say: Callable[[str], None]) -> Reach:
    """The first way in which a real site answers, tried in the order of exactness.

    Raises MeasureError when it has no address or answers nothing.
    """
    silent = []
    for candidate in candidates(addresses(site.address or ""), site.reach, site.stamp):
        trial = Phase(TRIAL, "", (), TRIES * TRY_INTERVAL_NS, NS_PER_S / TRY_INTERVAL_NS)
        spec = candidate.round_trips(site.name, trial, 1, TRY_TIMEOUT_NS)
        troubles = crew.work({site.name: (HOST, spec)}, TRY_TIMEOUT_NS / NS_PER_S)
        if not troubles:
            say(f"{site.name} ({candidate.address}): {candidate.words()} answers")
            return real(site, candidate)
        silent.append(f"{candidate.address} {candidate.words()}")
    if site.iperf3 is not None:
        say(f"{site.name}: nothing answers round trips; its iperf3 server is asked for throughput")
        return real(site, Reach(HOST, addresses(site.address or "")[0], NO_PROBE))
    raise MeasureError(
        f"nothing answers at {site.name} ({', '.join(silent)}): is it up? Start `benchkit agent` "
        "there, or set the site's `reach` to a TCP port that is open"
    )


def free_port() -> int:
    """A UDP port of the loopback that nothing listens at."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def candidates(
    found: Sequence[str], reach: str, options: StampOptions | None = None
) -> Iterator[Reach]:
    """What may answer at one of these addresses: "auto", "stamp PORT", "twamp PORT", "icmp", or "tcp PORT".

    Without `options` STAMP is tried with follow-up telemetry first, then without any extension.
    """
    ways = [list(_ways(address, reach, options)) for address in found]
    yield from (way for same in zip(*ways, strict=True) for way in same)


def _ways(address: str, reach: str, options: StampOptions | None) -> Iterator[Reach]:
    kind, _, named = reach.partition(" ")
    if kind in {AUTO, "stamp"}:
        port = int(named or STAMP_PORT)
        for each in (FOLLOWED_UP, PLAIN) if options is None else (options,):
            yield Reach(HOST, address, port=port, options=each)
    if kind == "twamp":
        yield Reach(HOST, address, "twamp", int(named or TWAMP_PORT), options=options or PLAIN)
    if kind in {AUTO, "icmp"}:
        yield Reach(HOST, address, "icmp")
    if kind == "tcp":
        yield Reach(HOST, address, "connect", int(named))
    elif kind == AUTO:
        yield from (Reach(HOST, address, "connect", each) for each in CONNECT_PORTS)


def addresses(name: str) -> list[str]:
    """The addresses of a name, one of each family, in the order that the system prefers (RFC 6724).

    Raises MeasureError where it has none.
    """
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise MeasureError(
            f"{name or 'a site without an address'} has no IP address: {error.strerror}; give one that has"
        ) from error
    first: dict[int, str] = {}
    for family, _, _, _, address in found:
        first.setdefault(family, str(address[0]))
    return list(first.values())


def load_spec(
    path: str, phase: str, url: str, address: str, shape: tuple[int, int, int], schedule: Schedule
) -> HttpLoadSpec:
    """The load client's spec for a page of a site that has this address."""
    page = URL(url)
    where = (address, page.port or 80, page.raw_path_qs, page.raw_authority)
    return HttpLoadSpec(path, phase, *where, *shape, connections=CONNECTIONS, schedule=schedule)


def jobs(
    path: Path, phase: Phase, plan: Plan, reach: Reach, open_session: Callable[[str, str], int]
) -> Mapping[str, tuple[str, Spec]]:
    """What runs at the near end of a path in a phase, by kind: (site, spec)."""
    schedule = replace(plan.schedule, seed=plan.seed)
    if phase.name.startswith(phases.WORK):
        return _work(path, phase, plan, reach)
    found: dict[str, Spec] = {}
    if phase.name in PROBE_OF:
        probe = PROBE_OF[phase.name]
        found[probe] = reach.probe_of(probe, path.name, phase, plan.timeout_ns, schedule)
    elif phase.packets_per_s and reach.probe != NO_PROBE:
        ssid = open_session(path.name, phase.name)
        found["rtt"] = reach.round_trips(path.name, phase, ssid, plan.timeout_ns, schedule)
    if phase.name in (*phases.DIRECTIONS, *phases.DATAGRAMS):
        if reach.stream_port is not None:
            found["bulk"] = _bulk(path.name, phase, plan, reach.address, reach.stream_port)
        elif reach.iperf3 is not None:
            found["bulk"] = _iperf3(path.name, phase, plan, reach.address, reach.iperf3)
    if phase.name in phases.LOADED and reach.url is not None:
        count = max(1, phases.FOREIGN_PER_S * phase.duration_ns // NS_PER_S)
        timing = (count, NS_PER_S // phases.FOREIGN_PER_S, plan.timeout_ns)
        found["http"] = HttpSpec(
            path.name, phase.name, reach.url, *timing, schedule=schedule, fresh=True
        )
    return {kind: (reach.site, spec) for kind, spec in found.items()}


def _work(path: Path, phase: Phase, plan: Plan, reach: Reach) -> Mapping[str, tuple[str, Spec]]:
    to, url = (reach.address, STREAM_PORT), http_url(reach.address)
    work = workloads.job(path, phase, plan, to, url)
    return {work[0]: (reach.site, work[1])} if work else {}


def _iperf3(path: str, phase: Phase, plan: Plan, address: str, server: Iperf3Server) -> Spec:
    direction = phases.DIRECTIONS.get(phase.name, "up")
    spec = Iperf3Spec(
        path, phase.name, address, server.port, phase.duration_ns, direction,
        streams=plan.streams, congestion=plan.congestion, window_octets=plan.window_octets,
        login=server.login,
    )  # fmt: skip
    if phase.name not in phases.DATAGRAMS:
        return spec
    return replace(
        spec,
        direction="up" if phases.DATAGRAMS[phase.name] else "down",
        udp=True,
        streams=1,
        rate_bps=plan.udp_rate_bps,
        block_octets=plan.udp_payload_octets,
    )


def http_url(address: str) -> str:
    """Where our own HTTP responder is."""
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}:{HTTP_PORT}/"


def _bulk(path: str, phase: Phase, plan: Plan, address: str, port: int) -> Spec:
    to, lasts = (address, port), phase.duration_ns
    if phase.name in phases.DATAGRAMS:
        up, rate = phases.DATAGRAMS[phase.name], plan.udp_rate_bps
        return UdpSpec(path, phase.name, *to, up, lasts, rate, plan.udp_payload_octets)
    direction = phases.DIRECTIONS[phase.name]
    spec = TcpSpec(path, phase.name, *to, direction, lasts, plan.congestion)
    # A calibration asks for the rate alone, and for no more than that takes.
    if phase.name not in phases.LOADED:
        return spec
    streams, mode, window = plan.streams, plan.stream_mode, plan.window_octets
    return replace(spec, streams=streams, mode=mode, window_octets=window)
