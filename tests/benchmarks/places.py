"""What the throughput benchmarks share: where both ends run, our probes as a campaign runs them, and iperf3."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

sys.path.append(str(File(__file__).parents[1]))
sys.path.append(str(File(__file__).parent))

from emulated import delays, emulated
from emulated_streams import bare_pair

from benchkit.linux.channel import Channel, SinkAddress
from benchkit.model.responder_spec import StreamServerSpec
from benchkit.model.samples import Samples
from benchkit.model.spec import Spec
from benchkit.probes.door import run_probe
from benchkit.testbeds.namespaces import NamespaceTestbed

PORT = 5201
PATIENCE_S = 10.0
PATH_MS, PATH_BPS, PATH_BUFFER = 10.0, 1_000_000_000, 2_500_000


@dataclass(frozen=True)
class Place:
    """Where both ends run: a namespace each, None for this one, and the receiver's address."""

    name: str
    near: str | None
    far: str | None
    address: str


def timed(spec: Spec, sink: SinkAddress) -> float:
    """Run a probe or a responder to its end; the processor seconds of its whole process."""
    began = time.process_time()
    run_probe(spec, sink)
    return time.process_time() - began


def await_ready(channel: Channel) -> None:
    while channel.messages.get(timeout=PATIENCE_S).kind != "ready":
        pass


def brought_home(channel: Channel, lasts: float) -> list[Samples]:
    found = []
    while True:
        message = channel.messages.get(timeout=lasts + PATIENCE_S)
        if message.kind == "end":
            return found
        if message.kind == "batch":
            found.append(message.body)


def probed(place: Place, spec: Spec, seconds: float) -> tuple[list[Samples], float]:
    """What the probe brings home, and the processor seconds of its process and of its far end's."""
    sites = {"near": place.near, "far": place.far}
    with Channel() as channel, NamespaceTestbed(sites) as testbed:
        served = testbed.sites["far"].submit(
            timed, StreamServerSpec(place.address, PORT), channel.address("far")
        )
        await_ready(channel)
        sent = testbed.sites["near"].submit(timed, spec, channel.address("near"))
        found = brought_home(channel, seconds)
        sender_s = sent.result(PATIENCE_S)
        channel.stop("far")
        return found, sender_s + served.result(PATIENCE_S)


def inside(netns: str | None, words: Sequence[str]) -> list[str]:
    return ["nsenter", f"--net={netns}", *words] if netns else list(words)


@contextmanager
def iperf3_serving(program: str, place: Place) -> Iterator[None]:
    words = inside(place.far, [program, "-s", "-1", "-B", place.address, "-p", str(PORT)])
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as server:
        try:
            yield
            server.wait(PATIENCE_S)
        finally:
            server.kill()


def iperf3(program: str, words: Sequence[str], place: Place, seconds: float) -> dict[str, Any]:
    """What it says at the end of a test."""
    command = [program, "-c", place.address, "-p", str(PORT), "-J", "-t", f"{seconds:.0f}", *words]
    with iperf3_serving(program, place):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            done = subprocess.run(
                inside(place.near, command), capture_output=True, text=True, check=False
            )
            said = json.loads(done.stdout)
            if "error" not in said:
                break
            if time.monotonic() > deadline:
                raise SystemExit(f"iperf3: {said['error']}")
            time.sleep(0.05)
    end: dict[str, Any] = said["end"]
    return end


def iperf3_cpu_s(end: dict[str, Any], seconds: float) -> float:
    """Processor seconds of both ends."""
    cpu = end["cpu_utilization_percent"]
    return float((cpu["host_total"] + cpu["remote_total"]) / 100 * seconds)


@contextmanager
def loopback() -> Iterator[Place]:
    yield Place("loopback", None, None, "127.0.0.1")


@contextmanager
def veth() -> Iterator[Place]:
    with bare_pair() as running:
        (path,) = running.paths
        namespaces = running.emulation.namespaces
        far = running.emulation.ends[path.name].far
        yield Place("veth", namespaces[path.near], namespaces[path.far], far)


@contextmanager
def emulated_path() -> Iterator[Place]:
    """10 ms there and back at 1 Gbit/s, through the userspace line, with twice what is under way as its buffer."""
    model = delays(PATH_MS / 2, PATH_MS / 2, rate_bps=PATH_BPS, buffer_octets=PATH_BUFFER)
    with emulated("userspace", [model]) as running:
        (path,) = running.paths
        running.emulation.apply([model])
        namespaces, ends = running.emulation.namespaces, running.emulation.ends
        yield Place("path", namespaces[path.near], namespaces[path.far], ends[path.name].far)
