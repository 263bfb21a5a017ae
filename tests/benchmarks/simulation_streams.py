"""Bare TCP streams through an emulation, moved by one process that no stream has to wait for.

A receiver's kernel acknowledges at once as long as less is unread than its low-water mark (SO_RCVLOWAT), and a sender's
has more queued than it may send: so nothing but the path and TCP paces a stream, not how soon a process is woken.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from emulated import Emulated
from flows import inside

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.linux import tcp

PORT = 8630
SO_SNDBUFFORCE = 32
SEND_OCTETS = 8 << 20
LOW_WATER = 16 << 20
LOOK_S = 0.004
SAMPLE_NS = NS_PER_S // 10
RECEIVED_AT = 128  # tcpi_bytes_received in struct tcp_info of <linux/tcp.h>
NO_LINGER = struct.pack("ii", 1, 0)


class Sample(NamedTuple):
    """A look at both kernels: ns since the start, octets that arrived in order, and what the sender knows."""

    since_ns: int
    received: int
    info: tcp.TcpInfo


@dataclass
class BareStream:
    """Both ends of one stream, and its samples."""

    sender: socket.socket
    receiver: socket.socket
    samples: list[Sample] = field(default_factory=list)

    def move(self, block: bytes, waste: bytearray) -> None:
        """Read what has come, unseen, and queue what finds room."""
        with suppress(BlockingIOError):
            while self.receiver.recv_into(waste, tcp.RECEIVE, tcp.MSG_TRUNC):
                pass
        with suppress(BlockingIOError):
            while self.sender.send(block):
                pass

    def sample(self, since_ns: int) -> None:
        """Look at both kernels."""
        raw = self.receiver.getsockopt(socket.IPPROTO_TCP, tcp.TCP_INFO, 512)
        received = int.from_bytes(raw[RECEIVED_AT : RECEIVED_AT + 8], "little")
        self.samples.append(Sample(monotonic_ns() - since_ns, received, tcp.info(self.sender)))


def bare_streams(running: Emulated, congestions: Sequence[str], seconds: float) -> list[BareStream]:
    """One stream along each path, all at once."""
    block, waste = bytes(1 << 20), bytearray(tcp.RECEIVE)
    with ExitStack() as stack:
        streams = [
            _opened(running, at, congestion, stack) for at, congestion in enumerate(congestions)
        ]
        began = due = monotonic_ns()
        while due <= began + round(seconds * NS_PER_S):
            for stream in streams:
                stream.move(block, waste)
            if monotonic_ns() >= due:
                due += SAMPLE_NS
                for stream in streams:
                    stream.sample(began)
            time.sleep(LOOK_S)
    return streams


def _opened(running: Emulated, at: int, congestion: str, stack: ExitStack) -> BareStream:
    path, emulation = running.paths[at], running.emulation
    listener, sender = (
        stack.enter_context(inside(emulation.namespaces[site], _tcp_socket))
        for site in (path.far, path.near)
    )
    where = (emulation.ends[path.name].far, PORT)
    listener.setsockopt(
        socket.SOL_SOCKET, socket.SO_RCVLOWAT, LOW_WATER
    )  # those it accepts have it
    listener.bind(where)
    listener.listen()
    tcp.set_congestion_control(sender, congestion)
    sender.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, SEND_OCTETS)
    sender.connect(where)
    receiver, _ = listener.accept()
    stack.enter_context(receiver)
    for each in (sender, receiver):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        each.setblocking(False)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, LOW_WATER)
    return BareStream(sender, receiver)


def _tcp_socket() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM)
