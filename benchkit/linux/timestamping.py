"""Kernel stamps on UDP sockets (SO_TIMESTAMPING), and a descriptor a uvloop can watch them by.

Each datagram sent is stamped before the local qdisc (SCHED) and when the driver takes it (SND); each one
received, when the kernel first sees it. All are CLOCK_REALTIME, integer nanoseconds.
"""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

from benchkit.clock import NS_PER_S

SO_TIMESTAMPING = 37
MSG_ERRQUEUE = socket.MSG_ERRQUEUE
TX_SOFTWARE, RX_SOFTWARE, SOFTWARE, OPT_ID, TX_SCHED, OPT_TSONLY = 2, 8, 16, 128, 256, 2048
FLAGS = TX_SOFTWARE | RX_SOFTWARE | SOFTWARE | OPT_ID | TX_SCHED | OPT_TSONLY

IP_RECVERR, IP_RECVTTL, IP_TTL = 11, 12, 2
IPV6_RECVERR = 25
SND, SCHED = 0, 1
ORIGIN_TIMESTAMPING = 4

_STAMPS = struct.Struct("=6q")
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
_ANCILLARY = 512


class Received(NamedTuple):
    """A datagram: what it held, who sent it, when the kernel saw it (0: no stamp), its TTL (-1: not told)."""

    payload: bytes
    source: tuple[str, int]
    stamp_ns: int
    ttl: int


class Sent(NamedTuple):
    """A transmit stamp: the how-manieth datagram of this socket (from 0), SND or SCHED, and when."""

    identity: int
    point: int
    stamp_ns: int


def stamped_udp_socket(family: int = socket.AF_INET) -> socket.socket:
    """A non-blocking UDP socket whose datagrams the kernel stamps both ways."""
    udp = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        stamp(udp)
        udp.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        # RFC 8762 has senders use the largest TTL, so that the far end can count hops.
        udp.setsockopt(socket.IPPROTO_IP, IP_TTL, 255)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    except OSError:
        udp.close()
        raise
    return udp


def stamp(sender: socket.socket) -> None:
    """Have the kernel stamp what a datagram or raw socket sends and receives."""
    sender.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, FLAGS)


def watchable(udp: socket.socket) -> select.epoll:
    """An epoll that holds the socket, to be watched in its place.

    uvloop drops a reader at the first error-queue event, and every transmit stamp is one; a nested epoll
    only ever looks readable.
    """
    nested = select.epoll()
    nested.register(udp.fileno(), select.EPOLLIN)
    return nested


def receive(udp: socket.socket) -> Iterator[Received]:
    """Everything that has arrived. ICMP errors of a connected socket are passed over: the loss tells."""
    while True:
        try:
            payload, ancillary, _, source = udp.recvmsg(2048, _ANCILLARY)
        except BlockingIOError:
            return
        except ConnectionRefusedError:
            continue
        stamp, ttl = 0, -1
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPING:
                seconds, nanoseconds, *_ = _STAMPS.unpack_from(data)
                stamp = seconds * NS_PER_S + nanoseconds
            elif level == socket.IPPROTO_IP and kind == IP_TTL:
                ttl = int.from_bytes(data[:4], "little")
        yield Received(payload, source, stamp, ttl)


def transmit_stamps(udp: socket.socket) -> Iterator[Sent]:
    """Every transmit stamp that has come back. On virtual devices they are there when send() returns."""
    while True:
        try:
            _, ancillary, _, _ = udp.recvmsg(0, _ANCILLARY, MSG_ERRQUEUE)
        except BlockingIOError:
            return
        except ConnectionRefusedError:
            continue
        stamp, identity, point = 0, -1, -1
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPING:
                seconds, nanoseconds, *_ = _STAMPS.unpack_from(data)
                stamp = seconds * NS_PER_S + nanoseconds
            elif kind in {IP_RECVERR, IPV6_RECVERR}:
                _, origin, _, _, _, info, number = _EXTENDED_ERROR.unpack_from(data)
                if origin == ORIGIN_TIMESTAMPING:
                    identity, point = number, info
        if stamp and identity >= 0:
            yield Sent(identity, point, stamp)
