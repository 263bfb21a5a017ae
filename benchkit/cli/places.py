"""Where commands listen, and whom they let in, as a person writes it."""

from __future__ import annotations

import socket
from ipaddress import ip_network

from benchkit.cli.words import Words
from benchkit.errors import AskedWronglyError

LOOPBACK = "127.0.0.1"
PORT_LIMIT = 65_535


class HostPort(Words[tuple[str, int]]):
    """HOST:PORT, [ADDRESS]:PORT for IPv6; :PORT is loopback."""

    name = "host:port"

    def __init__(self, least_port: int = 1) -> None:
        """Port 0, where it may be given, is any that is free."""
        self._least_port = least_port

    def read(self, text: str) -> tuple[str, int]:
        """The two, the host without brackets."""
        host, colon, port = text.rpartition(":")
        whole = f"{text!r} is not HOST:PORT, as in 192.0.2.1:5201"
        if not colon:
            raise ValueError(f"{whole}: it names no port")
        if not port.isdecimal() or not self._least_port <= int(port) <= PORT_LIMIT:
            raise ValueError(f"{whole}: a port is from {self._least_port} to {PORT_LIMIT}")
        return host.removeprefix("[").removesuffix("]") or LOOPBACK, int(port)


class Network(Words[str]):
    """An address, or a network in CIDR notation."""

    name = "network"

    def read(self, text: str) -> str:
        """As `ipaddress` writes it."""
        try:
            return str(ip_network(text))
        except ValueError as error:
            raise ValueError(f"{text!r} is no network, as in {_alike(text)}") from error


def _alike(text: str) -> str:
    try:  # an address with the length of its prefix, as `ip address` shows it
        return str(ip_network(text, strict=False))
    except ValueError:
        return "192.0.2.0/24 or 2001:db8::/32"


def resolved(host: str) -> str:
    """The IP address of a name. Raises AskedWronglyError where it has none."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no name of a host"
        address, _, port = host.rpartition(":")
        own = "one of this machine's"
        given = f"{address}: ports have options of their own, as --stamp-port"
        raise AskedWronglyError(
            f"{host} is no address: {said}; give {given if port.isdecimal() else own}"
        ) from error
    return str(found[0][4][0])
