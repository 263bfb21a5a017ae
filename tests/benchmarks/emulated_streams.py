"""One TCP stream over an emulated path, and over a bare veth pair: what two programs reach, and two probes."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import Manager
from pathlib import Path as File
from typing import Any

sys.path.append(str(File(__file__).parents[1]))

from emulated import Emulated, delays, star
from emulated_probes import probed

from benchkit.clock import NS_PER_S
from benchkit.emulators.link import Ends
from benchkit.linux import command
from benchkit.linux.netns import Namespace
from benchkit.model.bulk_spec import TcpSpec
from benchkit.model.place import Path, PathModel
from benchkit.model.responder_spec import StreamServerSpec
from benchkit.stats.rates import plateau
from benchkit.testbeds.namespaces import NamespaceTestbed

PORT, RAMP_S, STREAM_S = 5201, 1.0, 3.0


class Bare:
    """A veth pair and nothing between, in the shape of an emulation."""

    def __init__(self, near: Namespace, far: Namespace, path: Path) -> None:
        self.namespaces = {path.near: near.path, path.far: far.path}
        self.ends = {path.name: Ends("198.18.0.1", "198.18.0.2")}

    def apply(self, models: Sequence[PathModel]) -> None:
        """Have nothing to change."""

    def check(self) -> None:
        """Have nothing that ends."""

    def report(self) -> None:
        """Have nothing to say."""


@contextmanager
def bare_pair() -> Iterator[Emulated]:
    (path,) = star([delays(0, 0)])
    with Namespace("near") as near, Namespace("far") as far:
        lines = ["link set lo up", f"link add name v0 type veth peer name v1 netns {far.path}"]
        lines += ["addr add 198.18.0.1/30 dev v0", "link set v0 up"]
        command.run(("ip", "-batch", "-"), feed="\n".join(lines) + "\n", netns=near.path)
        lines = ["link set lo up", "addr add 198.18.0.2/30 dev v1", "link set v1 up"]
        command.run(("ip", "-batch", "-"), feed="\n".join(lines) + "\n", netns=far.path)
        yield Emulated(Bare(near, far, path), [path])


def sink(address: str, listening: Any) -> float:
    """Read what one connection brings, as any program would; Mbit/s after its first second."""
    buffer = bytearray(1 << 20)
    with socket.create_server((address, PORT)) as listener:
        listening.set()
        connection, _ = listener.accept()
        with connection:
            began, octets = time.monotonic() + RAMP_S, 0
            while got := connection.recv_into(buffer):
                if time.monotonic() >= began:
                    octets += got
            return octets * 8 / (time.monotonic() - began) / 1e6


def source(address: str) -> None:
    """Send for four seconds."""
    block = bytes(64 << 10)
    with socket.create_connection((address, PORT)) as connection:
        end = time.monotonic() + RAMP_S + STREAM_S
        while time.monotonic() < end:
            connection.sendall(block)


def read_mbps(running: Emulated) -> float:
    """One TCP stream between two programs that copy what they send and receive, as iperf3 does."""
    (path,) = running.paths
    far = running.emulation.ends[path.name].far
    with NamespaceTestbed(running.emulation.namespaces) as testbed, Manager() as manager:
        listening = manager.Event()
        found = testbed.sites[path.far].submit(sink, far, listening)
        listening.wait(10)
        testbed.sites[path.near].submit(source, far).result()
        return found.result()


def discarded_mbps(running: Emulated) -> float:
    """One TCP stream between our own probes: nothing is copied at either end."""

    def spec(path: Path, address: str, port: int, _: int) -> TcpSpec:
        lasts = round((RAMP_S + STREAM_S) * NS_PER_S)
        return TcpSpec(
            path.name, "up", address, port, direction="up", duration_ns=lasts, congestion="cubic"
        )

    (rows,) = probed(running, [0], StreamServerSpec, spec, "goodput")
    columns = rows.columns
    level = plateau(columns["octets"].data, columns["start_ns"].data, columns["end_ns"].data)
    return level.goodput.value
