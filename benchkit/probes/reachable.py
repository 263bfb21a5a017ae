"""What every probe and responder says when the system refuses it an address."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from benchkit.errors import MeasureError, UnfitError, told_by_system
from benchkit.linux import hardware_stamps, timestamping

REMEDIES = {
    errno.EADDRINUSE: "stop what listens there, or take another port",
    errno.EACCES: "take a port above 1023, run as root, or lower net.ipv4.ip_unprivileged_port_start with sysctl",
    errno.EADDRNOTAVAIL: "no interface of this host has that address: take one that `ip address` shows",
}


def connect_to(sender: socket.socket, path: str, address: str, port: int) -> None:
    """Connect a datagram socket. Raises MeasureError where there is no way to the address."""
    try:
        sender.connect((address, port))
    except OSError as error:
        raise MeasureError(
            f"{path}: no way to {address}: {told_by_system(error)}: see `ip route get {address}`"
        ) from error


def stamp_by_card(sender: socket.socket, address: str) -> None:
    """Have packets to an address stamped by the card that they leave by too, where it can and we may."""
    if any(able.both for able in hardware_stamps.interfaces().values()):
        interface = hardware_stamps.interface_to(address)
        if interface is not None and hardware_stamps.stamps_now(interface):
            timestamping.stamp_in_hardware(sender)


@contextmanager
def listening_at(protocol: str, address: str, port: int) -> Iterator[None]:
    """Turn the system's refusal of an address into UnfitError, with what would help."""
    try:
        yield
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0, "see `ip address` for what this host has")
        raise UnfitError(
            f"cannot listen at {address} {protocol} port {port}: {told_by_system(error)}: {remedy}"
        ) from error
