"""Packets sent one way between two sites, numbered, with the kernel's own stamps: what went out and what came.

Everything runs in the test's own process: a socket stays in the namespace of the thread that made it.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchkit.clock import NS_PER_MS, NS_PER_S, monotonic_ns
from benchkit.emulators.link import Emulation
from benchkit.linux import libc, timestamping
from benchkit.model.place import Path

Result = TypeVar("Result")
SO_RCVBUFFORCE, SO_MEMINFO = 33, 55
MEMINFO = struct.Struct("=9I")  # the last is what found no room in the socket
ROOM_OCTETS = 16 << 20
NUMBER = struct.Struct(">Q")
AT_ONCE = 32  # packets sent before the receivers get their turn
QUIET_NS = 300 * NS_PER_MS


def inside(netns: str, function: Callable[..., Result], *arguments: Any) -> Result:
    """Call it in a thread that has entered the network namespace at a path."""
    outcome: list[Result] = []
    trouble: list[Exception] = []

    def body() -> None:
        try:
            libc.enter_network(netns)
            outcome.append(function(*arguments))
        except Exception as error:  # noqa: BLE001  raised in the caller's thread
            trouble.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if trouble:
        raise trouble[0]
    return outcome[0]


@dataclass
class Flow:
    """What was sent one way, by number from 0, with kernel stamps (CLOCK_REALTIME ns)."""

    count: int
    queued: dict[int, int] = field(default_factory=dict)  # handed to the sender's device
    sent: dict[int, int] = field(default_factory=dict)  # taken by the sender's driver
    arrivals: list[tuple[int, int]] = field(default_factory=list)  # number and stamp, as they came

    @property
    def order(self) -> list[int]:
        """The numbers as they came."""
        return [number for number, _ in self.arrivals]

    @property
    def lost(self) -> list[int]:
        """The numbers that never came."""
        return sorted(set(range(self.count)) - set(self.order))

    def delays_ns(self) -> NDArray[np.int64]:
        """From the sender's driver to the receiver's kernel, for all that came."""
        return np.array([stamp - self.sent[number] for number, stamp in self.arrivals])

    def local_ns(self) -> NDArray[np.int64]:
        """What each packet waited in the sender's own device."""
        return np.array([stamp - self.queued[number] for number, stamp in self.sent.items()])


class Way:
    """One direction of a path: a socket that sends, and one that receives."""

    def __init__(self, emulation: Emulation, path: Path, *, back: bool = False) -> None:
        """Open both inside their sites."""
        ends = emulation.ends[path.name]
        sites, addresses = (path.near, path.far), (ends.near, ends.far)
        source, target = (1, 0) if back else (0, 1)
        self.receiver = udp_at(emulation, sites[target], addresses[target])
        self.sender = udp_at(emulation, sites[source], addresses[source])
        self.sender.connect(self.receiver.getsockname())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sender.close()
        self.receiver.close()

    def pass_on(self, flow: Flow, number: int, octets: int) -> None:
        self.sender.send(NUMBER.pack(number).ljust(octets, b"\0"))
        self.take_stamps(flow)

    def take_stamps(self, flow: Flow) -> None:
        for identity, point, stamp, _ in timestamping.transmit_stamps(self.sender):
            stamps = flow.sent if point == timestamping.SND else flow.queued
            stamps[identity] = stamp

    def take_arrivals(self, flow: Flow) -> bool:
        """Whether anything had come."""
        found = [
            (NUMBER.unpack_from(one.payload)[0], one.stamp_ns)
            for one in timestamping.receive(self.receiver)
        ]
        flow.arrivals += found
        return bool(found)

    def overflowed(self) -> int:
        """How many packets the receiving socket had no room for."""
        told = self.receiver.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, MEMINFO.size)
        return int(MEMINFO.unpack(told)[-1])


def udp_at(emulation: Emulation, site: str, address: str) -> socket.socket:
    """A stamped UDP socket in a site, bound to an address of it, with room for whatever may come."""
    udp = inside(emulation.namespaces[site], timestamping.stamped_udp_socket)
    with suppress(PermissionError):  # an ordinary user gets what the system allows
        udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM_OCTETS)
    udp.bind((address, 0))
    return udp


def send_all(pairs: Sequence[tuple[Way, Flow]], numbers: range, every_ns: int, octets: int) -> None:
    began, at = monotonic_ns(), 0
    while at < len(numbers):
        due = (monotonic_ns() - began) // every_ns + 1
        for number in numbers[at : min(due, at + AT_ONCE)]:
            for way, flow in pairs:
                way.pass_on(flow, number, octets)
            at += 1
        for way, flow in pairs:
            way.take_arrivals(flow)
        left = began + at * every_ns - monotonic_ns()
        if left > 0:
            select.select([way.receiver for way, _ in pairs], [], [], left / NS_PER_S)


def await_rest(pairs: Sequence[tuple[Way, Flow]]) -> None:
    """Until all have come, or nothing more does."""
    last = monotonic_ns()
    while monotonic_ns() < last + QUIET_NS and any(flow.lost for _, flow in pairs):
        select.select([way.receiver for way, _ in pairs], [], [], QUIET_NS / 10 / NS_PER_S)
        came = [way.take_arrivals(flow) for way, flow in pairs]
        if any(came):
            last = monotonic_ns()
    for way, flow in pairs:
        way.take_arrivals(flow)
        way.take_stamps(flow)
