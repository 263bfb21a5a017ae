# ruff: noqa: T201  it prints a table
"""Round trips beside the peers': `python tests/benchmarks/latency.py [--rounds N]`.

First on an emulated path of 10 ms, 100 packets/s each, in turn: all should say the same. Then on one veth pair,
1000 packets/s each, idle and with one busy process on each core. Ours comes twice: the network's own
share by kernel stamps, and what user space sees, which is what irtt and sockperf mean by a round trip. ping's
far end is the kernel, so its figure has no process in it at all.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path as File

import numpy as np

sys.path += [str(File(__file__).parents[1]), str(File(__file__).parent)]

from emulated import Emulated, delays, emulated
from emulated_probes import probed
from emulated_streams import bare_pair
from peers import PEERS, Figures, Pair

from benchkit.clock import NS_PER_S
from benchkit.emulators import choice
from benchkit.linux import process
from benchkit.model.place import Path
from benchkit.model.responder_spec import ReflectorSpec
from benchkit.model.spec import StampSpec
from benchkit.stats.round_trip import network_ns

RATE, SECONDS = 1000, 3
FAR = "198.18.0.2"
OURS = "benchkit, network"
# Of the emulated path, each way; and how far from ours a peer's median may be.
DELAY_MS, SLOW_RATE, WITHIN_US = 5.0, 100, 100


def ours(running: Emulated, rate: int) -> dict[str, Figures]:
    """Network and user-space round trips of the same packets, and how late each was sent."""

    def spec(path: Path, address: str, port: int, ssid: int) -> StampSpec:
        interval = NS_PER_S // rate
        return StampSpec(path.name, "idle", address, port, ssid, rate * SECONDS, interval, NS_PER_S)

    (rows,) = probed(running, [0], ReflectorSpec, spec, "rtt")
    columns = rows.columns
    return {
        OURS: _us(network_ns(rows)),
        "benchkit, user space": _us(columns["received_ns"] - columns["sent_ns"]),
        "benchkit, lateness of sends": _us(columns["sent_ns"] - columns["due_ns"]),
    }


def _us(column: np.ma.MaskedArray) -> Figures:
    return [float(each) / 1000 for each in column.compressed()]


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


@contextmanager
def slow_pair() -> Iterator[Emulated]:
    """The emulator of this machine, 10 ms there and back."""
    model = delays(DELAY_MS, DELAY_MS)
    with emulated(choice.choose("auto").name, [model]) as running:
        running.apply(model)
        yield running


def one_round(
    pair: Callable[[], AbstractContextManager[Emulated]], rate: int
) -> dict[str, Figures]:
    with pair() as running:
        found = ours(running, rate)
        near, far = running.emulation.namespaces.values()
        for name, measure in PEERS.items():
            if shutil.which(name):
                found[name] = measure(Pair(near, far, FAR, rate, SECONDS))
    return found


def show(title: str, rounds: list[dict[str, Figures]], rate: int) -> None:
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
        share = statistics.median(len(each) for each in figures) / (rate * SECONDS)
        print(f"{name:30} {cells[0]:>26} {cells[1]:>26} {share:7.0%}")


def ratios(rounds: list[dict[str, Figures]]) -> None:
    """Ours over the peer's, round by round."""
    for name in PEERS:
        pairs = [(each[OURS], each[name]) for each in rounds if each.get(name)]
        if pairs:
            words = []
            for percentile in (50, 99):
                parts = [
                    np.percentile(a, percentile) / np.percentile(b, percentile) for a, b in pairs
                ]
                words.append(f"p{percentile} {statistics.median(parts):.2f}")
            print(f"  network figure / {name:9} {', '.join(words)}")


def differences(rounds: list[dict[str, Figures]]) -> None:
    """The peers' medians less ours, round by round: what a process at either end adds."""
    for name in PEERS:
        pairs = [(each[OURS], each[name]) for each in rounds if each.get(name)]
        if pairs:
            off = statistics.median(float(np.median(b) - np.median(a)) for a, b in pairs)
            said = "within" if abs(off) <= WITHIN_US else "beyond"
            print(f"  {name:9} median {off:+8.1f} us from ours: {said} {WITHIN_US} us")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    count = parser.parse_args().rounds
    process.warm_up(["benchkit.probes.door", "benchkit.emulators.line"])
    rounds = [one_round(slow_pair, SLOW_RATE) for _ in range(count)]
    show("emulated path, 5 ms each way", rounds, SLOW_RATE)
    differences(rounds)
    for title, load in (("idle", nullcontext), ("one busy process on each core", busy)):
        with load():
            rounds = [one_round(bare_pair, RATE) for _ in range(count)]
        show(title, rounds, RATE)
        ratios(rounds)


if __name__ == "__main__":
    main()
