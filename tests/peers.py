"""Round trips as other programs measure them, between two network namespaces: ping, fping, irtt and sockperf."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

SETTLE_S = 0.5
OCTETS = "44"  # of payload, as STAMP's
Figures = list[float]  # round trips in microseconds


class Pair(NamedTuple):
    """Two namespaces by path, the address of the far one, and how to ask: packets a second, for so many seconds."""

    near: str
    far: str
    address: str
    rate: int
    seconds: int

    @property
    def packets(self) -> int:
        """How many are asked for."""
        return self.rate * self.seconds

    @property
    def gap_ms(self) -> int:
        """How far apart; 1 at least, for fping takes no less."""
        return max(1, 1000 // self.rate)


def inside(netns: str, *words: str) -> list[str]:
    """The command, run in that namespace."""
    return ["nsenter", f"--net={netns}", "--", *words]


def output(words: Sequence[str]) -> str:
    """What it says, whether or not it likes the result."""
    done = subprocess.run(list(words), capture_output=True, text=True, timeout=60, check=False)
    return done.stdout


@contextmanager
def server(words: Sequence[str]) -> Iterator[None]:
    """A far end that serves meanwhile."""
    with subprocess.Popen(
        list(words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        time.sleep(SETTLE_S)
        try:
            yield
        finally:
            running.terminate()


def ping(pair: Pair) -> Figures:
    """Iputils; the far end is its kernel."""
    words = ("ping", "-n", "-i", str(pair.gap_ms / 1000), "-c", str(pair.packets), "-s", OCTETS)
    said = output(inside(pair.near, *words, pair.address))
    return [1000 * float(each) for each in re.findall(r"time=([\d.]+) ms", said)]


def fping(pair: Pair) -> Figures:
    """The far end is its kernel too. It prints two decimals of a millisecond, three below one."""
    count = min(pair.packets, 1000)
    # Without -t it waits no longer than for the next to be due.
    words = ("fping", "-t", "1000", "-C", str(count), "-p", str(pair.gap_ms), "-b", OCTETS)
    said = output(inside(pair.near, *words, pair.address))
    return [1000 * float(each) for each in re.findall(r"bytes, ([\d.]+) ms", said)]


def irtt(pair: Pair) -> Figures:
    """Less its server's processing time, by user-space clocks."""
    interval = f"{pair.gap_ms}ms"
    serve = ("irtt", "server", "-b", f"{pair.address}:2112", "-i", interval)
    ask = ("irtt", "client", "-i", interval, "-d", f"{pair.seconds}s", "-l", "72", "-q", "-o", "-")
    with server(inside(pair.far, *serve)):
        said = output(inside(pair.near, *ask, pair.address))
    told = json.loads(said[said.find("{") :]) if "{" in said else {"round_trips": []}
    found = [each["delay"].get("rtt") for each in told["round_trips"]]
    return [each / 1000 for each in found if each]


def sockperf(pair: Pair) -> Figures:
    """From user space to user space, whole round trips; at a rate only where one is in flight at a time."""
    at = ("-i", pair.address, "-p", "5001")
    ask = ("--mps", str(pair.rate), "-t", str(pair.seconds), "-m", OCTETS, "--full-rtt")
    with (
        server(inside(pair.far, "sockperf", "server", *at)),
        tempfile.NamedTemporaryFile() as log,
    ):
        words = ("sockperf", "ping-pong", *at, *ask, "--full-log", log.name)
        output(inside(pair.near, *words))
        text = Path(log.name).read_text(encoding="utf-8", errors="replace")
    return [
        float(each) for each in re.findall(r"^\d+, [\d.]+, [\d.]+, ([\d.]+)$", text, re.MULTILINE)
    ]


PEERS: dict[str, Callable[[Pair], Figures]] = {
    "ping": ping,
    "fping": fping,
    "irtt": irtt,
    "sockperf": sockperf,
}
