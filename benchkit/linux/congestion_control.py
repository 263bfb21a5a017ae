"""Which congestion controls this host knows, and whether this user may choose one."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from benchkit.linux.tcp import TCP_CONGESTION

AVAILABLE = Path("/proc/sys/net/ipv4/tcp_available_congestion_control")
ALLOWED = Path("/proc/sys/net/ipv4/tcp_allowed_congestion_control")
Standing = Literal["usable", "forbidden", "unknown"]


def standing(name: str) -> Standing:
    """What becomes of who asks for it: one that the kernel knows may be kept for who administers the network (tcp(7))."""
    with socket.socket() as trial:
        try:
            trial.setsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, name.encode())
        except PermissionError:
            return "forbidden"
        except OSError:
            return "unknown"
    return "usable"


def allowing(names: Iterable[str]) -> str:
    """What tcp_allowed_congestion_control is to say that these may be chosen too: its value replaces the one before."""
    try:
        allowed = ALLOWED.read_text(encoding="ascii").split()
    except OSError:
        allowed = []
    return " ".join(dict.fromkeys([*allowed, *names]))


def known() -> tuple[str, ...]:
    """Those that the kernel has loaded, in its own order; none where it does not tell."""
    try:
        return tuple(AVAILABLE.read_text(encoding="ascii").split())
    except OSError:
        return ()
