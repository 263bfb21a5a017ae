# ruff: noqa: T201  it prints a table
"""What a cluster costs: nothing that the data plane notices.

`python tests/benchmarks/control_plane.py [--rounds N] [--seconds N] [--sites N] [--only WORD]…`.

A scheduler, agents and the controller, with TLS between them, beside the local executor in the same place, in turns:

    submit    how long `submit` takes until a task has its process, at an agent and in a local process
    rtt       network round trips over one veth pair, 1000 packets/s, by kernel stamps at both ends: by an agent's probe,
              whose samples stream home meanwhile, and by a local one's
    mesh      sites that are all in the cluster, each with one process that measures to all others at 10 packets/s: how
              long from the first submit until the last of all these sessions has sent its first packet, as its samples say. The sites'
              workers share a few processes, for a machine of two cores has no room for 47 interpreters of Dask; their
              probes have a process for each site, as always.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path as File

import numpy as np

sys.path += [str(File(__file__).parents[1]), str(File(__file__).parent)]

import site_tasks
from clusters import PORT, Serving, inside, start_scheduler, up
from emulated_probes import PORT as REFLECTOR_PORT
from emulated_streams import bare_pair
from rounds import row

from benchkit.campaign.crew import Crew
from benchkit.campaign.harvest import Harvest
from benchkit.clock import NS_PER_S, NS_PER_US, monotonic_ns
from benchkit.linux import process
from benchkit.linux.channel import Channel
from benchkit.linux.netns import Namespace
from benchkit.model.responder_spec import ReflectorSpec
from benchkit.model.samples import Samples
from benchkit.model.spec import Spec, StampSpec, TogetherSpec
from benchkit.stats.round_trip import network_ns
from benchkit.testbeds.certificates import make_certificates
from benchkit.testbeds.cluster import ClusterTestbed
from benchkit.testbeds.cluster_access import Access
from benchkit.testbeds.namespaces import NamespaceTestbed

HERE = str(File(__file__).parent)
LOCAL = "127.0.0.1"
WARM, SUBMITS = 5, 60
RATE, PHASE = 1000, "idle"
MESH_PER_S, MESH_S, WORKER_PROCESSES = 10, 8, 4
PATIENCE_S = 60.0


@contextmanager
def serving(folder: File, netns: str, names: list[str], processes: int) -> Iterator[Access]:
    """A scheduler and so many sites in a namespace, the sites' workers in so many processes."""
    (certificates,) = make_certificates(folder / "certs", ["all"])
    access = Access(f"tls://{LOCAL}:{PORT}", str(certificates))
    with ExitStack() as stack:
        stack.enter_context(start_scheduler(folder, access, netns)).await_word("scheduler t")
        members = [
            stack.enter_context(_members(folder, netns, access, names[at::processes]))
            for at in range(min(processes, len(names)))
        ]
        for at, each in enumerate(members):
            each.await_word("is in the cluster", times=len(names[at::processes]))
        yield access


class _Members(Serving):
    """Several sites in one process."""

    def __init__(self, log: File, netns: str, access: Access, names: list[str]) -> None:
        self.log = log
        # Not as a script: each process of a probe would import it anew.
        begin = f"import sys; sys.path.insert(0, {HERE!r}); import control_plane"
        words = (sys.executable, "-c", f"{begin}; control_plane.be_members({names!r})")
        with log.open("ab") as opened:
            self.process = subprocess.Popen(
                ["nsenter", f"--net={netns}", *words],
                stdout=opened,
                stderr=opened,
                env={**os.environ, "CLUSTER": access.address, "CERTS": access.certificates},
            )


def _members(folder: File, netns: str, access: Access, names: list[str]) -> _Members:
    return _Members(folder / f"{names[0]}.log", netns, access, names)


def be_members(names: list[str]) -> None:
    """Be these sites until killed."""
    from benchkit.testbeds.cluster_member import Member  # noqa: PLC0415  half a second
    from benchkit.testbeds.cluster_site import MeasurementAgent  # noqa: PLC0415  as above

    access = Access(os.environ["CLUSTER"], os.environ["CERTS"])
    said = lambda words: print(words, flush=True)  # noqa: E731
    members = [Member(access, MeasurementAgent(name), said) for name in names]
    while members:
        time.sleep(1)


def submit_ms(executor: Executor) -> list[float]:
    """How long each submit took, in ms, one after another."""
    took = []
    for at in range(WARM + SUBMITS):
        began = time.perf_counter()
        future = executor.submit(site_tasks.multiply, 6, by=7)
        if at >= WARM:
            took.append(1000 * (time.perf_counter() - began))
        future.result(PATIENCE_S)
    return took


def rtt_us(executors: dict[str, Executor], channel: Channel, far: str, seconds: int) -> list[float]:
    """p50 and p99 of network round trips by a probe at the near site, in us."""
    harvest = Harvest()
    crew = Crew(executors, channel, harvest.add)
    shape = (RATE * seconds, NS_PER_S // RATE, NS_PER_S)
    spec = StampSpec("a-b", PHASE, far, REFLECTOR_PORT, harvest.open_session("a-b", PHASE), *shape)
    crew.serve("far", ReflectorSpec(far, REFLECTOR_PORT))
    crew.await_responders()
    if crew.work({"probe": ("near", spec)}, seconds + 1):
        raise SystemExit("the probe could not measure")
    crew.wait_for(lambda: not harvest.awaits_departures("a-b", PHASE))
    rows = harvest.samples("rtt", "a-b", PHASE)
    if rows is None:
        raise SystemExit("nothing came home")
    network = network_ns(rows).compressed() / NS_PER_US
    return [float(np.percentile(network, share)) for share in (50, 99)]


def compare_rtt(rounds: int, seconds: int) -> None:
    by: dict[str, list[list[float]]] = {"agent": [], "local": []}
    with bare_pair() as running, tempfile.TemporaryDirectory() as folder:
        (path,) = running.paths
        near, far = (running.emulation.namespaces[each] for each in (path.near, path.far))
        address = running.emulation.ends[path.name].far
        with serving(File(folder), near, ["near"], 1) as access:
            for _ in range(rounds):
                for way, found in by.items():
                    with (
                        Channel() as channel,
                        NamespaceTestbed({"far": far, "near": near}) as local,
                    ):
                        executors: dict[str, Executor] = dict(local.sites)
                        if way == "local":
                            found.append(rtt_us(executors, channel, address, seconds))
                            continue
                        heard = channel.messages.put
                        with inside(near, partial(ClusterTestbed, access, heard=heard)) as sites:
                            executors |= sites.sites
                            found.append(rtt_us(executors, channel, address, seconds))
    for way, found in by.items():
        for at, share in enumerate(("p50", "p99")):
            row(f"network RTT {share}, {way}", [one[at] for one in found], "us")
    pairs = zip(by["agent"], by["local"], strict=True)
    row(
        "network RTT p99, agent / local",
        [one[1] / other[1] for one, other in pairs],
        "times",
        "<= 1.1",
    )


def compare_submit(rounds: int) -> None:
    by: dict[str, list[list[float]]] = {"agent": [], "local": []}
    with Namespace("bench") as netns, tempfile.TemporaryDirectory() as folder:
        up(netns)
        with serving(File(folder), netns.path, ["near"], 1) as access:
            for _ in range(rounds):
                with inside(netns.path, lambda: ClusterTestbed(access)) as sites:
                    by["agent"].append(submit_ms(sites.sites["near"]))
                with NamespaceTestbed({"near": netns.path}) as local:
                    by["local"].append(submit_ms(local.sites["near"]))
    for way, found in by.items():
        row(f"submit p50, {way}", [statistics.median(one) for one in found], "ms")
        row(f"submit p99, {way}", [float(np.percentile(one, 99)) for one in found], "ms")
    added = [
        statistics.mean(one) - statistics.mean(other)
        for one, other in zip(by["agent"], by["local"], strict=True)
    ]
    row("submit, what the cluster adds, mean", added, "ms", "< 20")


def mesh_s(sites: int) -> tuple[float, float]:
    """Seconds until half of all sessions, and the last of them, had sent their first packet."""
    names = [f"site{number}" for number in range(sites)]
    first: dict[str, int] = {}

    def heard(batch: Samples) -> None:
        if batch.kind == "rtt":
            began_ns = int(batch.columns["sent_ns"].min())
            first[batch.path] = min(first.get(batch.path, began_ns), began_ns)

    with Namespace("bench") as netns, tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        up(netns)
        access = stack.enter_context(serving(File(folder), netns.path, names, WORKER_PROCESSES))
        channel = stack.enter_context(Channel())
        local = stack.enter_context(NamespaceTestbed({"far": netns.path}))
        make = partial(ClusterTestbed, access, heard=channel.messages.put)
        cluster = stack.enter_context(inside(netns.path, make))
        crew = Crew({**local.sites, **cluster.sites}, channel, heard)
        crew.serve("far", ReflectorSpec(LOCAL, REFLECTOR_PORT))
        crew.await_responders()
        shape = (MESH_PER_S * MESH_S, NS_PER_S // MESH_PER_S, NS_PER_S)
        jobs: dict[str, tuple[str, Spec]] = {
            near: (
                near,
                TogetherSpec(
                    tuple(
                        StampSpec(f"{near}-{far}", PHASE, LOCAL, REFLECTOR_PORT, at + 1, *shape)
                        for at, far in enumerate(names)
                        if far != near
                    )
                ),
            )
            for near in names
        }
        began = monotonic_ns()
        # What one reflector for all leaves unanswered is no matter here.
        crew.work(jobs, MESH_S + PATIENCE_S)
        wanted = sites * (sites - 1)
        if len(first) < wanted:
            raise SystemExit(f"{len(first)} of {wanted} sessions sent anything home")
        took = sorted((at - began) / NS_PER_S for at in first.values())
        return took[len(took) // 2], took[-1]


def start_mesh(rounds: int, sites: int) -> None:
    found = [mesh_s(sites) for _ in range(rounds)]
    words = f"{sites} x {sites - 1} sessions have begun"
    row(f"{words}, half of them", [one[0] for one in found], "s")
    row(f"{words}, all", [one[1] for one in found], "s", "< 10")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--sites", type=int, default=47)
    parser.add_argument("--only", action="append", choices=("submit", "rtt", "mesh"), default=[])
    asked = parser.parse_args()
    process.warm_up(["benchkit.probes.door", "site_tasks"])
    wanted = asked.only or ["submit", "rtt", "mesh"]
    print(f"{asked.rounds} rounds, in turns: median, range, bar")
    if "submit" in wanted:
        compare_submit(asked.rounds)
    if "rtt" in wanted:
        compare_rtt(asked.rounds, asked.seconds)
    if "mesh" in wanted:
        start_mesh(max(1, asked.rounds // 2), asked.sites)


if __name__ == "__main__":
    main()
