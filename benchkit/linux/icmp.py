"""Sockets for ICMP echo with kernel stamps: the unprivileged kind where a user's group may ping, else a raw one."""

from __future__ import annotations

import socket

from benchkit.errors import MeasureError
from benchkit.linux import timestamping
from benchkit.linux.address import family_of

FORBIDDEN = "this user may send no pings: run as root, or allow it with `sysctl -w net.ipv4.ping_group_range='0 2147483647'`"
ECHO_REPLY, ECHO_REQUEST = 0, 8
ECHO_REPLY_6, ECHO_REQUEST_6 = 129, 128
HEADER_OCTETS = 8


def echo_socket(address: str) -> socket.socket:
    """A non-blocking stamped socket for that address, IPv4 or IPv6, to be connected.

    A raw one hands over other programs' answers too, those of IPv4 with their IP headers. Raises MeasureError
    without the privilege.
    """
    family = family_of(address)
    protocol = socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            found = socket.socket(
                family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, protocol
            )
        except PermissionError:
            continue
        timestamping.stamp(found)
        return found
    raise MeasureError(f"pinging {address}: {FORBIDDEN}")


def may_ping(address: str) -> bool:
    """Whether this user may have such a socket."""
    try:
        echo_socket(address).close()
    except MeasureError:
        return False
    return True


def pack_echo_6(sequence: int, payload: bytes) -> bytes:
    """An echo request of ICMPv6; the kernel knows the addresses, and fills in the checksum."""
    return bytes((ECHO_REQUEST_6, 0, 0, 0, 0, 0)) + (sequence & 0xFFFF).to_bytes(2, "big") + payload


def pack_echo(sequence: int, payload: bytes) -> bytes:
    """An echo request; its identifier is 0, and a datagram socket puts its own in its place."""
    head = bytes((ECHO_REQUEST, 0, 0, 0, 0, 0)) + (sequence & 0xFFFF).to_bytes(2, "big")
    whole = head + payload + bytes(len(payload) % 2)
    total = sum(int.from_bytes(whole[at : at + 2], "big") for at in range(0, len(whole), 2))
    total = (total & 0xFFFF) + (total >> 16)
    total += total >> 16
    return head[:2] + (total & 0xFFFF ^ 0xFFFF).to_bytes(2, "big") + head[4:] + payload


def read_echo(packet: bytes) -> bytes | None:
    """The payload of an echo reply, with or without an IP header before it; None for anything else."""
    if packet and packet[0] >> 4 == 4:  # noqa: PLR2004  version 4; an ICMP type is below 64
        packet = packet[4 * (packet[0] & 15) :]
    if len(packet) < HEADER_OCTETS or packet[0] != ECHO_REPLY:
        return None
    return packet[HEADER_OCTETS:]


def read_echo_6(packet: bytes) -> bytes | None:
    """The payload of an echo reply of ICMPv6, which comes without an IP header; None for anything else."""
    if len(packet) < HEADER_OCTETS or packet[0] != ECHO_REPLY_6:
        return None
    return packet[HEADER_OCTETS:]
