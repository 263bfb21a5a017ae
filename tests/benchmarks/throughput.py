"""Bulk TCP against Debian's iperf3, paired in one run, order alternating: medians, ratios, CPU seconds per gigabyte.

Two modes, each against its like: *copy*, where the application reads every octet, against `iperf3`; *zero-copy*,
where receives discard, against `iperf3 -Z`. Both send one 64 KB block many times a call, as the probes do: these are
their data loops, without a control connection and without counting by interval. iperf3 3.12 has no receiver that
discards: where one of 3.19 or newer is named with --newer, its `-Z --skip-rx-copy` is measured too.

    python tests/benchmarks/throughput.py --rounds 5
"""

# ruff: noqa: T201  it prints a table
from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import Manager
from pathlib import Path as File
from typing import Any, NamedTuple

sys.path.append(str(File(__file__).parents[1]))
sys.path.append(str(File(__file__).parent))

from emulation import bare_pair

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.linux import process, tcp
from benchkit.testbeds.namespaces import NamespaceTestbed

PORT = 5201
PATIENCE_S = 10.0
COPY_RECEIVE = 256 << 10
GIGA = 1e9
# By (mode, streams): what the ratio must reach.
BARS = {("copy", 1): ">= 1.5", ("zero-copy", 1): ">= 2.5", ("zero-copy", 2): ">= 4", ("zero-copy", 4): ">= 4"}  # fmt: skip


class Figures(NamedTuple):
    """Received gigabits per second, and processor seconds of both ends per gigabyte received."""

    gbps: float
    cpu_s_per_gb: float


@dataclass(frozen=True)
class Place:
    """Where both ends run: a namespace each, None for this one, and the receiver's address."""

    name: str
    near: str | None
    far: str | None
    address: str


def vectored_send(connection: socket.socket, end_ns: int) -> None:
    blocks = tcp.send_blocks()
    while monotonic_ns() < end_ns:
        connection.sendmsg(blocks)


def copying_receive(connection: socket.socket) -> int:
    buffer, octets = bytearray(COPY_RECEIVE), 0
    while got := connection.recv_into(buffer):
        octets += got
    return octets


def discarding_receive(connection: socket.socket) -> int:
    buffer, octets = tcp.discard_buffer(), 0
    while got := connection.recv_into(buffer, tcp.RECEIVE, tcp.MSG_TRUNC):
        octets += got
    return octets


WORK: dict[str, tuple[Callable[..., None], Callable[..., int]]] = {
    "copy": (vectored_send, copying_receive),
    "zero-copy": (vectored_send, discarding_receive),
}


def in_threads(
    work: Callable[[socket.socket], Any], connections: Sequence[socket.socket]
) -> list[Any]:
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda each=each: found.append(work(each))) for each in connections
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def sink(address: str, mode: str, streams: int, listening: Any) -> tuple[int, float, float]:
    """Octets, seconds between the first connection and the last end, and processor seconds."""
    with socket.create_server((address, PORT)) as listener:
        listener.settimeout(PATIENCE_S)
        listening.set()
        connections = [listener.accept()[0] for _ in range(streams)]
    for each in connections:
        each.settimeout(None)
    began, cpu = time.monotonic(), time.process_time()
    octets = sum(in_threads(WORK[mode][1], connections))
    return octets, time.monotonic() - began, time.process_time() - cpu


def source(address: str, mode: str, streams: int, seconds: float, congestion: str) -> float:
    """Send for so long; processor seconds."""
    connections = []
    for _ in range(streams):
        connections.append(socket.create_connection((address, PORT)))
        in_force = tcp.set_congestion_control(connections[-1], congestion)
        if in_force != congestion:
            raise SystemExit(f"this kernel has no {congestion}: it took {in_force}")
    cpu, end_ns = time.process_time(), monotonic_ns() + round(seconds * NS_PER_S)

    def work(connection: socket.socket) -> None:
        WORK[mode][0](connection, end_ns)
        connection.shutdown(socket.SHUT_WR)

    in_threads(work, connections)
    return time.process_time() - cpu


def ours(place: Place, mode: str, streams: int, seconds: float, congestion: str) -> Figures:
    sites = {"near": place.near, "far": place.far}
    with NamespaceTestbed(sites) as testbed, Manager() as manager:
        listening = manager.Event()
        received = testbed.sites["far"].submit(sink, place.address, mode, streams, listening)
        if not listening.wait(PATIENCE_S):
            received.result(0)
        sent = testbed.sites["near"].submit(
            source, place.address, mode, streams, seconds, congestion
        )
        sender_cpu = sent.result(seconds + PATIENCE_S)
        octets, lasted, receiver_cpu = received.result(PATIENCE_S)
    if not seconds <= lasted + 0.1 <= seconds + 1:
        raise SystemExit(f"asked for {seconds:g} s, and the receiver was busy for {lasted:.2f} s")
    return Figures(octets * 8 / lasted / GIGA, (sender_cpu + receiver_cpu) / (octets / GIGA))


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


def iperf3(program: str, words: Sequence[str], place: Place, seconds: float) -> Figures:
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
    end = said["end"]
    received, cpu = end["sum_received"], end["cpu_utilization_percent"]
    cpu_s = (cpu["host_total"] + cpu["remote_total"]) / 100 * received["seconds"]
    return Figures(received["bits_per_second"] / GIGA, cpu_s / (received["bytes"] / GIGA))


def row(words: str, values: Sequence[float], unit: str, bar: str = "") -> None:
    """Median and range over the rounds, beside what it must reach."""
    spread = f"{min(values):9.3f} ..{max(values):9.3f}"
    print(f"{words:56} {statistics.median(values):9.3f}  {spread}  {unit:7} {bar}", flush=True)


def compare(asked: argparse.Namespace, place: Place, mode: str, streams: int) -> None:
    flags = ["-C", asked.congestion, "-P", str(streams)] + (["-Z"] if mode == "zero-copy" else [])
    ways: dict[str, Callable[[], Figures]] = {
        "benchkit": lambda: ours(place, mode, streams, asked.seconds, asked.congestion),
        "iperf3": lambda: iperf3("iperf3", flags, place, asked.seconds),
    }
    if asked.newer and mode == "zero-copy":
        skipping = [*flags, "--skip-rx-copy"]
        ways["newer"] = lambda: iperf3(asked.newer, skipping, place, asked.seconds)
    found: dict[str, list[Figures]] = {name: [] for name in ways}
    for at in range(asked.rounds):
        for name in list(ways) if at % 2 == 0 else reversed(list(ways)):
            found[name].append(ways[name]())
    title = f"{place.name}, {mode}, {streams} stream{'s' if streams > 1 else ''}"
    for name, figures in found.items():
        row(f"{title}: {name}", [each.gbps for each in figures], "Gbit/s")
        row(f"{title}: {name}", [each.cpu_s_per_gb for each in figures], "s/GB")
    for name in list(ways)[1:]:
        pairs = list(zip(found["benchkit"], found[name], strict=True))
        bar = BARS.get((mode, streams), "") if name == "iperf3" else ">= 1.5"
        row(f"  rate, times {name}", [a.gbps / b.gbps for a, b in pairs], "times", bar)
        cpu = [a.cpu_s_per_gb / b.cpu_s_per_gb for a, b in pairs]
        row(f"  CPU for a gigabyte, times {name}", cpu, "times", "<= 0.5" if streams == 1 else "")


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


PLACES = {"loopback": loopback, "veth": veth}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--congestion", default="cubic")
    parser.add_argument("--place", choices=list(PLACES))
    parser.add_argument("--mode", choices=list(WORK))
    parser.add_argument("--streams", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--newer", help="the program of an iperf3 of 3.19 or newer")
    asked = parser.parse_args()
    process.warm_up(["benchkit.probes.door"])
    print(
        f"{asked.rounds} pairs of {asked.seconds:g} s, {asked.congestion}, {os.cpu_count()} processors"
    )
    for name, place_of in PLACES.items():
        if asked.place not in {None, name}:
            continue
        with place_of() as place:
            for mode in WORK:
                if asked.mode in {None, mode}:
                    for streams in asked.streams:
                        compare(asked, place, mode, streams)


if __name__ == "__main__":
    main()
