"""What runs at the near end of a path in each phase."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from benchkit.campaign import phases, workloads
from benchkit.campaign.congestion import asked_of
from benchkit.campaign.phases import Phase
from benchkit.campaign.reach import NO_PROBE, Reach, http_url
from benchkit.clock import NS_PER_S
from benchkit.model.bulk_spec import FilesSpec, Iperf3Spec, StreamKeySpec, TcpSpec, UdpSpec
from benchkit.model.place import Iperf3Server, Path
from benchkit.model.responder_spec import STREAM_PORT
from benchkit.model.spec import HttpLoadSpec, HttpSpec, RequestSpec, Spec
from benchkit.model.target import Plan

# By name: (site, spec).
Jobs = Mapping[str, tuple[str, Spec]]
# Phases of probes that have one each; round trips and loads are the others.
PROBE_OF = {name: probe for probe, (name, _, _) in phases.SINGLE.items() if probe != "rtt"}


def jobs(
    path: Path, phase: Phase, plan: Plan, reach: Reach, open_session: Callable[[str, str], int]
) -> Jobs:
    """What runs at the near end of a path in a phase, by kind."""
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
            found["bulk"] = _iperf3(path.name, phase, plan, reach, reach.iperf3)
    if phase.name in phases.LOADED and reach.url is not None:
        count = max(1, phases.FOREIGN_PER_S * phase.duration_ns // NS_PER_S)
        timing = (count, NS_PER_S // phases.FOREIGN_PER_S, plan.timeout_ns)
        found["http"] = HttpSpec(
            path.name, phase.name, reach.url, *timing, schedule=schedule, fresh=True
        )
    return {kind: (reach.site, with_key(spec, reach)) for kind, spec in found.items()}


def _work(path: Path, phase: Phase, plan: Plan, reach: Reach) -> Jobs:
    to = reach.address, reach.stream_port or STREAM_PORT
    url = http_url(reach.address, reach.http_port)
    work = workloads.job(path, phase, plan, to, url)
    return {work[0]: (reach.site, with_key(work[1], reach))} if work else {}


def with_key(spec: Spec, reach: Reach) -> Spec:
    """The same, with the key that its far end may want."""
    if reach.stream_key and isinstance(spec, (TcpSpec, UdpSpec, FilesSpec, StreamKeySpec)):
        return replace(spec, key=reach.stream_key)
    if reach.request_key and isinstance(spec, (HttpSpec, HttpLoadSpec, RequestSpec)):
        return replace(spec, key=reach.request_key)
    return spec


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


def _iperf3(path: str, phase: Phase, plan: Plan, reach: Reach, server: Iperf3Server) -> Spec:
    direction = phases.DIRECTIONS.get(phase.name, "up")
    spec = Iperf3Spec(
        path, phase.name, reach.address, server.port, phase.duration_ns, direction,
        streams=plan.streams, congestion=asked_of(plan, reach), window_octets=plan.window_octets,
        mode=plan.stream_mode, login=server.login,
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
