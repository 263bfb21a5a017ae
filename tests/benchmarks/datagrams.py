"""UDP against Debian's iperf3 with a window of 4 MB, paired in one run, order alternating: datagrams received per second.

Two ways of ours: *joined*, where the kernel cuts and joins datagrams (GSO, GRO), and *single* (sendmmsg, recvmmsg).
Each arrival has a kernel stamp (one for all that came joined), a number that is looked at, and counts for jitter and
delay variation. Without a rate our sender goes as fast as the receiver says that it has room. As root our receiver has 16 MB of room, iperf3's 8 (the kernel doubles its window). At last a paced test at 30 Mbit/s through a buffer of ten packets.

    python tests/benchmarks/datagrams.py --rounds 5
"""

# ruff: noqa: T201  it prints a table
from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path as File
from typing import NamedTuple

sys.path.append(str(File(__file__).parents[1]))
sys.path.append(str(File(__file__).parent))

from emulated import delays, emulated
from places import PORT, Place, iperf3, loopback, probed, veth
from rounds import in_turns, row

from benchkit.clock import NS_PER_S
from benchkit.linux import process
from benchkit.model.bulk_spec import UdpSpec

SHALLOW_BPS, SHALLOW_PACKETS, SLOW_BPS, FRAME = 100_000_000, 10, 30_000_000, 1538


class Figures(NamedTuple):
    """Thousands of datagrams received per second, the share lost in percent, and what of it the receiver dropped."""

    kpps: float
    lost: float
    dropped: float


def ours(place: Place, payload: int, seconds: float, joined: bool, rate_bps: int = 0) -> Figures:
    lasts = round(seconds * NS_PER_S)
    spec = UdpSpec("a-b", "up", place.address, PORT, True, lasts, rate_bps, payload, joined)
    found, _ = probed(place, spec, seconds)
    goodput, account = found
    begin, end = goodput.columns["start_ns"][0], goodput.columns["end_ns"][-1]
    row = {name: int(values[0]) for name, values in account.columns.items()}
    lasted_s = float(end - begin) / NS_PER_S
    return Figures(
        row["received"] / lasted_s / 1e3,
        100 * row["lost"] / row["sent"],
        100 * row["dropped_here"] / row["sent"],
    )


def theirs(
    place: Place, payload: int, seconds: float, rate: str = "0", window: str = "4M"
) -> Figures:
    words = ["-u", "-b", rate, "-l", str(payload), "-w", window]
    end = iperf3("iperf3", words, place, seconds)
    total = end["sum"]
    packets = total["packets"] - total["lost_packets"]
    return Figures(packets / total["seconds"] / 1e3, total["lost_percent"], 0.0)


def compare(asked: argparse.Namespace, place: Place, payload: int) -> None:
    ways: dict[str, Callable[[], Figures]] = {
        "joined": lambda: ours(place, payload, asked.seconds, True),
        "single": lambda: ours(place, payload, asked.seconds, False),
        "iperf3 -w 4M": lambda: theirs(place, payload, asked.seconds),
    }
    found = in_turns(ways, asked.rounds)
    title = f"{place.name}, {payload} octets"
    for name, figures in found.items():
        row(f"{title}: {name}", [each.kpps for each in figures], "kpps")
        row(f"{title}: {name}, lost", [each.lost for each in figures], "%")
    for name in ("joined", "single"):
        row(f"{title}: {name}, dropped by us", [each.dropped for each in found[name]], "%", "0")
    for name, bar in (("joined", ">= 10"), ("single", ">= 1.1")):
        pairs = zip(found[name], found["iperf3 -w 4M"], strict=True)
        row(f"  {name}, times iperf3", [a.kpps / b.kpps for a, b in pairs], "times", bar)


def shallow(asked: argparse.Namespace) -> None:
    """30 Mbit/s through 100 Mbit/s whose buffer holds ten packets: whatever is lost, a burst of ours lost."""
    buffer = SHALLOW_PACKETS * FRAME
    model = delays(5, 5, rate_bps=SHALLOW_BPS, buffer_octets=buffer)
    with emulated("userspace", [model]) as running:
        (path,) = running.paths
        running.emulation.apply([model])
        namespaces, ends = running.emulation.namespaces, running.emulation.ends
        place = Place("shallow", namespaces[path.near], namespaces[path.far], ends[path.name].far)
        found = [ours(place, 1400, asked.seconds, True, SLOW_BPS) for _ in range(asked.rounds)]
        peers = [theirs(place, 1400, asked.seconds, str(SLOW_BPS)) for _ in range(asked.rounds)]
    row("30 Mbit/s, ten packets of buffer: benchkit, lost", [each.lost for each in found], "%", "0")
    row("30 Mbit/s, ten packets of buffer: iperf3, lost", [each.lost for each in peers], "%")


PLACES = {"loopback": loopback, "veth": veth}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--place", choices=[*PLACES, "shallow"])
    parser.add_argument("--payload", type=int, nargs="*", default=[64, 1400])
    asked = parser.parse_args()
    process.warm_up(["benchkit.probes.door"])
    print(f"{asked.rounds} pairs of {asked.seconds:g} s, {os.cpu_count()} processors")
    for name, place_of in PLACES.items():
        if asked.place in {None, name}:
            with place_of() as place:
                for payload in asked.payload:
                    compare(asked, place, payload)
    if asked.place in {None, "shallow"}:
        shallow(asked)


if __name__ == "__main__":
    main()
