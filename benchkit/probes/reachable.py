"""What every probe and responder says when the system refuses it an address."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from benchkit.errors import NoWayError, UnfitError, told_by_system
from benchkit.linux import hardware_stamps, timestamping
from benchkit.linux.address import family_of

REMEDIES = {
    errno.EADDRINUSE: "stop what listens there, or take another port",
    errno.EACCES: "run as root, lower net.ipv4.ip_unprivileged_port_start with sysctl, or take a port above 1023",
    errno.EADDRNOTAVAIL: "no interface of this host has that address: see `ip address`, and take another",
}
OF_PORT = (errno.EADDRINUSE, errno.EACCES)


class ListenError(UnfitError):
    """An address or a port that cannot be had. `args` are the words, and whether it is the port that must change."""

    def __init__(self, words: str, of_port: bool = False) -> None:  # noqa: FBT001, FBT002  rebuilt from `args`
        """Keep both, so that whoever was asked for it can name the option."""
        super().__init__(words, of_port)

    def __str__(self) -> str:
        """Give the words alone."""
        return str(self.args[0])

    @property
    def of_port(self) -> bool:
        """Whether another port would do."""
        return bool(self.args[1])


def connect_to(sender: socket.socket, path: str, address: str, port: int) -> None:
    """Connect a datagram socket. Raises NoWayError where there is no way to the address."""
    try:
        sender.connect((address, port))
    except OSError as error:
        raise NoWayError(
            f"{path}: no way to {address}: {told_by_system(error)}: see `ip route get {address}`"
        ) from error


def see_way_to(path: str, address: str) -> None:
    """Ask the kernel for a way to an address, and send nothing. Raises NoWayError where there is none."""
    with socket.socket(family_of(address), socket.SOCK_DGRAM) as asking:
        connect_to(asking, path, address, 1)


def stamp_by_card(sender: socket.socket, address: str) -> None:
    """Have packets to an address stamped by the card that they leave by too, where it can and we may."""
    if any(able.both for able in hardware_stamps.interfaces().values()):
        interface = hardware_stamps.interface_to(address)
        if interface is not None and hardware_stamps.stamps_now(interface):
            timestamping.stamp_in_hardware(sender)


@contextmanager
def listening_at(protocol: str, address: str, port: int) -> Iterator[None]:
    """Turn the system's refusal of an address into ListenError, with what would help."""
    try:
        yield
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0, "see `ip address`, and take another")
        raise ListenError(
            f"cannot listen at {address} {protocol} port {port}: {told_by_system(error)}: {remedy}",
            error.errno in OF_PORT,
        ) from error
