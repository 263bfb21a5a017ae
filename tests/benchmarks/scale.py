# ruff: noqa: T201  it prints a table
"""How much one probe process holds.

`python tests/benchmarks/scale.py [--targets N] [--rate N]… [--rounds N] [--seconds N]`.

In turns over one veth pair: a single target at 10 and at 1000 packets/s, and N targets at 10 packets/s each in one
process, which are sessions of one reflector. The network round trip is by kernel stamps at both ends, so that it
shows what the process does to the figure; lateness and CPU show what it does to the process. Each --rate is a further
row: a single target at so many packets/s, which shows where one process that sends them one by one ends.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path as File

import numpy as np
from numpy.typing import NDArray

sys.path += [str(File(__file__).parents[1]), str(File(__file__).parent)]

from emulated import PORT, Emulated
from emulation import bare_pair, row

from benchkit.campaign.crew import Crew
from benchkit.campaign.harvest import Harvest
from benchkit.clock import NS_PER_S, NS_PER_US
from benchkit.linux.channel import Channel, SinkAddress
from benchkit.model.samples import Samples
from benchkit.model.spec import ReflectorSpec, StampSpec, TogetherSpec
from benchkit.probes.door import run_probe
from benchkit.stats.round_trip import network_ns
from benchkit.testbeds.namespaces import NamespaceTestbed

SLOW_PER_S, FAST_PER_S, PHASE = 10, 1000, "idle"
WAIT_S = 30.0


def timed_probe(spec: TogetherSpec, sink: SinkAddress) -> float:
    """Run the probe, and return the CPU seconds that its process took."""
    began = time.process_time()
    run_probe(spec, sink)
    return time.process_time() - began


def measured(
    running: Emulated, targets: int, rate: int, seconds: int
) -> tuple[list[Samples], float]:
    """The rows of each target, and the share of a core."""
    (path,) = running.paths
    emulation, harvest = running.emulation, Harvest()
    far = emulation.ends[path.name].far
    names = [f"target {number}" for number in range(targets)]
    shape = (rate * seconds, NS_PER_S // rate, NS_PER_S)
    specs = tuple(
        StampSpec(name, PHASE, far, PORT, harvest.open_session(name, PHASE), *shape)
        for name in names
    )
    with Channel() as channel, NamespaceTestbed(emulation.namespaces) as testbed:
        crew = Crew(testbed.sites, channel, harvest.add)
        crew.serve(path.far, ReflectorSpec(far, PORT))
        crew.await_responders()
        began = time.monotonic()
        future = testbed.sites[path.near].submit(
            timed_probe, TogetherSpec(specs), channel.address("probe")
        )
        while not future.done() and time.monotonic() < began + seconds + WAIT_S:
            crew.wait_for(future.done)
        cpu = future.result(timeout=0) / seconds
        crew.wait_for(lambda: not any(harvest.awaits_departures(name, PHASE) for name in names))
    found = [harvest.samples("rtt", name, PHASE) for name in names]
    return [rows for rows in found if rows is not None], cpu


def figures(found: list[Samples], cpu: float) -> dict[str, float]:
    network = _us([network_ns(rows) for rows in found])
    late = _us([rows.columns["sent_ns"] - rows.columns["due_ns"] for rows in found])
    due = sum(len(rows) for rows in found)
    answered = sum(int(rows.columns["received_ns"].count()) for rows in found)
    return {
        "targets": len(found),
        "network p50, us": float(np.percentile(network, 50)),
        "network p99, us": float(np.percentile(network, 99)),
        "lateness p50, us": float(np.percentile(late, 50)),
        "lateness p99, us": float(np.percentile(late, 99)),
        "lost": due - answered,
        "without a kernel stamp": answered - len(network),
        "share of a core, %": 100 * cpu,
    }


def _us(columns: list[np.ma.MaskedArray]) -> NDArray[np.float64]:
    return np.concatenate([each.compressed() for each in columns]) / NS_PER_US


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=1000)
    parser.add_argument("--rate", type=int, action="append", default=[])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    asked = parser.parse_args()
    ways = {
        f"1 target, {SLOW_PER_S}/s": (1, SLOW_PER_S),
        f"1 target, {FAST_PER_S}/s": (1, FAST_PER_S),
        f"{asked.targets} targets, {SLOW_PER_S}/s": (asked.targets, SLOW_PER_S),
    }
    many = list(ways)[-1]
    ways |= {f"1 target, {rate}/s": (1, rate) for rate in asked.rate}
    rounds = []
    for _ in range(asked.rounds):
        found = {}
        for name, (targets, rate) in ways.items():
            with bare_pair() as running:
                found[name] = figures(*measured(running, targets, rate, asked.seconds))
        rounds.append(found)
    print(f"one probe process, {asked.rounds} rounds of {asked.seconds} s: median, range, bar")
    for name in ways:
        for figure in rounds[0][name]:
            row(f"{name}: {figure}", [one[name][figure] for one in rounds], "", "")
    for name in list(ways)[:2]:
        shares = [one[many]["network p99, us"] / one[name]["network p99, us"] for one in rounds]
        row(f"  network p99 of {many} / {name}", shares, "times", "<= 2")


if __name__ == "__main__":
    main()
