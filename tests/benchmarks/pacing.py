# ruff: noqa: T201  it prints a table
"""How late packets leave: `python tests/benchmarks/pacing.py [--rounds N]`.

1000 packets/s over one veth pair, sent by timerfd and precisely, with irtt beside them. irtt keeps no absolute
schedule, so what is compared with it is the gap between two sends, less the interval, whatever its sign. CPU is
that of the whole sending process, answers and stamps included, in percent of one core.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path as File

import numpy as np
import uvloop
from numpy.typing import NDArray

sys.path += [str(File(__file__).parents[1]), str(File(__file__).parent)]

from emulated import Emulated
from emulated_probes import PORT
from emulated_streams import bare_pair
from latency import FAR
from peers import inside, output, server
from rounds import row

from benchkit.campaign.crew import Crew
from benchkit.clock import NS_PER_MS, NS_PER_S, realtime_offset_ns
from benchkit.linux import process, quiet
from benchkit.linux.channel import Channel
from benchkit.model.responder_spec import ReflectorSpec
from benchkit.model.samples import Samples, concatenate
from benchkit.model.schedule import Pacing, Schedule
from benchkit.model.spec import StampSpec
from benchkit.probes.stamp import stamp
from benchkit.testbeds.namespaces import NamespaceTestbed

RATE, SECONDS = 1000, 4


@dataclass
class Found:
    """When packets were sent, in ns, in order; lateness where there is a schedule; CPU where it is known.

    `late_us` is of the call that sends, `left_us` of the packet in the kernel, before the queue of its interface.
    """

    sent_ns: NDArray[np.int64]
    numbers: NDArray[np.int64]
    late_us: NDArray[np.float64] | None = None
    left_us: NDArray[np.float64] | None = None
    core: float | None = None

    def uneven_us(self) -> NDArray[np.float64]:
        """How far each gap is from the interval, for packets that follow one another."""
        follow = np.diff(self.numbers) == 1
        return np.abs(np.diff(self.sent_ns)[follow] - NS_PER_MS) / 1000


def sending(spec: StampSpec) -> tuple[Samples, float]:
    """Rows of a probe, and the share of a core that its process took."""
    quiet.quieten()

    async def whole() -> tuple[Samples, float]:
        began, used = time.monotonic(), time.process_time()
        rows = concatenate([batch async for batch in stamp(spec)])
        return rows, (time.process_time() - used) / (time.monotonic() - began)

    return uvloop.run(whole())


def ours(running: Emulated, pacing: Pacing) -> Found:
    (path,) = running.paths
    shape = (RATE * SECONDS, NS_PER_S // RATE, NS_PER_S)
    schedule = Schedule(pacing=pacing)
    spec = StampSpec(path.name, "idle", FAR, PORT, 1, *shape, schedule=schedule)
    with Channel() as channel, NamespaceTestbed(running.emulation.namespaces) as testbed:
        crew = Crew(testbed.sites, channel, lambda _: None)
        crew.serve(path.far, ReflectorSpec(FAR, PORT))
        crew.await_responders()
        rows, core = testbed.sites[path.near].submit(sending, spec).result()
    columns = rows.columns
    sent = columns["sent_ns"].compressed()
    late = (columns["sent_ns"] - columns["due_ns"]).compressed() / 1000
    left = (columns["t1_sched_ns"] - realtime_offset_ns() - columns["due_ns"]).compressed() / 1000
    return Found(sent, columns["sequence"].data, late, left, core)


def irtt(running: Emulated) -> Found:
    near, far = running.emulation.namespaces.values()
    with server(inside(far, "irtt", "server", "-b", f"{FAR}:2112", "-i", "1ms")):
        words = ("irtt", "client", "-i", "1ms", "-d", f"{SECONDS}s", "-l", "72", "-q", "-o", "-")
        told = output(inside(near, *words, FAR))
    trips = json.loads(told[told.find("{") :])["round_trips"]
    sent = [each["timestamps"]["client"]["send"]["monotonic"] for each in trips]
    return Found(np.array(sent), np.array([each["seqno"] for each in trips]))


WAYS: dict[str, Callable[[Emulated], Found]] = {
    "benchkit, timer": lambda running: ours(running, "timer"),
    "benchkit, precise": lambda running: ours(running, "precise"),
    "irtt": irtt,
}
BARS = {
    ("late", 50, "benchkit, timer"): "<= 100",
    ("late", 50, "benchkit, precise"): "<= 1",
    ("late", 99, "benchkit, precise"): "<= 100",
}


def show(found: dict[str, list[Found]]) -> None:
    figures = {
        "late": lambda each: each.late_us,
        "left late": lambda each: each.left_us,
        "gap off": Found.uneven_us,
    }
    for title, figure in figures.items():
        for percentile in (50, 99):
            for name, rounds in found.items():
                known = [figure(each) for each in rounds if figure(each) is not None]
                values = [float(np.percentile(each, percentile)) for each in known]
                if values:
                    bar = BARS.get((title, percentile, name), "")
                    row(f"{title} p{percentile}, {name}", values, "us", bar)
    for name, rounds in found.items():
        row(f"sent, {name}", [100 * len(one.sent_ns) / RATE / SECONDS for one in rounds], "%", "")
        cores = [100 * one.core for one in rounds if one.core is not None]
        if cores:
            row(f"of a core, {name}", cores, "%", "< 25" if "precise" in name else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    count = parser.parse_args().rounds
    process.warm_up(["benchkit.probes.door"])
    found: dict[str, list[Found]] = {name: [] for name in WAYS}
    for _ in range(count):
        for name, way in WAYS.items():
            with bare_pair() as running:
                found[name].append(way(running))
    print(f"sends at {RATE}/s: median of {count} rounds, range, and what it must reach")
    show(found)


if __name__ == "__main__":
    main()
