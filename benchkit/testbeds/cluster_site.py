"""A site on a Dask worker: each task in a process of its own, and what it tells held until the campaign fetches it.

The worker only starts and watches. Its own traffic never shares a process with a measurement, and a campaign of which
nothing is heard for its patience has its processes ended: no lease outlives whoever holds it.

Any worker becomes a site: `dask worker tls://… --name guiyang --preload benchkit.testbeds.cluster_site`.
"""

from __future__ import annotations

import asyncio
import pickle
import queue
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

from distributed.worker import Worker, get_worker

from benchkit import __version__
from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import MeasureError
from benchkit.linux import process
from benchkit.linux.channel import Channel, Message, SinkAddress
from benchkit.testbeds.namespaces import NamespaceExecutor
from benchkit.testbeds.outbox import Outbox

PRELOADED = ("benchkit.probes.door",)
# What a task tells once it has its process, and at its end: whether it succeeded, and its result or error.
BEGUN, OUTCOME = "begun", "outcome"
LONG_POLL_S = 1.0
LOOK_S = 0.25
MOST_PATIENCE_S = 25.0
MOST_REMEMBERED = 100
FULL = "more samples were waiting to be fetched than it can hold"
# Tasks at once: each only waits for its process.
SLOTS = 4096
# What one throughput test takes, and no second one gets meanwhile.
LEASE = "throughput"
SEPARATOR = "/"


class Errands:
    """What one campaign has going at a site."""

    def __init__(self, site: str, patience_s: float) -> None:
        """None yet. Nothing heard of the campaign for `patience_s` ends it."""
        self.executor = NamespaceExecutor(site, None)
        self.outbox = Outbox()
        self.patience_ns = round(min(patience_s, MOST_PATIENCE_S) * NS_PER_S)
        self.heard_ns = monotonic_ns()

    @property
    def is_forgotten(self) -> bool:
        """Whether nothing was heard of its campaign for too long."""
        return monotonic_ns() - self.heard_ns > self.patience_ns

    def end(self) -> None:
        """Kill what runs."""
        self.executor.shutdown(wait=False, cancel_futures=True)


class Site:
    """What a worker does for campaigns. It outlives the worker: one that lost its scheduler is followed by another."""

    def __init__(self, name: str, told: Mapping[str, Any] | None = None) -> None:
        """Serve as `name`; `told` is what campaigns are told of it."""
        process.warm_up(PRELOADED)
        process.start(
            time.sleep, 0, netns=None, name="a first one"
        )  # so the first probe need not wait
        self.name = name
        self._told = {"version": __version__, **(told or {})}
        self._channel = Channel()
        self._errands: dict[str, Errands] = {}
        self._ended: dict[str, str] = {}
        self._closed = threading.Event()
        threading.Thread(target=self._relay, name=f"site {name}", daemon=True).start()

    def join(self, worker: Worker) -> None:
        """Have a worker take what campaigns ask of this site."""
        SITES[worker] = self
        worker.handlers |= {
            "benchkit_begin": self.begin,
            "benchkit_fetch": self.fetch,
            "benchkit_stop": self.stop,
            "benchkit_end": self.end,
        }

    def close(self) -> None:
        """End everything."""
        self._closed.set()
        for campaign in list(self._errands):
            self._let_go(campaign, "the site was shut down")
        self._channel.close()

    async def begin(self, campaign: str, patience_s: float) -> dict[str, Any]:
        """A campaign sets out; what it should know of the site."""
        self._errands[campaign] = Errands(self.name, patience_s)
        return self._told

    async def fetch(self, campaign: str, number: int) -> dict[str, Any]:
        """What came after frame `number`; waits a little for some. Where the campaign has been given up: why."""
        errands = self._errands.get(campaign)
        if errands is None:
            return {"gone": self._ended.get(campaign, "the site was started anew meanwhile")}
        errands.heard_ns = monotonic_ns()
        first, frames = await errands.outbox.after(number, LONG_POLL_S)
        return {"first": first, "frames": frames}

    async def stop(self, campaign: str, token: str) -> None:
        """Ask a probe to stop."""
        self._channel.stop(f"{campaign}{SEPARATOR}{token}")

    async def end(self, campaign: str, *, forget: bool = True) -> None:
        """Kill what a campaign has running here; with `forget` it takes no more."""
        if forget:
            self._let_go(campaign, "the campaign ended")
        elif campaign in self._errands:
            self._errands[campaign].end()

    async def carry_out(self, campaign: str, order: str, call: bytes) -> None:
        """Do one task in a process of its own, and tell its outcome after all that it told itself."""
        errands = self._errands.get(campaign)
        if errands is None:
            raise MeasureError(f"site {self.name} has given the campaign up")
        outcome: tuple[bool, Any]
        try:
            function, arguments, keywords = pickle.loads(call)  # noqa: S301  TLS says who sent it
            here = [self._here(campaign, each) for each in arguments]
            submit = errands.executor.submit
            future = await asyncio.to_thread(submit, function, *here, **keywords)
            errands.outbox.put(Message(order, BEGUN, None))
            outcome = True, await asyncio.wrap_future(future)
        except Exception as error:  # noqa: BLE001  the caller gets it as a future's exception
            outcome = False, error
        if not errands.outbox.put(Message(order, OUTCOME, outcome)):
            self._let_go(campaign, FULL)

    def _here(self, campaign: str, argument: Any) -> Any:  # noqa: ANN401  whatever a task takes
        """A sink's address as it is at this site."""
        if not isinstance(argument, SinkAddress):
            return argument
        return self._channel.address(f"{campaign}{SEPARATOR}{argument.token}")

    def _relay(self) -> None:
        while not self._closed.is_set():
            with suppress(queue.Empty):
                message = self._channel.messages.get(timeout=LOOK_S)
                campaign, _, token = message.token.partition(SEPARATOR)
                errands = self._errands.get(campaign)
                if errands is not None and not errands.outbox.put(message._replace(token=token)):
                    self._let_go(campaign, FULL)
            for campaign, errands in list(self._errands.items()):
                if errands.is_forgotten:
                    self._let_go(campaign, "nothing was heard of the campaign")

    def _let_go(self, campaign: str, why: str) -> None:
        errands = self._errands.pop(campaign, None)
        if errands is not None:
            self._ended[campaign] = why
            while len(self._ended) > MOST_REMEMBERED:
                self._ended.pop(next(iter(self._ended)))
            errands.end()


SITES: WeakKeyDictionary[Worker, Site] = WeakKeyDictionary()


async def carry_out(campaign: str, order: str, call: bytes) -> None:
    """The task that Dask runs: it only waits for a process. What comes of it is told like all the rest."""
    await SITES[get_worker()].carry_out(campaign, order, call)


def dask_setup(worker: Worker) -> None:
    """Make a site of a worker that Dask's own commands started."""
    Site(str(worker.name)).join(worker)


def dask_teardown(worker: Worker) -> None:
    """End what the site has going."""
    SITES[worker].close()
