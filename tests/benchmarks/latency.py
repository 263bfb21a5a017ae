# ruff: noqa: T201  it prints a table
"""Round trips beside the peers' on one veth pair: `python tests/benchmarks/latency.py [--rounds N]`.

1000 packets/s each, in turn, idle and with one busy process on each core. Ours comes twice: the network's own
share by kernel stamps, and what user space sees, which is what irtt and sockperf mean by a round trip. ping's
far end is the kernel, so its figure has no process in it at all.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path as File

import numpy as np

sys.path += [str(File(__file__).parents[1]), str(File(__file__).parent)]

from emulated import Emulated, probed
from emulation import bare_pair

from benchkit.campaign.summary import network_ns
from benchkit.clock import NS_PER_S
from benchkit.linux import process
from benchkit.model.place import Path
from benchkit.model.spec import ReflectorSpec, StampSpec

RATE, SECONDS = 1000, 3
FAR = "198.18.0.2"
SETTLE_S = 0.5
Figures = list[float]  # round trips in microseconds


def ours(running: Emulated) -> dict[str, Figures]:
    """Network and user-space round trips of the same packets, and how late each was sent."""

    def spec(path: Path, address: str, port: int, ssid: int) -> StampSpec:
        interval = NS_PER_S // RATE
        return StampSpec(path.name, "idle", address, port, ssid, RATE * SECONDS, interval, NS_PER_S)

    (rows,) = probed(running, [0], ReflectorSpec, spec, "rtt")
    columns = rows.columns
    return {
        "benchkit, network": _us(network_ns(rows)),
        "benchkit, user space": _us(columns["received_ns"] - columns["sent_ns"]),
        "benchkit, lateness of sends": _us(columns["sent_ns"] - columns["due_ns"]),
    }


def _us(column: np.ma.MaskedArray) -> Figures:
    return [float(each) / 1000 for each in column.compressed()]


def inside(netns: str, *words: str) -> list[str]:
    return ["nsenter", f"--net={netns}", "--", *words]


def output(words: Sequence[str]) -> str:
    done = subprocess.run(list(words), capture_output=True, text=True, timeout=60, check=False)
    return done.stdout


@contextmanager
def server(words: Sequence[str]) -> Iterator[None]:
    with subprocess.Popen(
        list(words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        time.sleep(SETTLE_S)
        try:
            yield
        finally:
            running.terminate()


def ping(near: str, far: str) -> Figures:  # noqa: ARG001  the far end is its kernel
    said = output(inside(near, "ping", "-i", "0.001", "-c", str(RATE * SECONDS), "-s", "44", FAR))
    return [1000 * float(each) for each in re.findall(r"time=([\d.]+) ms", said)]


def fping(near: str, far: str) -> Figures:  # noqa: ARG001  as above
    said = output(inside(near, "fping", "-C", str(RATE), "-p", "1", "-b", "44", FAR))
    return [1000 * float(each) for each in re.findall(r"bytes, ([\d.]+) ms", said)]


def irtt(near: str, far: str) -> Figures:
    with server(inside(far, "irtt", "server", "-b", f"{FAR}:2112", "-i", "1ms")):
        words = (
            "irtt",
            "client",
            "-i",
            "1ms",
            "-d",
            f"{SECONDS}s",
            "-l",
            "72",
            "-q",
            "-o",
            "-",
            FAR,
        )
        said = output(inside(near, *words))
    told = json.loads(said[said.find("{") :]) if "{" in said else {"round_trips": []}
    found = [each["delay"].get("rtt") for each in told["round_trips"]]
    return [each / 1000 for each in found if each]


def sockperf(near: str, far: str) -> Figures:
    with (
        server(inside(far, "sockperf", "server", "-i", FAR, "-p", "5001")),
        tempfile.NamedTemporaryFile() as log,
    ):
        words = ["sockperf", "ping-pong", "-i", FAR, "-p", "5001", "--mps=1000", "-t", str(SECONDS)]
        output(inside(near, *words, "-m", "44", "--full-rtt", "--full-log", log.name))
        text = File(log.name).read_text(encoding="utf-8", errors="replace")
    return [
        float(each) for each in re.findall(r"^\d+, [\d.]+, [\d.]+, ([\d.]+)$", text, re.MULTILINE)
    ]


PEERS: dict[str, Callable[[str, str], Figures]] = {
    "ping": ping,
    "fping": fping,
    "irtt": irtt,
    "sockperf": sockperf,
}


@contextmanager
def busy() -> Iterator[None]:
    """One process that never sleeps on each core."""
    hogs = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in os.sched_getaffinity(0)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def one_round() -> dict[str, Figures]:
    with bare_pair() as running:
        found = ours(running)
        near, far = running.emulation.namespaces.values()
        for name, measure in PEERS.items():
            if shutil.which(name):
                found[name] = measure(near, far)
    return found


def show(title: str, rounds: list[dict[str, Figures]]) -> None:
    print(f"\n{title}: microseconds, median of {len(rounds)} rounds (range)")
    print(f"{'':30} {'p50':>26} {'p99':>26} {'sent':>7}")
    for name in rounds[0]:
        figures = [each[name] for each in rounds if each.get(name)]
        if not figures:
            print(f"{name:30} nothing came")
            continue
        cells = []
        for percentile in (50, 99):
            values = [float(np.percentile(each, percentile)) for each in figures]
            cells.append(f"{statistics.median(values):9.1f} ({min(values):.1f}..{max(values):.1f})")
        share = statistics.median(len(each) for each in figures) / (RATE * SECONDS)
        print(f"{name:30} {cells[0]:>26} {cells[1]:>26} {share:7.0%}")


def ratios(rounds: list[dict[str, Figures]]) -> None:
    """Ours over the peer's, round by round."""
    for name in PEERS:
        pairs = [(each["benchkit, network"], each[name]) for each in rounds if each.get(name)]
        if pairs:
            words = []
            for percentile in (50, 99):
                parts = [
                    np.percentile(a, percentile) / np.percentile(b, percentile) for a, b in pairs
                ]
                words.append(f"p{percentile} {statistics.median(parts):.2f}")
            print(f"  network figure / {name:9} {', '.join(words)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    count = parser.parse_args().rounds
    process.warm_up(["benchkit.probes.door", "benchkit.emulators.line"])
    for title, load in (("idle", nullcontext), ("one busy process on each core", busy)):
        with load():
            rounds = [one_round() for _ in range(count)]
        show(title, rounds)
        ratios(rounds)


if __name__ == "__main__":
    main()
