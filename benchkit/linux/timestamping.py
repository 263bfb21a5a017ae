"""Kernel stamps on UDP sockets (SO_TIMESTAMPING), IPv4 and IPv6, and a descriptor a uvloop can watch them by.

Each datagram sent is stamped before the local qdisc (SCHED) and when the driver takes it (SND); each one
received, when the kernel first sees it. All are CLOCK_REALTIME, integer nanoseconds.
"""

from __future__ import annotations

import errno
import select
import socket
import struct
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from benchkit.clock import NS_PER_S

SO_TIMESTAMPING = 37
MSG_ERRQUEUE = socket.MSG_ERRQUEUE
TX_SOFTWARE, RX_SOFTWARE, SOFTWARE, OPT_ID, TX_SCHED, OPT_TSONLY = 2, 8, 16, 128, 256, 2048
OPT_ID_TCP = 1 << 16
FLAGS = TX_SOFTWARE | RX_SOFTWARE | SOFTWARE | OPT_ID | TX_SCHED | OPT_TSONLY

IP_PKTINFO, IP_RECVERR, IP_RECVTOS, IP_RECVTTL = 8, 11, 13, 12
IPV6_RECVERR = 25
SND, SCHED = 0, 1
ORIGIN_TIMESTAMPING = 4
LARGEST_TTL = 255
# ICMP's bad news about an earlier packet of a connected socket: its missing answer tells, and the socket is well.
NEWS = frozenset(
    {
        errno.ECONNREFUSED,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.ENOPROTOOPT,
        errno.EPROTO,
        errno.EMSGSIZE,
        errno.EACCES,
        errno.EHOSTDOWN,
        errno.EOPNOTSUPP,
    }
)
# Which control messages tell the hop limit and the traffic class, in either family.
_HOPS = {(socket.IPPROTO_IP, socket.IP_TTL), (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT)}
_CLASSES = {(socket.IPPROTO_IP, socket.IP_TOS), (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)}

_STAMPS = struct.Struct("=6q")
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
_INT = struct.Struct("=i")
_PACKET_INFO = struct.Struct(
    "=I4s4s"
)  # interface, the address to answer from, the address in the header
_PACKET_INFO_6 = struct.Struct("=16sI")
_ANCILLARY = 512
_Message = tuple[bytes, list[tuple[int, int, bytes]], int, Any]


class Received(NamedTuple):
    """A datagram: what it held, who sent it, and when the kernel saw it (0: no stamp).

    `ttl` is the TTL or hop limit it came with, `traffic_class` DSCP and ECN in one octet; -1 is not told.
    `destination` is which of our addresses it was sent to, where `tell_destinations` asked for that.
    """

    payload: bytes
    source: Any
    stamp_ns: int
    ttl: int
    traffic_class: int
    destination: str = ""


class Sent(NamedTuple):
    """A transmit stamp: the how-manieth datagram of this socket (from 0), SND or SCHED, and when."""

    identity: int
    point: int
    stamp_ns: int


def family_of(address: str) -> socket.AddressFamily:
    """IPv6 for an address with colons in it, else IPv4."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def stamped_udp_socket(family: int = socket.AF_INET) -> socket.socket:
    """A non-blocking UDP socket whose datagrams the kernel stamps both ways."""
    udp = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        stamp(udp)
        # RFC 8762 has senders use the largest TTL, so that the far end can count hops.
        if family == socket.AF_INET6:
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, LARGEST_TTL)
        else:
            udp.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
            udp.setsockopt(socket.IPPROTO_IP, IP_RECVTOS, 1)
            udp.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, LARGEST_TTL)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    except OSError:
        udp.close()
        raise
    return udp


def tell_destinations(udp: socket.socket) -> None:
    """Have each datagram tell which address of ours it was sent to: a socket bound to all of them must answer from it."""
    if udp.family == socket.AF_INET6:
        udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        udp.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)


def answer(udp: socket.socket, payload: bytes, received: Received, traffic_class: int) -> None:
    """Send back to where a datagram came from, from the address it was sent to."""
    if not received.destination and traffic_class <= 0:
        udp.sendto(payload, received.source)
        return
    six = udp.family == socket.AF_INET6
    level = socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP
    ancillary = [(level, socket.IPV6_TCLASS if six else socket.IP_TOS, _INT.pack(traffic_class))]
    if received.destination:
        address = socket.inet_pton(udp.family, received.destination)
        told = _PACKET_INFO_6.pack(address, 0) if six else _PACKET_INFO.pack(0, address, bytes(4))
        ancillary.append((level, socket.IPV6_PKTINFO if six else IP_PKTINFO, told))
    udp.sendmsg((payload,), ancillary, 0, received.source)


def set_traffic_class(sender: socket.socket, traffic_class: int) -> None:
    """Send with this DSCP (the upper six bits) and ECN from now on."""
    if sender.family == socket.AF_INET6:
        sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, traffic_class)
    else:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, traffic_class)


def stamp(sender: socket.socket, *, stream: bool = False) -> None:
    """Have the kernel stamp what a socket sends and receives; `Sent.identity` of a stream counts octets from 0."""
    sender.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, FLAGS | OPT_ID_TCP * stream)


def watchable(udp: socket.socket) -> select.epoll:
    """An epoll that holds the socket, to be watched in its place.

    uvloop drops a reader at the first error-queue event, and every transmit stamp is one; a nested epoll
    only ever looks readable.
    """
    nested = select.epoll()
    nested.register(udp.fileno(), select.EPOLLIN)
    return nested


def receive(udp: socket.socket, largest: int = 2048) -> Iterator[Received]:
    """Everything that has arrived, up to `largest` octets of each."""
    while (found := _next(udp, largest)) is not None:
        payload, ancillary, _, source = found
        stamp, ttl, traffic_class, destination = 0, -1, -1, ""
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPING:
                stamp = _software_ns(data)
            elif (level, kind) in _HOPS:
                ttl = int.from_bytes(data[:4], sys.byteorder)
            elif (level, kind) in _CLASSES:  # one octet from IPv4, an int from IPv6
                traffic_class = int.from_bytes(data[:4], sys.byteorder)
            elif (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
                destination = socket.inet_ntop(socket.AF_INET, data[4:8])
            elif (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
                destination = socket.inet_ntop(socket.AF_INET6, data[:16])
        yield Received(payload, source, stamp, ttl, traffic_class, destination)


def transmit_stamps(udp: socket.socket) -> Iterator[Sent]:
    """Every transmit stamp that has come back. On virtual devices they are there when send() returns."""
    while (found := _next(udp, 0, MSG_ERRQUEUE)) is not None:
        stamp, identity, point = 0, -1, -1
        for level, kind, data in found[1]:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPING:
                stamp = _software_ns(data)
            elif kind in {IP_RECVERR, IPV6_RECVERR}:
                _, origin, _, _, _, info, number = _EXTENDED_ERROR.unpack_from(data)
                if origin == ORIGIN_TIMESTAMPING:
                    identity, point = number, info
        if stamp and identity >= 0:
            yield Sent(identity, point, stamp)


def _next(udp: socket.socket, octets: int, flags: int = 0) -> _Message | None:
    """What recvmsg gives next, None where there is nothing. ICMP errors are passed over: the loss tells."""
    while True:
        try:
            return udp.recvmsg(octets, _ANCILLARY, flags)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno not in NEWS:
                raise


def _software_ns(stamps: bytes) -> int:
    seconds, nanoseconds, *_ = _STAMPS.unpack_from(stamps)
    return int(seconds) * NS_PER_S + int(nanoseconds)
