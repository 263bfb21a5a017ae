"""What every responder says when it cannot have its address."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from benchkit.errors import UnfitError


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
