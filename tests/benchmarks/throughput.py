"""Bulk TCP against Debian's iperf3, paired in one run, order alternating: medians, ratios, CPU seconds per gigabyte.

Two modes, each against its like: *copy*, where the application reads every octet, against `iperf3`, whose sender copies, and
against `iperf3 -Z`, whose sender lends its pages as ours does; *zero-copy*, where pages are lent and receives discard, against
`iperf3 -Z`, which reads. Ours is the probe with all that it measures beside
(goodput, TCP_INFO and processor time every 100 ms), and all of its two processes' time counts. iperf3 3.12 has no receiver that
discards: where one of 3.19 or newer is named with --newer, its `-Z --skip-rx-copy` is measured too.

    python tests/benchmarks/throughput.py --rounds 5
"""

# ruff: noqa: T201  it prints a table
from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path as File
from typing import NamedTuple

sys.path.append(str(File(__file__).parent))

from places import (
    PATH_BPS,
    PORT,
    Place,
    emulated_path,
    iperf3,
    iperf3_cpu_s,
    loopback,
    probed,
    veth,
)
from rounds import in_turns, row

from benchkit.clock import NS_PER_S
from benchkit.linux import process
from benchkit.model.bulk_spec import TcpSpec

MODES = ("copy", "zero-copy")
PEERS = {"copy": "iperf3", "zero-copy": "iperf3 -Z"}
GIGA = 1e9
# By (mode, streams): what the ratio must reach.
BARS = {("copy", 1): ">= 1.5", ("zero-copy", 1): ">= 2.5", ("zero-copy", 2): ">= 4", ("zero-copy", 4): ">= 4"}  # fmt: skip


class Figures(NamedTuple):
    """Received gigabits per second, and processor seconds of both ends per gigabyte received."""

    gbps: float
    cpu_s_per_gb: float


def ours(place: Place, mode: str, streams: int, seconds: float, congestion: str) -> Figures:
    """The probe and its far end, as a campaign runs them: a process each."""
    lasts = round(seconds * NS_PER_S)
    spec = TcpSpec("a-b", "up", place.address, PORT, "up", lasts, congestion, streams, mode)
    found, cpu_s = probed(place, spec, seconds)
    columns = next(each.columns for each in found if each.kind == "goodput")
    octets = int(columns["octets"].sum())
    lasted_s = float(columns["end_ns"][-1] - columns["start_ns"][0]) / NS_PER_S
    return Figures(octets * 8 / lasted_s / GIGA, cpu_s / (octets / GIGA))


def theirs(program: str, words: list[str], place: Place, seconds: float) -> Figures:
    end = iperf3(program, words, place, seconds)
    received = end["sum_received"]
    cpu_s = iperf3_cpu_s(end, received["seconds"])
    return Figures(received["bits_per_second"] / GIGA, cpu_s / (received["bytes"] / GIGA))


def compare(asked: argparse.Namespace, place: Place, mode: str, streams: int) -> None:
    flags = ["-C", asked.congestion, "-P", str(streams)]
    lending = [*flags, "-Z"]
    ways: dict[str, Callable[[], Figures]] = {
        "benchkit": lambda: ours(place, mode, streams, asked.seconds, asked.congestion),
    }
    if mode == "copy":
        ways["iperf3"] = lambda: theirs("iperf3", flags, place, asked.seconds)
    ways["iperf3 -Z"] = lambda: theirs("iperf3", lending, place, asked.seconds)
    if asked.newer and mode == "zero-copy":
        skipping = [*lending, "--skip-rx-copy"]
        ways["newer"] = lambda: theirs(asked.newer, skipping, place, asked.seconds)
    found = in_turns(ways, asked.rounds)
    title = f"{place.name}, {mode}, {streams} stream{'s' if streams > 1 else ''}"
    for name, figures in found.items():
        row(f"{title}: {name}", [each.gbps for each in figures], "Gbit/s")
        row(f"{title}: {name}", [each.cpu_s_per_gb for each in figures], "s/GB")
    if place.name == "path":
        shares = [each.gbps * GIGA / PATH_BPS for each in found["benchkit"]]
        row(
            "  of the shaped rate",
            shares,
            "",
            "0.941 is all that TCP can have of it, once it has grown",
        )
    for name in list(ways)[1:]:
        pairs = list(zip(found["benchkit"], found[name], strict=True))
        rate_bar, cpu_bar = bars(place, mode, streams, name)
        row(f"  rate, times {name}", [a.gbps / b.gbps for a, b in pairs], "times", rate_bar)
        cpu = [a.cpu_s_per_gb / b.cpu_s_per_gb for a, b in pairs]
        row(f"  CPU for a gigabyte, times {name}", cpu, "times", cpu_bar)


def bars(place: Place, mode: str, streams: int, peer: str) -> tuple[str, str]:
    """What the rate and the processor time must reach against a peer, where anything is asked of them."""
    if peer != PEERS[mode]:
        return (">= 1.5" if peer == "newer" else ""), ""
    if place.name == "path":  # it holds the rate, and costs both alike what its pauses cost
        return ">= 1.0", ""
    return BARS.get((mode, streams), ""), "<= 0.5" if streams == 1 else ""


PLACES = {"loopback": loopback, "veth": veth, "path": emulated_path}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--congestion", default="cubic")
    parser.add_argument("--place", choices=list(PLACES))
    parser.add_argument("--mode", choices=MODES)
    parser.add_argument("--streams", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--newer", help="the program of an iperf3 of 3.19 or newer")
    asked = parser.parse_args()
    process.warm_up(["benchkit.probes.door"])
    print(
        f"{asked.rounds} pairs of {asked.seconds:g} s, {asked.congestion}, {os.cpu_count()} processors"
    )
    for name, place_of in PLACES.items():
        if asked.place not in {None, name}:
            continue
        with place_of() as place:
            for mode in MODES:
                if asked.mode in {None, mode}:
                    for streams in asked.streams:
                        compare(asked, place, mode, streams)


if __name__ == "__main__":
    main()
