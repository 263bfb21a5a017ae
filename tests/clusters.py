"""Clusters for tests: scheduler and agents as processes of the real command, in network namespaces, and who speaks to them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

from real_targets import real_target

from benchkit.clock import NS_PER_MS, NS_PER_US
from benchkit.emulators.choice import EMULATORS
from benchkit.emulators.link import Emulation
from benchkit.linux import netns as namespaces
from benchkit.linux.netns import Namespace
from benchkit.model.place import Direction, PathModel
from benchkit.model.place import Path as ModelledPath
from benchkit.testbeds import cluster_site
from benchkit.testbeds.certificates import make_certificates
from benchkit.testbeds.cluster_access import Access, configure

Result = TypeVar("Result")
TESTS = Path(__file__).parent
PORT = 8786
# Where the emulators' addresses come from.
PATHS = "198.18.0.0/15"
PATIENCE_S = 60.0  # for what takes three seconds on an idle machine


class Serving:
    """A benchkit that serves until it is told to end, and what it has said."""

    def __init__(self, log: Path, *arguments: str, netns: str | None = None) -> None:
        """Start it, inside the network namespace at that path where one is given."""
        self.log = log
        inside = ["nsenter", f"--net={netns}"] if netns else []
        with log.open("wb") as opened:
            self.process = subprocess.Popen(
                [*inside, sys.executable, "-m", "benchkit", *arguments],
                stdout=opened,
                stderr=opened,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": str(TESTS), "PYTHONUNBUFFERED": "1"},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def said(self) -> str:
        return self.log.read_text()

    def await_word(self, word: str, *, times: int = 1) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while self.said.count(word) < times:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, f"{word!r} was not said: {self.said}"
            time.sleep(0.05)


def inside(netns: str | None, function: Callable[[], Result]) -> Result:
    """Call it in that namespace: what sockets and threads it makes stay there."""
    return function() if netns is None else namespaces.inside(netns, function)


@contextmanager
def cluster(
    folder: Path,
    host: str,
    sites: Sequence[tuple[str, str, str | None]],
    *,
    tls: bool = True,
    netns: str | None = None,
) -> Iterator[Access]:
    """A scheduler at `host` in `netns`, and sites in it: (name, the address they serve at, the namespace they are in)."""
    certificates = ""
    if tls:
        made = make_certificates(folder / "certs", ["scheduler", *(name for name, _, _ in sites)])
        certificates = str(made[0])
    access = Access(f"{'tls' if tls else 'tcp'}://{host}:{PORT}", certificates)
    with ExitStack() as stack:
        scheduler = stack.enter_context(start_scheduler(folder, access, netns))
        scheduler.await_word("scheduler t")
        agents = [
            stack.enter_context(start_agent(folder, name, access, address, where))
            for name, address, where in sites
        ]
        for agent in agents:
            agent.await_word("is in the cluster")
        yield access


def start_scheduler(folder: Path, access: Access, netns: str | None = None) -> Serving:
    certs = ("--certs", access.certificates) if access.certificates else ()
    words = ("scheduler", "--bind", f"{access.host}:{access.port}", *certs)
    return Serving(folder / "scheduler.log", *words, netns=netns)


def start_agent(
    folder: Path, name: str, access: Access, address: str, netns: str | None = None, *more: str
) -> Serving:
    own = folder / "certs" / name
    certs = ("--certs", str(own)) if access.certificates else ()
    words = ("agent", "--site", name, "--bind", address)
    words += ("--cluster", access.address, *certs)
    allowed = ("--allow", PATHS)
    return Serving(folder / f"{name}.log", *words, *(more or allowed), netns=netns)


@contextmanager
def local_cluster() -> Iterator[tuple[Access, str]]:
    """Dask's own LocalCluster, whose one worker Dask's own preload made a site; and the namespace that it is alone in."""
    from distributed import LocalCluster  # noqa: PLC0415  half a second

    configure()

    def start() -> LocalCluster:
        return LocalCluster(
            n_workers=1,
            threads_per_worker=cluster_site.SLOTS,
            host="127.0.0.1",
            dashboard_address=None,
            preload=["benchkit.testbeds.cluster_site"],
            resources={cluster_site.LEASE: 1},
            memory_limit=None,
        )

    with Namespace("a cluster") as netns:
        up(netns)
        started = netns.inside(start)
        try:
            yield Access(started.scheduler_address), netns.path
        finally:
            started.close()


@contextmanager
def behind_a_path(folder: Path) -> Iterator[tuple[Access, str, str]]:
    """A site of one namespace, a scheduler in another, a modelled path of 10 ms between them, and TLS over it.

    The last are the paths of the namespaces of those who measure, and of the site.
    """
    model = PathModel(Direction(5 * NS_PER_MS), Direction(5 * NS_PER_MS))
    paths = [ModelledPath("here-there", "here", "there", model)]
    with EMULATORS["userspace"](paths, seed=1) as emulation:
        emulation.apply([model])
        ends = emulation.ends["here-there"]
        here, there = emulation.namespaces["here"], emulation.namespaces["there"]
        with cluster(folder, ends.near, [("there", ends.far, there)], netns=here) as access:
            yield access, here, there


@dataclass
class Triangle:
    """A controller and two agents, joined by modelled paths; control goes along other paths than data.

    Control takes 2 ms there and back; between the agents are 10 ms.
    """

    folder: Path
    emulation: Emulation
    access: Access
    stack: ExitStack
    agents: dict[str, Serving] = field(default_factory=dict)

    @property
    def inside(self) -> tuple[str, ...]:
        """What has a command run where the controller is."""
        return "nsenter", f"--net={self.emulation.namespaces['ctl']}"

    def start_scheduler(self) -> Serving:
        """Start it, at every address of the controller's namespace."""
        everywhere = Access(f"tls://0.0.0.0:{PORT}", self.access.certificates)
        found = start_scheduler(self.folder, everywhere, self.emulation.namespaces["ctl"])
        self.scheduler = self.stack.enter_context(found)
        self.scheduler.await_word("scheduler t")
        return found

    def start_agent(self, name: str, *more: str) -> Serving:
        """Start it, at its end of the data path."""
        data, control = self.emulation.ends["a-b"], self.emulation.ends[f"ctl-{name}"]
        access = Access(f"tls://{control.near}:{PORT}", self.access.certificates)
        address = data.near if name == "a" else data.far
        netns = self.emulation.namespaces[name]
        found = start_agent(self.folder, name, access, address, netns, *more)
        self.agents[name] = self.stack.enter_context(found)
        return found

    def cut(self, *names: str) -> None:
        """Let no control through to these; the data paths stay."""
        models = [TRIANGLE["ctl-a"], TRIANGLE["ctl-b"], TRIANGLE["a-b"]]
        for at, name in enumerate("ab"):
            if name in names:
                models[at] = PathModel(Direction(0, loss=1.0), Direction(0, loss=1.0))
        self.emulation.apply(models)

    def target(self, *probes: str, duration: str = "2 s", load: str = "1 s") -> Path:
        """A target of both directions between the agents."""
        plan = {"probes": probes or ("rtt",), "duration": duration, "rate": "100/s"}
        plan |= {"load_duration": load, "calibration": "0.2 s"}
        between = dict.fromkeys("ab", "agent = true")
        paths = [("a", "b"), ("b", "a")]
        file = self.folder / "between.toml"
        file.write_text(real_target("Between agents", between, paths, limit="50 ms", **plan))
        return file

    def arguments(self, target: Path, *more: str) -> tuple[str, ...]:
        """What `benchkit run` is told."""
        certs = self.folder / "certs" / "controller"
        return (
            *("run", str(target), "--cluster", self.access.address, "--certs", str(certs)),
            *("--results", str(self.folder / "results"), *more),
        )

    def record(self) -> dict[str, Any]:
        """What the last run is kept as."""
        last = max((self.folder / "results").glob("2*/run.json"))
        found: dict[str, Any] = json.loads(last.read_text())
        return found


def _delayed(milliseconds: float, jitter_us: int = 0) -> PathModel:
    each = Direction(round(milliseconds * NS_PER_MS / 2), jitter_us * NS_PER_US)
    return PathModel(each, each, 100_000_000, 1 << 18)  # a load that any machine carries


# Without jitter a path is so still that each of its few levels is one sample.
TRIANGLE = {"ctl-a": _delayed(2), "ctl-b": _delayed(2), "a-b": _delayed(10, 200)}


@contextmanager
def triangle(folder: Path, *more: str) -> Iterator[Triangle]:
    """The cluster of a triangle; `more` is what its agents are told besides."""
    paths = [ModelledPath(name, *name.split("-"), model) for name, model in TRIANGLE.items()]
    names = ("scheduler", "controller", "a", "b")
    scheduler_certs, *_ = make_certificates(folder / "certs", names)
    with ExitStack() as stack:
        emulation = stack.enter_context(EMULATORS["userspace"](paths, seed=1))
        emulation.apply(list(TRIANGLE.values()))
        access = Access(f"tls://{emulation.ends['ctl-a'].near}:{PORT}", str(scheduler_certs))
        made = Triangle(folder, emulation, access, stack)
        made.start_scheduler()
        for name in "ab":
            made.start_agent(name, *more)
        for agent in made.agents.values():
            agent.await_word("is in the cluster")
        yield made


class Standing:
    """Clusters that are started when they are first wanted, and stay until the end."""

    def __init__(self) -> None:
        """Start none."""
        self._stack = ExitStack()
        self._made: dict[str, Any] = {}

    def get(self, name: str, make: Callable[[], AbstractContextManager[Any]]) -> Any:
        """The one of that name, made if need be."""
        if name not in self._made:
            self._made[name] = self._stack.enter_context(make())
        return self._made[name]

    def close(self) -> None:
        """End all."""
        self._stack.close()
        self._made.clear()


def up(netns: Namespace) -> None:
    """Bring up its loopback."""
    netns.inside(subprocess.run, ("ip", "link", "set", "lo", "up"))
