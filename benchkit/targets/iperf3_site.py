"""A site that is an iperf3 server: iperf3://HOST[:PORT], and how to log in there."""

from __future__ import annotations

import os
import re
from ipaddress import IPv6Address
from pathlib import Path

from benchkit.errors import TargetError
from benchkit.linux.key_file import contents_of
from benchkit.model.place import Iperf3Server, Login
from benchkit.targets.folders import named_from

PORTS = 1 << 16
IPERF3, IPERF3_PORT = "iperf3://", 5201
_IPERF3 = re.compile(
    r"iperf3://(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[A-Za-z0-9][A-Za-z0-9.-]{0,252}))(?::(?P<port>\d{1,5}))?/?"
)
# Where the password is looked for: ours, then the one that iperf3 itself reads.
PASSWORDS = ("BENCHKIT_IPERF3_PASSWORD", "IPERF3_PASSWORD")


def is_ipv6(text: str) -> bool:
    """Whether it is an IPv6 address."""
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def iperf3_place(text: str) -> tuple[str, int]:
    """Host and port of iperf3://HOST[:PORT], with brackets around IPv6. Raises ValueError for what is none.

    >>> iperf3_place("iperf3://192.0.2.1"), iperf3_place("iperf3://[2001:db8::1]:5202")
    (('192.0.2.1', 5201), ('2001:db8::1', 5202))
    """
    said = _IPERF3.fullmatch(text)
    host = said and (said["six"] or said["host"])
    port = int((said and said["port"]) or IPERF3_PORT)
    if not host or not 0 < port < PORTS or (said and said["six"] and not is_ipv6(host)):
        raise ValueError(
            f"{text!r} is no iperf3 server: write 'iperf3://host' or 'iperf3://host:5201'"
        )
    return host, port


def host_of(address: str | None) -> str | None:
    """The host of an address, iperf3:// or not. Raises ValueError as `iperf3_place`."""
    if address is not None and address.startswith(IPERF3):
        return iperf3_place(address)[0]
    return address


def public_key(name: str, folder: Path) -> bytes:
    """The PEM file of a server. Raises TargetError where it cannot be read."""
    try:
        return contents_of(folder / name)
    except OSError as error:
        raise TargetError(
            f"{name!r} cannot be read: {error.strerror}; give the PEM file of the server's public key{named_from(name)}"
        ) from error


def iperf3_server(
    address: str | None, user: str | None, key: str | None, folder: Path
) -> Iperf3Server | None:
    """The server of an iperf3:// address, with a login for a user and a key file.

    Raises TargetError where key or password cannot be had, ValueError as `iperf3_place`.
    """
    if address is None or not address.startswith(IPERF3):
        return None
    host, port = iperf3_place(address)
    if user is None or key is None:
        return Iperf3Server(port)
    pem = public_key(key, folder)
    password = next((os.environ[name] for name in PASSWORDS if os.environ.get(name)), None)
    if password is None:
        raise TargetError(
            f"{IPERF3}{host}: no password for iperf3_user {user!r}: set {PASSWORDS[0]} in the environment"
        )
    return Iperf3Server(port, Login(user, password, pem))
