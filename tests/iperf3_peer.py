"""A stock iperf3 on this machine, awaited by what the kernel shows: a connection would be taken for a client."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from loopback import LOCAL

ESTABLISHED, LISTENS = "01", "0A"
PATIENCE_S = 10.0


def await_state(port: int, state: str) -> None:
    """Until a TCP socket at this port of ours is in a state."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
                _, here, _, found, *_ = line.split()
                if (here.rpartition(":")[2], found) == (f"{port:04X}", state):
                    return
        time.sleep(0.02)
    raise AssertionError(f"no socket at port {port} came to state {state}")


@contextmanager
def iperf3_serving(
    port: int, *more: str, stdout: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[str]]:
    """A server that listens; it ends with the block."""
    command = ["iperf3", "-s", "-p", str(port), *more]
    with subprocess.Popen(command, stdout=stdout, text=True) as server:
        try:
            await_state(port, LISTENS)
            yield server
        finally:
            server.kill()


@contextmanager
def iperf3_testing(port: int, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A client whose test holds a server; it ends with the block, or before."""
    command: Sequence[str] = ["iperf3", "-c", LOCAL, "-p", str(port), *more]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as client:
        try:
            await_state(port, ESTABLISHED)
            yield client
        finally:
            client.kill()
