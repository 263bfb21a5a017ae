"""How well this machine measures, tried out: wake-ups, the clock, kernel stamps, real-time priority."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

from benchkit.clock import NS_PER_MS, NS_PER_S, monotonic_ns, realtime_ns
from benchkit.linux import process, quiet, tcp, timestamping
from benchkit.linux.timerfd import TimerFd

STEP_NS = NS_PER_MS
PACKETS = 300
PACE_NS = NS_PER_MS // 2
ANSWER_S = 2.0
READINGS = 1000
PRIORITY_TIMEOUT_S = 3.0
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class StampTrial:
    """Packets sent over loopback one by one, how many got which stamp, and what user space added to each.

    `host_ns` is from the call that sends to the call that has received, less the kernel's own RX - SND.
    """

    packets: int
    received: int
    sent: int
    scheduled: int
    host_ns: tuple[int, ...]


def timer_lateness_ns(lasting_ns: int) -> list[int]:
    """How late each of a row of absolute timers, a millisecond apart, woke this process."""
    late = []
    with TimerFd() as timer, select.epoll() as poller:
        poller.register(timer.fileno(), select.EPOLLIN)
        first = monotonic_ns() + STEP_NS
        for due in range(first, first + lasting_ns, STEP_NS):
            timer.set(due)
            poller.poll()
            late.append(monotonic_ns() - due)
            timer.clear()
    return late


def clock_reading_ns() -> int:
    """What one reading of the clock costs, call and all."""
    began = monotonic_ns()
    for _ in range(READINGS):
        monotonic_ns()
    return (monotonic_ns() - began) // READINGS


def realtime_priority() -> bool:
    """Whether a process of ours may take real-time priority, tried in one started as the line is."""
    reader, writer = process.context().Pipe(duplex=False)
    with reader:
        with writer:
            child = process.start(_take_priority, writer, netns=None, name="benchkit trial")
        granted = bool(reader.poll(PRIORITY_TIMEOUT_S) and reader.recv())
    child.join(PRIORITY_TIMEOUT_S)
    return granted


def has_congestion_control(name: str) -> bool:
    """Whether a TCP socket gets the congestion control it asks for."""
    with socket.socket() as connection:
        return tcp.set_congestion_control(connection, name) == name


def stamps_on_loopback() -> StampTrial:
    """Send packets over the loopback of the calling thread's namespace. Raises OSError where none pass.

    Raises TimeoutError where they do not come.
    """
    with (
        _stamping(),
        timestamping.stamped_udp_socket() as far,
        timestamping.stamped_udp_socket() as near,
    ):
        far.bind((LOOPBACK, 0))
        near.connect(far.getsockname())
        log = _StampLog()
        for index in range(PACKETS):
            called = realtime_ns()
            near.send(index.to_bytes(4, "big"))
            log.departures(near)
            if not select.select([far], [], [], ANSWER_S)[0]:
                raise TimeoutError(f"packet {index + 1} never arrived at {LOOPBACK}")
            log.arrival(far, called)
            select.select([], [], [], PACE_NS / NS_PER_S)
        log.departures(near)
    return log.trial()


@contextmanager
def _stamping() -> Iterator[None]:
    """Hold the kernel to stamping arrivals: it begins only some time after the first socket has asked for it."""
    with timestamping.stamped_udp_socket() as far, timestamping.stamped_udp_socket() as near:
        far.bind((LOOPBACK, 0))
        near.connect(far.getsockname())
        for _ in range(PACKETS):
            near.send(b"")
            select.select([far], [], [], ANSWER_S)
            if any(arrived.stamp_ns for arrived in timestamping.receive(far)):
                break
        yield


class _StampLog:
    """The stamps of each packet, by its number."""

    def __init__(self) -> None:
        self._points: dict[int, dict[int, int]] = {timestamping.SND: {}, timestamping.SCHED: {}}
        self._arrivals: dict[int, int] = {}
        self._took: dict[int, int] = {}

    def departures(self, near: socket.socket) -> None:
        for stamp in timestamping.transmit_stamps(near):
            self._points.setdefault(stamp.point, {})[stamp.identity] = stamp.stamp_ns

    def arrival(self, far: socket.socket, called_ns: int) -> None:
        for arrived in timestamping.receive(far):
            number = int.from_bytes(arrived.payload, "big")
            self._took[number] = realtime_ns() - called_ns
            if arrived.stamp_ns:
                self._arrivals[number] = arrived.stamp_ns

    def trial(self) -> StampTrial:
        arrivals, sent = self._arrivals, self._points[timestamping.SND]
        both = arrivals.keys() & sent.keys()
        hosts = tuple(self._took[number] - (arrivals[number] - sent[number]) for number in both)
        scheduled = len(self._points[timestamping.SCHED])
        return StampTrial(PACKETS, len(arrivals), len(sent), scheduled, hosts)


def _take_priority(answer: Connection) -> None:
    answer.send(quiet.take_priority())
