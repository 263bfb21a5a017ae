# ruff: noqa: T201  it prints a table
"""Our error against the truth: `python tests/benchmarks/ground_truth.py [--rounds N]`.

A delay line between two TUN devices holds each packet 5 ms each way, at real-time priority, and logs for how long it
had it. A round trip less the two residences of its packets is the error of whoever measured it, and the
way between the devices and the line besides: an upper bound. One busy process on each core, 200 packets/s.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import select
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path as File

import numpy as np
from numpy.typing import NDArray

sys.path += [str(File(__file__).parents[1]), str(File(__file__).parent)]

from emulated import Emulated, star
from emulated_probes import probed
from emulated_streams import Bare
from latency import busy
from rounds import row

from benchkit.clock import NS_PER_MS, NS_PER_S, NS_PER_US, realtime_ns
from benchkit.linux import command, process, quiet
from benchkit.linux.netns import Namespace
from benchkit.model.place import Direction, Path, PathModel
from benchkit.model.responder_spec import ReflectorSpec
from benchkit.model.samples import Samples
from benchkit.model.spec import StampSpec
from benchkit.stats.round_trip import network_ns

RATE, SECONDS, DELAY_NS = 200, 5, 5 * NS_PER_MS
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
IPV4, OCTETS, IP_AND_UDP, SENDERS_NUMBER = 4, 2048, 28, 24
SPIN_NS = 60 * NS_PER_US
Log = dict[int, int]  # by a packet's number: for how long the line had it


def device() -> int:
    """A TUN device `tun0` in the network namespace of this thread, as a descriptor."""
    opened = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(opened, TUNSETIFF, struct.pack("16sH14x", b"tun0", IFF_TUN | IFF_NO_PI))
    return opened


def number_of(packet: bytes, at: int) -> int | None:
    """A test packet's number; None for the IPv6 that a device says of itself when it comes up."""
    if packet[0] >> 4 != IPV4:
        return None
    return int.from_bytes(packet[IP_AND_UDP + at : IP_AND_UDP + at + 4], "big")


def carry(near: int, far: int, stop: Connection) -> tuple[Log, Log]:
    """Hold every packet for the delay and pass it on, until told to stop."""
    ways = {near: (far, 0, {}), far: (near, SENDERS_NUMBER, {})}
    held: deque[tuple[int, int, bytes]] = deque()
    while True:
        wait = max(0, held[0][0] + DELAY_NS - realtime_ns() - SPIN_NS) if held else NS_PER_S // 10
        ready, _, _ = select.select([near, far, stop], [], [], wait / NS_PER_S)
        if stop in ready:
            return ways[near][2], ways[far][2]
        for source in ready:
            packet = os.read(source, OCTETS)
            held.append((realtime_ns(), source, packet))
        while held and (came := held[0][0]) + DELAY_NS - SPIN_NS <= realtime_ns():
            _, source, packet = held.popleft()
            target, at, log = ways[source]
            while (leaves := realtime_ns()) < came + DELAY_NS:
                pass
            # The kernel stamps its arrival within the call: what is read after that may be long after.
            os.write(target, packet)
            number = number_of(packet, at)
            if number is not None:
                log[number] = leaves - came


def line(near: int, far: int, stop: Connection) -> None:
    quiet.quieten()
    quiet.take_priority()
    stop.send(carry(near, far, stop))


@contextmanager
def delay_line() -> Iterator[tuple[Emulated, Callable[[], tuple[Log, Log]]]]:
    """Two namespaces and the line between them, and what ends it and gives its logs."""
    (path,) = star([PathModel(Direction(DELAY_NS), Direction(DELAY_NS))])
    with Namespace("near") as near, Namespace("far") as far:
        ends = [(near, "198.18.0.1", "198.18.0.2"), (far, "198.18.0.2", "198.18.0.1")]
        devices = [netns.inside(device) for netns, _, _ in ends]
        for netns, own, other in ends:
            lines = ["link set lo up", f"addr add {own} peer {other} dev tun0", "link set tun0 up"]
            command.run(("ip", "-batch", "-"), feed="\n".join(lines) + "\n", netns=netns.path)
        ours, theirs = process.context().Pipe()
        child = os.fork()
        if not child:
            line(*devices, theirs)
            os._exit(0)

        def end() -> tuple[Log, Log]:
            ours.send(None)
            logs: tuple[Log, Log] = ours.recv()
            os.waitpid(child, 0)
            return logs

        yield Emulated(Bare(near, far, path), [path]), end
        for each in devices:
            os.close(each)


def errors_us(rows: Samples, logs: tuple[Log, Log]) -> dict[str, NDArray[np.float64]]:
    """Measured less true, by kernel stamps and by user space, for packets that all three know."""
    columns = rows.columns
    numbers = columns["sequence"].data
    true = np.array([logs[0].get(n, 0) + logs[1].get(n, 0) for n in numbers.tolist()])
    known = np.array([n in logs[0] and n in logs[1] for n in numbers.tolist()])
    seen = columns["received_ns"] - columns["sent_ns"]
    found = {}
    for name, took in (("kernel stamps", network_ns(rows)), ("user space", seen)):
        kept = known & ~np.ma.getmaskarray(took)
        found[name] = (took.data - true)[kept] / 1000
    return found


def one_round() -> dict[str, NDArray[np.float64]]:
    def spec(path: Path, address: str, port: int, ssid: int) -> StampSpec:
        shape = (RATE * SECONDS, NS_PER_S // RATE, NS_PER_S)
        return StampSpec(path.name, "idle", address, port, ssid, *shape)

    with delay_line() as (running, end), busy():
        time.sleep(0.2)
        (rows,) = probed(running, [0], ReflectorSpec, spec, "rtt")
        return errors_us(rows, end())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    count = parser.parse_args().rounds
    process.warm_up(["benchkit.probes.door"])
    rounds = [one_round() for _ in range(count)]
    print(
        f"error against the line's own log, {RATE}/s, one busy process on each core, {count} rounds"
    )
    tails = {}
    for name in rounds[0]:
        for percentile in (50, 99):
            values = [float(np.percentile(one[name], percentile)) for one in rounds]
            tails[name, percentile] = values
            bar = "<= 200" if (name, percentile) == ("kernel stamps", 99) else ""
            row(f"error p{percentile}, {name}", values, "us", bar)
    pairs = zip(tails["kernel stamps", 99], tails["user space", 99], strict=True)
    row(
        "  kernel stamps / user space, p99",
        [ours / other for ours, other in pairs],
        "times",
        "<= 0.05",
    )
    row(
        "negative, kernel stamps",
        [float((one["kernel stamps"] < 0).sum()) for one in rounds],
        "packets",
        "0",
    )
    row(
        "compared",
        [float(len(one["kernel stamps"])) for one in rounds],
        "packets",
        f"{RATE * SECONDS}",
    )


if __name__ == "__main__":
    main()
