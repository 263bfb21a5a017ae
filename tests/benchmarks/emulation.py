"""How true and how fast the emulators are: `python tests/benchmarks/emulation.py [--emulator netem] [--rounds N]`.

Everything that is compared is measured in turn in one run, and what is shown is the median over the rounds
and their range. The peers: a bare veth pair, and the same line carrying packets one by one.
"""

# ruff: noqa: T201  it prints a table
from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

import numpy as np

sys.path.append(str(File(__file__).parents[1]))

from emulated import Emulated, both_ways, delays, emulated, ms, star
from emulated_probes import probed
from emulated_streams import PORT, RAMP_S, STREAM_S, bare_pair, discarded_mbps, read_mbps
from rounds import row

from benchkit.campaign.crew import Crew
from benchkit.campaign.harvest import Harvest
from benchkit.clock import NS_PER_S
from benchkit.emulators import userspace
from benchkit.emulators.choice import EMULATORS
from benchkit.linux import process
from benchkit.linux.channel import Channel
from benchkit.model.bulk_spec import TcpSpec
from benchkit.model.place import Direction, Path, PathModel
from benchkit.model.responder_spec import ReflectorSpec, StreamServerSpec
from benchkit.model.spec import StampSpec
from benchkit.stats.binomial import binomial_ranks
from benchkit.stats.round_trip import network_ns
from benchkit.targets import load_target
from benchkit.testbeds.namespaces import NamespaceTestbed

RATE = 1000
SECONDS = 4
LOSSES = 100_000
LOSS = 0.01
LOSS_EVERY_NS = 60_000
STAR = 46


def rtt_errors(name: str, rtt_ms: int) -> tuple[float, float]:
    """Measured minus asked at p50 and p99, in ms, over 4 s at 1000 packets/s."""

    def spec(path: Path, address: str, port: int, ssid: int) -> StampSpec:
        interval = NS_PER_S // RATE
        return StampSpec(path.name, "idle", address, port, ssid, RATE * SECONDS, interval, NS_PER_S)

    with emulated(name, [delays(0, 0)]) as running:
        running.apply(delays(rtt_ms / 2, rtt_ms / 2))
        (rows,) = probed(running, [0], ReflectorSpec, spec, "rtt")
    added = (network_ns(rows).compressed() - ms(rtt_ms)) / 1e6
    return float(np.percentile(added, 50)), float(np.percentile(added, 99))


@contextmanager
def through(name: str, model: PathModel) -> Iterator[Emulated]:
    with emulated(name, [model]) as running:
        running.apply(model)
        yield running


def losses(name: str, seed: int) -> list[int]:
    """Which of 100,000 packets a loss of 1 % took."""
    model = both_ways(Direction(ms(1), loss=LOSS))
    with emulated(name, [model], seed=seed) as running:
        running.apply(model)
        (flow,) = running.send([(0, False)], count=LOSSES, every_ns=LOSS_EVERY_NS)
    return flow.lost


def setting_up(name: str, paths: Sequence[Path]) -> tuple[float, float]:
    """Seconds to build and to unmake."""
    began = time.perf_counter()
    with EMULATORS[name](paths, seed=1):
        built = time.perf_counter()
    return built - began, time.perf_counter() - built


@dataclass(frozen=True)
class Asked:
    emulator: str
    rounds: int


def show_delays(asked: Asked) -> None:
    bars = {"userspace": ("<= 0.05", "<= 0.3"), "netem": ("<= 0.5", "")}[asked.emulator]
    for rtt in (10, 16):
        found = [rtt_errors(asked.emulator, rtt) for _ in range(asked.rounds)]
        for at, name in enumerate(("p50", "p99")):
            values = [each[at] for each in found]
            row(f"added round trip at {rtt} ms, {RATE}/s, {name}", values, "ms", bars[at])


def show_streams(asked: Asked) -> None:
    rtt = delays(5, 5)
    one_by_one = both_ways(Direction(ms(5), duplicate=1e-12), Direction(ms(5), duplicate=1e-12))
    ways: dict[str, Callable[[], AbstractContextManager[Emulated]]] = {
        "bare veth pair, no delay": bare_pair,
        f"{asked.emulator}, 10 ms": lambda: through(asked.emulator, rtt),
        f"{asked.emulator}, 10 ms, packet by packet": lambda: through(asked.emulator, one_by_one),
    }
    for kind, measure in (("read", read_mbps), ("discarded", discarded_mbps)):
        found: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(asked.rounds):
            for name, way in ways.items():
                with way() as running:
                    found[name].append(measure(running))
        for name, values in found.items():
            row(f"one TCP stream, {kind}, {name}", values, "Mbit/s", "")
        bare, whole, single = found.values()
        bars = (">= 0.6", ">= 8") if kind == "read" else ("", "")
        for words, peer, bar in zip(
            ("bare pair", "packet by packet"), (bare, single), bars, strict=True
        ):
            row(
                f"  of the {words}", [a / b for a, b in zip(whole, peer, strict=True)], "times", bar
            )


def show_losses(asked: Asked) -> None:
    first, again = losses(asked.emulator, 7), losses(asked.emulator, 7)
    low, high = binomial_ranks(LOSSES, LOSS, 0.99)
    row(f"lost of {LOSSES}, 1 % asked", [len(first)], "packets", f"{low}..{high}")
    same = "the same" if first == again else "others"
    print(f"{'same seed, lost again':56} {same:>9}")


def show_building(asked: Asked) -> None:
    target = load_target("guizhou")
    hub = star([delays(5, 5)] * STAR)
    for name, paths, bar in (
        (f"{len(target.paths)} paths", target.paths, "< 1 together"),
        (f"{STAR} paths from one site", hub, "< 15 together"),
    ):
        found = [setting_up(asked.emulator, paths) for _ in range(asked.rounds)]
        row(f"setting up {name}", [up for up, _ in found], "s", bar)
        row(f"tearing down {name}", [down for _, down in found], "s", "")


@contextmanager
def lines(paths: Sequence[Path], processes: int) -> Iterator[Emulated]:
    """The userspace line in so many processes at most."""
    usual, userspace.MOST_LINES = userspace.MOST_LINES, processes
    try:
        with EMULATORS["userspace"](paths, seed=1) as emulation:
            running = Emulated(emulation, paths)
            running.apply(*(path.model for path in paths if path.model is not None))
            yield running
    finally:
        userspace.MOST_LINES = usual


def beside_streams(running: Emulated, streams: int) -> tuple[float, float, float]:
    """Round trips on the last path, p50 and p99 in ms too late, and Mbit/s of streams on the first ones."""
    emulation, harvest = running.emulation, Harvest()
    lasts = round((RAMP_S + STREAM_S) * NS_PER_S)
    with Channel() as channel, NamespaceTestbed(emulation.namespaces) as testbed:
        crew = Crew(testbed.sites, channel, harvest.add)
        last = running.paths[-1]
        crew.serve(last.far, ReflectorSpec(emulation.ends[last.name].far, PORT))
        for path in running.paths[:streams]:
            crew.serve(path.far, StreamServerSpec(emulation.ends[path.name].far, PORT))
        crew.await_responders()
        interval = NS_PER_S // RATE
        ssid, far = harvest.open_session(last.name, "idle"), emulation.ends[last.name].far
        count = lasts // interval
        trips = StampSpec(last.name, "idle", far, PORT, ssid, count, interval, NS_PER_S)
        jobs: dict[str, Any] = {"trips": (last.near, trips)}
        for path in running.paths[:streams]:
            far = emulation.ends[path.name].far
            spec = TcpSpec(path.name, "up", far, PORT, True, lasts, "cubic")
            jobs[path.name] = path.near, spec
        crew.work(jobs, 4 * (RAMP_S + STREAM_S))
        crew.wait_for(lambda: not harvest.awaits_departures(last.name, "idle"))
    rows = harvest.samples("rtt", last.name, "idle")
    assert rows is not None
    added = (network_ns(rows).compressed() - ms(10)) / 1e6
    found = [harvest.samples("goodput", path.name, "up") for path in running.paths[:streams]]
    rates = [
        float(rows.columns["octets"].sum()) * 8e-6 * NS_PER_S / lasts for rows in found if rows
    ]
    return float(np.percentile(added, 50)), float(np.percentile(added, 99)), sum(rates)


def show_processes(asked: Asked) -> None:
    """One process for all paths against one for each: three paths of 10 ms, one of them probed."""
    paths = [
        Path(f"here{at}-there{at}", f"here{at}", f"there{at}", delays(5, 5)) for at in range(3)
    ]
    for streams in (0, 1, 2):
        found: dict[int, list[tuple[float, float, float]]] = {1: [], len(paths): []}
        for _ in range(asked.rounds):
            for processes, figures in found.items():
                with lines(paths, processes) as running:
                    figures.append(beside_streams(running, streams))
        for processes, figures in found.items():
            words = f"{processes} for 3 paths, {streams} streams beside"
            for at, name in enumerate(("p50", "p99")):
                row(f"added, {words}, {name}", [each[at] for each in figures], "ms", "")
            if streams:
                row(f"  goodput, {words}", [each[2] for each in figures], "Mbit/s", "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--emulator", choices=list(EMULATORS), default="userspace")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=list(PARTS))
    words = parser.parse_args()
    asked = Asked(words.emulator, words.rounds)
    process.warm_up(["benchkit.probes.door", "benchkit.emulators.line"])
    print(f"{asked.emulator}, {asked.rounds} rounds: median, range, and what it must reach")
    for name, part in PARTS.items():
        if words.only in {None, name}:
            part(asked)


PARTS = {
    "delays": show_delays,
    "building": show_building,
    "losses": show_losses,
    "streams": show_streams,
    "processes": show_processes,
}

if __name__ == "__main__":
    main()
