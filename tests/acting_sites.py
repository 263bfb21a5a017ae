"""Sites that are threads, whose probes and responders do as they are told: acts, named by the address of a spec."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from benchkit.campaign.crew import Crew
from benchkit.linux.channel import Channel, Sink, SinkAddress
from benchkit.model.responder_spec import ReflectorSpec
from benchkit.model.samples import Samples, column
from benchkit.probes.door import run_probe

Act = Callable[[SinkAddress], int]
FOREVER_S = 60.0


def spec(name: str) -> ReflectorSpec:
    return ReflectorSpec(name, 862)


def batch(number: int) -> Samples:
    return Samples("rtt", "a-b", "idle", {"sequence": column([number])})


class Site(Executor):
    """A site whose tasks do what their spec's address names."""

    def __init__(self, acts: Mapping[str, Act]) -> None:
        self._acts = acts
        self._pool = ThreadPoolExecutor(8)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
        assert fn is run_probe
        asked, address = args
        return self._pool.submit(self._acts[asked.address], address)

    def close(self) -> None:
        self._pool.shutdown(wait=False)


@contextmanager
def crew_of(**acts: Act) -> Iterator[tuple[Crew, list[int]]]:
    """A crew at one site "here", and the numbers of the batches it has heard."""
    heard: list[int] = []
    site = Site(acts)
    with Channel() as channel:
        yield (
            Crew(
                {"here": site}, channel, lambda one: heard.append(int(one.columns["sequence"][0]))
            ),
            heard,
        )
    site.close()


def measures(*numbers: int) -> Act:
    def act(address: SinkAddress) -> int:
        with Sink(address) as sink:
            for number in numbers:
                sink.send(batch(number))
        return len(numbers)

    return act


def fails(error: Exception, *, connects: bool = True) -> Act:
    def act(address: SinkAddress) -> int:
        if connects:
            with Sink(address) as sink:
                sink.send(batch(7))
        raise error

    return act


def listens(release: threading.Event, *numbers: int) -> Act:
    def act(address: SinkAddress) -> int:
        with Sink(address) as sink:
            sink.ready()
            for number in numbers:
                sink.send(batch(number))
            release.wait(FOREVER_S)
        return 0

    return act


def hangs(release: threading.Event) -> Act:
    def act(address: SinkAddress) -> int:
        with Sink(address):
            release.wait(FOREVER_S)
        return 0

    return act


class Agent(Site):
    """A site of a cluster, told by its leases."""

    patience_s = 0.0
    silence = ""

    @property
    def leasing(self) -> Agent:
        return self
