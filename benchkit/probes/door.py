"""The one way in: a literal table from specs to probes, and the function that a process runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import uvloop

from benchkit.linux import quiet
from benchkit.linux.channel import Sink, SinkAddress
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
from benchkit.model.samples import COLLECTOR, Samples, column
from benchkit.model.spec import (
    ConnectSpec,
    EnergySpec,
    FanSpec,
    HttpLoadSpec,
    HttpSpec,
    IcmpSpec,
    RequestSpec,
    Spec,
    StampSpec,
    TogetherSpec,
    TwampSpec,
)
from benchkit.probes.burst import burst, burst_sink
from benchkit.probes.connect import connect
from benchkit.probes.datagram import datagram
from benchkit.probes.energy import energy
from benchkit.probes.fan import fan
from benchkit.probes.files import files
from benchkit.probes.http import http
from benchkit.probes.http_load import http_load
from benchkit.probes.http_server import http_server
from benchkit.probes.icmp import icmp
from benchkit.probes.iperf3_client import iperf3, iperf3_trial
from benchkit.probes.iperf3_server import iperf3_server
from benchkit.probes.request import request
from benchkit.probes.request_server import request_server
from benchkit.probes.stamp import stamp
from benchkit.probes.stamp_gathering import gathering_reflector
from benchkit.probes.stamp_reflector import reflector
from benchkit.probes.stream import stream, stream_key
from benchkit.probes.stream_server import stream_server
from benchkit.probes.together import together
from benchkit.probes.twamp import twamp
from benchkit.probes.twamp_server import twamp_server

# Probes yield Samples; responders yield None once, when they can be used.
PROBES: dict[type, Callable[[Any], AsyncIterator[Any]]] = {
    StampSpec: stamp,
    TwampSpec: twamp,
    IcmpSpec: icmp,
    TogetherSpec: lambda spec: together(spec, PROBES),
    FanSpec: fan,
    ConnectSpec: connect,
    HttpSpec: http,
    HttpLoadSpec: http_load,
    RequestSpec: request,
    TcpSpec: stream,
    UdpSpec: datagram,
    FilesSpec: files,
    StreamKeySpec: stream_key,
    Iperf3Spec: iperf3,
    Iperf3TrialSpec: iperf3_trial,
    EnergySpec: energy,
    BurstSpec: burst,
    BurstSinkSpec: burst_sink,
    ReflectorSpec: lambda spec: gathering_reflector(spec) if spec.gather_ns else reflector(spec),
    TwampServerSpec: twamp_server,
    HttpServerSpec: http_server,
    RequestServerSpec: request_server,
    StreamServerSpec: stream_server,
    Iperf3ServerSpec: iperf3_server,
}


def run_probe(spec: Spec, sink: SinkAddress) -> int:
    """Run the probe of a spec to its end, or until the campaign says stop; return how many batches it sent.

    Meant for a process of its own: it stops the collector and takes the event loop.
    """
    quiet.quieten()
    with Sink(sink) as channel, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_drive(spec, channel))


async def _drive(spec: Spec, channel: Sink) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a probe runs inside a task")
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        loop.remove_reader(channel.fileno())
        task.cancel()

    loop.add_reader(channel.fileno(), stop)
    sent = 0
    try:
        async for batch in PROBES[type(spec)](spec):
            if batch is None:
                channel.ready()
            else:
                channel.send(batch)
                sent += 1
    except asyncio.CancelledError:
        if not stopped:
            raise
    pauses = quiet.collector_pauses_ns()
    if pauses:
        channel.send(Samples(COLLECTOR, "", "", {"took_ns": column(pauses)}))
    return sent
