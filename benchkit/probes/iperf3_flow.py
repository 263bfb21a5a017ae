"""The streams of an iperf3 test: blocking sockets, each on a thread of its own, that only move and count.

Every call comes back twice a second at the latest, so that a flow that is told to end does.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Thread

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.linux import tcp, timestamping
from benchkit.linux.bulk import SINKS, SOURCES
from benchkit.probes.data_thread import give_up
from benchkit.probes.iperf3_datagram import Arrivals, head, stamped
from benchkit.probes.iperf3_terms import TCP_BLOCK, Iperf3Terms
from benchkit.probes.outbox import start

SO_MAX_PACING_RATE = 47
BACK_S = 0.5
NAP_S = 0.1
# What a burst needs while Python is elsewhere; the kernel gives what it allows.
UDP_BUFFER = 4 << 20


class Flow:
    """One stream. `octets` and `packets` are what its thread has moved so far; `arrivals` numbers of datagrams."""

    def __init__(
        self,
        number: int,
        connection: socket.socket,
        terms: Iperf3Terms,
        *,
        sends: bool,
        mode: str = "zero-copy",
    ) -> None:
        """Own a connected socket; `mode` is what is done with TCP's data, one of `linux.bulk`'s."""
        self.number = number
        self.connection = connection
        self.sends = sends
        self.udp = terms.udp
        self.octets = 0
        self.packets = 0
        self.arrivals = Arrivals()
        self.running = True
        self.mode = mode
        self.streams = len(terms.flows)
        self.wrong = 0
        self._terms = terms
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begin to move data."""
        tcp.set_timeouts(self.connection, BACK_S)
        self._thread = start(_WORK[self.udp, self.sends], self, self._terms)

    def end(self) -> None:
        """Tell the thread to end, after the call it is in."""
        self.running = False

    def await_end(self, seconds: float) -> None:
        """Have a sender end, and tell the receiver: iperf3 waits for the rest of a block, or for this."""
        if self._thread is None:
            return
        self._thread.join(seconds)
        if not self.udp:
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_WR)
        self._thread.join(2 * BACK_S)

    def close(self) -> None:
        """Give up the socket, once its thread has let go of it."""
        self.running = False
        give_up(self.connection, self._thread, 2 * BACK_S)


def prepare(connection: socket.socket, terms: Iperf3Terms) -> str:
    """Give a data socket what the terms ask of it; for TCP, return the congestion control in force."""
    if terms.window:
        tcp.set_window(connection, terms.window)
    if terms.tos:
        timestamping.set_traffic_class(connection, terms.tos)
    if terms.pacing_bps:
        rate = min(terms.pacing_bps // 8, 2**32 - 1)
        connection.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, rate)
    if terms.udp:
        if not terms.window:
            tcp.set_window(connection, UDP_BUFFER)
        return ""
    if terms.no_delay:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if terms.segment:
        with suppress(OSError):  # too small for the kernel, or too late: the other end has it too
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, terms.segment)
    return tcp.set_congestion_control(connection, terms.congestion)


def _tcp_source(flow: Flow, terms: Iperf3Terms) -> None:
    # The block that iperf3 takes unless asked otherwise leaves the size of a call to us.
    if terms.block == TCP_BLOCK and not terms.rate_bps:
        with suppress(OSError):
            SOURCES[flow.mode](flow.connection, flow)
        return
    block, send, rate = bytes(terms.block), flow.connection.send, terms.rate_bps
    began = monotonic_ns()
    while flow.running:
        if rate and _ahead(began + flow.octets * 8 * NS_PER_S // rate):
            continue
        try:
            flow.octets += send(block)
        except BlockingIOError:
            continue
        except OSError:
            return


def _tcp_sink(flow: Flow, terms: Iperf3Terms) -> None:  # noqa: ARG001  one shape for all
    with suppress(OSError):
        SINKS[flow.mode](flow.connection, flow)


def _udp_source(flow: Flow, terms: Iperf3Terms) -> None:
    shape, block = head(wide=terms.wide_counters), bytearray(terms.block)
    send, rate = flow.connection.send, terms.rate_bps
    each_ns = terms.block * 8 * NS_PER_S / rate if rate else 0.0
    began, packets = monotonic_ns(), 0
    while flow.running:
        if rate and _ahead(began + round(packets * each_ns)):
            continue
        shape.pack_into(block, 0, *stamped(monotonic_ns()), packets + 1)
        try:
            send(block)
        except (BlockingIOError, InterruptedError):
            continue
        except OSError:
            return
        packets += 1
        flow.octets += terms.block
        flow.packets = packets


def _udp_sink(flow: Flow, terms: Iperf3Terms) -> None:
    shape = head(wide=terms.wide_counters)
    buffer = bytearray(shape.size)
    receive, add = flow.connection.recv_into, flow.arrivals.add
    while flow.running:
        try:
            # On UDP, MSG_TRUNC gives the datagram's true length.
            got = receive(buffer, shape.size, tcp.MSG_TRUNC)
        except BlockingIOError:
            continue
        except ConnectionRefusedError:
            continue  # our greeting met nobody; told by the control connection
        except OSError:
            return
        if got < shape.size:
            continue
        seconds, microseconds, number = shape.unpack_from(buffer)
        if add(number, seconds, microseconds, monotonic_ns()):
            flow.octets += got


def _ahead(due_ns: int) -> bool:
    """Whether it is too early; then some of the time has passed."""
    early = due_ns - monotonic_ns()
    if early <= 0:
        return False
    time.sleep(min(early / NS_PER_S, NAP_S))
    return True


_WORK: dict[tuple[bool, bool], Callable[[Flow, Iperf3Terms], None]] = {
    (False, True): _tcp_source,
    (False, False): _tcp_sink,
    (True, True): _udp_source,
    (True, False): _udp_sink,
}
