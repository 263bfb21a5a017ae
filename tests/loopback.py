"""What tests on this machine's loopback share: ports that are free, and far ends of few words."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOCAL = "127.0.0.1"


def free_port(address: str = LOCAL) -> int:
    """A TCP port that nothing listens at."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as listener:
        return int(listener.getsockname()[1])


def free_udp_port() -> int:
    """The same of UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((LOCAL, 0))
        return int(udp.getsockname()[1])


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A UDP port of which `answer` is called, in the loop that runs, with whatever there is to read."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((LOCAL, 0))
        udp.setblocking(False)
        loop.add_reader(udp, answer, udp)
        try:
            yield int(udp.getsockname()[1])
        finally:
            loop.remove_reader(udp)
