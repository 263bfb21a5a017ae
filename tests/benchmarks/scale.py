# ruff: noqa: T201  it prints a table
"""How much one probe process holds.

`python tests/benchmarks/scale.py [--targets N] [--rate N]… [--rounds N] [--seconds N]`.

In turns over one veth pair: a single target at 10 and at 1000 packets/s, and N targets at 10 packets/s each in one
process, which are sessions of one reflector. The network round trip is by kernel stamps at both ends, so that it
shows what the process does to the figure; lateness and CPU show what it does to the process. Each --rate is a further
row, 100,000/s where none is named: a single target at so many packets/s, sent in batches from 10,000/s on. CPU is that of
the sending process, of the reflector's beside it, and of the campaign that takes the rows in.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path as File

import numpy as np
from numpy.typing import NDArray

sys.path += [str(File(__file__).parents[1]), str(File(__file__).parent)]

from emulated import Emulated
from emulated_probes import PORT
from emulated_streams import bare_pair
from places import await_ready
from rounds import row

from benchkit.campaign.crew import Crew
from benchkit.campaign.harvest import Harvest
from benchkit.clock import NS_PER_S, NS_PER_US
from benchkit.linux.channel import Channel, SinkAddress
from benchkit.model.responder_spec import ReflectorSpec
from benchkit.model.samples import Samples
from benchkit.model.spec import Spec, StampSpec, TogetherSpec
from benchkit.probes.door import run_probe
from benchkit.stats.parts import missing_stamps
from benchkit.stats.round_trip import network_ns
from benchkit.testbeds.namespaces import NamespaceTestbed

SLOW_PER_S, FAST_PER_S, FASTEST_PER_S, PHASE = 10, 1000, (100_000,), "idle"
WAIT_S, SETTLE_S = 30.0, 0.5


def timed_probe(spec: Spec, sink: SinkAddress) -> float:
    """Run a probe, and return the CPU seconds that its process took."""
    began = time.process_time()
    run_probe(spec, sink)
    return time.process_time() - began


def measured(
    running: Emulated, targets: int, rate: int, seconds: int
) -> tuple[list[Samples], dict[str, float]]:
    """The rows of each target, and the share of a core that each end took."""
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
        sites = testbed.sites
        answering = sites[path.far].submit(
            timed_probe, ReflectorSpec(far, PORT), channel.address("reflector")
        )
        await_ready(channel)
        sending = sites[path.near].submit(
            timed_probe, TogetherSpec(specs), channel.address("probe")
        )
        deadline, began = time.monotonic() + seconds + WAIT_S, time.process_time()
        while not sending.done() and time.monotonic() < deadline:
            crew.wait_for(sending.done)
        cpu = {"sender": sending.result(timeout=0) / seconds}
        crew.wait_for(lambda: "probe" in crew._ended)
        time.sleep(SETTLE_S)  # the reflector tells of its departures a little later
        crew.drain()
        channel.stop("reflector")
        cpu["reflector"] = answering.result(timeout=WAIT_S) / seconds
        cpu["campaign"] = (time.process_time() - began) / seconds
    found = [harvest.samples("rtt", name, PHASE) for name in names]
    return [rows for rows in found if rows is not None], cpu


def figures(found: list[Samples], cpu: dict[str, float]) -> dict[str, float]:
    network = _us([network_ns(rows) for rows in found])
    late = _us([rows.columns["sent_ns"] - rows.columns["due_ns"] for rows in found])
    due = sum(len(rows) for rows in found)
    sent, answered, departed = (
        sum(int(rows.columns[name].count()) for rows in found)
        for name in ("sent_ns", "received_ns", "t3_ns")
    )
    missing: Counter[str] = Counter()
    for rows in found:
        missing.update(missing_stamps(rows))
    stamps = {f"lost stamps, {name}": count for name, count in sorted(missing.items())}
    return {
        "targets": len(found),
        "due": due,
        "never sent": due - sent,
        "lost": due - answered,
        **stamps,
        "answers whose departure is known": departed,
        "network p50, us": float(np.percentile(network, 50)),
        "network p99, us": float(np.percentile(network, 99)),
        "lateness p50, us": float(np.percentile(late, 50)),
        "lateness p99, us": float(np.percentile(late, 99)),
        **{f"of a core, {end}, %": 100 * share for end, share in cpu.items()},
    }


def _us(columns: list[np.ma.MaskedArray]) -> NDArray[np.float64]:
    return np.concatenate([each.compressed() for each in columns]) / NS_PER_US


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=1000)
    parser.add_argument("--rate", type=int, action="append")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    asked = parser.parse_args()
    ways = {
        f"1 target, {SLOW_PER_S}/s": (1, SLOW_PER_S),
        f"1 target, {FAST_PER_S}/s": (1, FAST_PER_S),
        f"{asked.targets} targets, {SLOW_PER_S}/s": (asked.targets, SLOW_PER_S),
    }
    many = list(ways)[-1]
    ways |= {f"1 target, {rate}/s": (1, rate) for rate in asked.rate or FASTEST_PER_S}
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
        print()
    for name in list(ways)[:2]:
        shares = [one[many]["network p99, us"] / one[name]["network p99, us"] for one in rounds]
        row(f"  network p99 of {many} / {name}", shares, "times", "<= 2")


if __name__ == "__main__":
    main()
