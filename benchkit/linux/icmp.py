"""Sockets for ICMP echo with kernel stamps: the unprivileged kind where a user's group may ping, else a raw one."""

from __future__ import annotations

import socket

from benchkit.errors import UnfitError
from benchkit.linux import timestamping

ECHO_REPLY, ECHO_REQUEST = 0, 8
HEADER_OCTETS = 8


def echo_socket(address: str) -> socket.socket:
    """A non-blocking stamped socket connected to that IPv4 address.

    A raw one hands over IP headers too, and other programs' answers. Raises UnfitError without the privilege.
    """
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            found = socket.socket(
                socket.AF_INET,
                kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC,
                socket.IPPROTO_ICMP,
            )
        except PermissionError:
            continue
        timestamping.stamp(found)
        found.connect((address, 0))
        return found
    raise UnfitError(
        f"pinging {address} needs a group that may: widen net.ipv4.ping_group_range with sysctl, or run as root"
    )


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
