"""Kernel stamps on UDP sockets (SO_TIMESTAMPING), IPv4 and IPv6, and a descriptor a uvloop can watch them by.

Each datagram sent is stamped before the local qdisc (SCHED) and when the driver takes it (SND); each one
received, when the kernel first sees it. All are CLOCK_REALTIME, integer nanoseconds. Where the interface can, its
card stamps them too, by a clock of its own.
"""

from __future__ import annotations

import errno
import select
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from benchkit.clock import NS_PER_S

SO_RCVBUFFORCE, SO_TIMESTAMPING = 33, 37
ROOM_OCTETS = 1 << 20  # of which the kernel gives the double, for what it charges beside
MSG_ERRQUEUE = socket.MSG_ERRQUEUE
TX_SOFTWARE, RX_SOFTWARE, SOFTWARE, OPT_ID, TX_SCHED, OPT_TSONLY = 2, 8, 16, 128, 256, 2048
OPT_ID_TCP = 1 << 16
# Beside the kernel's: TX_HARDWARE, RX_HARDWARE, RAW_HARDWARE, and both stamps of each departure (OPT_TX_SWHW).
RAW_HARDWARE = 64
HARDWARE = 1 | 4 | RAW_HARDWARE | 1 << 14
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
HOPS = {(socket.IPPROTO_IP, socket.IP_TTL), (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT)}
CLASSES = {(socket.IPPROTO_IP, socket.IP_TOS), (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)}

_STAMPS = struct.Struct("=6q")
EXTENDED_ERROR = struct.Struct("=IBBBBII")
_INT = struct.Struct("=i")
# Interface, the address to answer from, the address in the header.
_PACKET_INFO = struct.Struct("=I4s4s")
_PACKET_INFO_6 = struct.Struct("=16sI")
_ANCILLARY = 512
_Message = tuple[bytes, list[tuple[int, int, bytes]], int, Any]


class Received(NamedTuple):
    """A datagram: what it held, who sent it, and when the kernel saw it (0: no stamp).

    `ttl` is the TTL or hop limit it came with, `traffic_class` DSCP and ECN in one octet; -1 is not told.
    `destination` is which of our addresses it was sent to, where `tell_destinations` asked for that.
    `hardware_ns` is when the card saw it, on the card's clock; 0 is not told.
    """

    payload: bytes
    source: Any
    stamp_ns: int
    ttl: int
    traffic_class: int
    destination: str = ""
    hardware_ns: int = 0


class Sent(NamedTuple):
    """A transmit stamp: the how-manieth datagram of this socket (from 0), SND or SCHED, and when.

    The card's own comes as another SND, on its clock: `hardware_ns`, where `stamp_ns` is 0.
    """

    identity: int
    point: int
    stamp_ns: int
    hardware_ns: int = 0


def stamped_udp_socket(family: int = socket.AF_INET, *, scheduled: bool = True) -> socket.socket:
    """A non-blocking UDP socket whose datagrams the kernel stamps both ways; before the local qdisc if `scheduled`."""
    udp = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        stamp(udp, scheduled=scheduled)
        # RFC 8762 has senders use the largest TTL, so that the far end can count hops.
        if family == socket.AF_INET6:
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, LARGEST_TTL)
        else:
            udp.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
            udp.setsockopt(socket.IPPROTO_IP, IP_RECVTOS, 1)
            udp.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, LARGEST_TTL)
        make_room(udp)
    except OSError:
        udp.close()
        raise
    return udp


def make_room(udp: socket.socket) -> None:
    """Have a socket hold what comes, and its own stamps, while a busy machine keeps its reader waiting.

    What finds no room is lost, or has no stamp, by this host alone. A second of 500 packets/s with both stamps takes
    1 MiB, several times what most systems allow whoever has no privilege.
    """
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM_OCTETS)
    with suppress(OSError):
        udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM_OCTETS)


def tell_destinations(udp: socket.socket) -> None:
    """Have each datagram tell which address of ours it was sent to: a socket bound to all of them must answer from it."""
    if udp.family == socket.AF_INET6:
        udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        udp.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)


def answer(udp: socket.socket, payload: bytes, received: Received, traffic_class: int) -> None:
    """Send back to where a datagram came from, from the address it was sent to."""
    ancillary = leaving_with(udp.family, received.destination, traffic_class)
    if ancillary:
        udp.sendmsg((payload,), ancillary, 0, received.source)
    else:
        udp.sendto(payload, received.source)


def leaving_with(family: int, address: str, traffic_class: int) -> list[tuple[int, int, bytes]]:
    """Control messages that have an answer leave from an address of ours ("": any) and with a traffic class."""
    if not address and traffic_class <= 0:
        return []
    six = family == socket.AF_INET6
    level = socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP
    ancillary = [(level, socket.IPV6_TCLASS if six else socket.IP_TOS, _INT.pack(traffic_class))]
    if address:
        packed = socket.inet_pton(family, address)
        told = _PACKET_INFO_6.pack(packed, 0) if six else _PACKET_INFO.pack(0, packed, bytes(4))
        ancillary.append((level, socket.IPV6_PKTINFO if six else IP_PKTINFO, told))
    return ancillary


def set_traffic_class(sender: socket.socket, traffic_class: int) -> None:
    """Send with this DSCP (the upper six bits) and ECN from now on."""
    if sender.family == socket.AF_INET6:
        sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, traffic_class)
    else:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, traffic_class)


def stamp_in_hardware(sender: socket.socket) -> None:
    """Have the card stamp beside the kernel what a stamped socket sends and receives, if its interface is told to."""
    flags = sender.getsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING)
    sender.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, flags | HARDWARE)


def are_in_hardware(sender: socket.socket) -> bool:
    """Whether a socket asks for the card's stamps."""
    return bool(sender.getsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING) & RAW_HARDWARE)


def stamp(sender: socket.socket, *, stream: bool = False, scheduled: bool = True) -> None:
    """Have the kernel stamp what a socket sends and receives; `Sent.identity` of a stream counts octets from 0.

    Without SCHED, where nobody asks for it, each packet costs the kernel one copy less.
    """
    flags = FLAGS if scheduled else FLAGS & ~TX_SCHED
    sender.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, flags | OPT_ID_TCP * stream)


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
        yield read_received(payload, ancillary, source)


def read_received(
    payload: bytes,
    ancillary: Iterable[tuple[int, int, bytes]],
    source: Any,  # noqa: ANN401  as `socket.recvmsg` gives it
) -> Received:
    """A datagram with what its control messages tell."""
    stamp, hardware, ttl, traffic_class, destination = 0, 0, -1, -1, ""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPING:
            stamp, hardware = read_stamps(data)
        elif (level, kind) in HOPS:
            ttl = int.from_bytes(data[:4], sys.byteorder)
        elif (level, kind) in CLASSES:  # one octet from IPv4, an int from IPv6
            traffic_class = int.from_bytes(data[:4], sys.byteorder)
        elif (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
            destination = socket.inet_ntop(socket.AF_INET, data[4:8])
        elif (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
            destination = socket.inet_ntop(socket.AF_INET6, data[:16])
    return Received(payload, source, stamp, ttl, traffic_class, destination, hardware)


def transmit_stamps(udp: socket.socket) -> Iterator[Sent]:
    """Every transmit stamp that has come back. On virtual devices they are there when send() returns."""
    while (found := _next(udp, 0, MSG_ERRQUEUE)) is not None:
        sent = read_sent(found[1])
        if sent is not None:
            yield sent


def read_sent(ancillary: Iterable[tuple[int, int, bytes]]) -> Sent | None:
    """A transmit stamp from what came off the error queue; None where that is something else."""
    stamp, hardware, identity, point = 0, 0, -1, -1
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPING:
            stamp, hardware = read_stamps(data)
        elif kind in {IP_RECVERR, IPV6_RECVERR}:
            _, origin, _, _, _, info, number = EXTENDED_ERROR.unpack_from(data)
            if origin == ORIGIN_TIMESTAMPING:
                identity, point = number, info
    told = (stamp or hardware) and identity >= 0
    return Sent(identity, point, stamp, hardware) if told else None


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


def read_stamps(raw: bytes) -> tuple[int, int]:
    """The kernel's stamp and the card's own, of struct scm_timestamping; 0 for none. The middle one is no longer used."""
    seconds, nanoseconds, _, _, card_seconds, card_nanoseconds = _STAMPS.unpack_from(raw)
    return seconds * NS_PER_S + nanoseconds, card_seconds * NS_PER_S + card_nanoseconds
