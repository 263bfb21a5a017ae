"""What every probe and responder says when the system refuses it an address."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from benchkit.errors import MeasureError, UnfitError


def connect_to(sender: socket.socket, path: str, address: str, port: int) -> None:
    """Connect a datagram socket. Raises MeasureError where there is no way to the address."""
    try:
        sender.connect((address, port))
    except OSError as error:
        raise MeasureError(
            f"{path}: no way to {address}: {os.strerror(error.errno or 0)}: see `ip route get {address}`"
        ) from error


@contextmanager
def listening_at(protocol: str, address: str, port: int) -> Iterator[None]:
    """Turn the system's refusal of an address into UnfitError, with what would help."""
    try:
        yield
    except OSError as error:
        raise UnfitError(
            f"cannot listen at {address} {protocol} port {port}: {os.strerror(error.errno or 0)}: stop what "
            "listens there, or take another port"
        ) from error
