"""A site on a Dask worker: each task in a process of its own, and what it tells held until the campaign fetches it.

The worker only starts and watches. Its own traffic never shares a process with a measurement, and a campaign of which
nothing is heard for its patience has its processes ended. What holds the lease of a site ends sooner, whatever that
patience: no lease outlives whoever holds it. A worker that lost its scheduler is followed by another, and what runs goes on.

Any worker becomes a site: `dask worker tls://… --name guiyang --preload benchkit.testbeds.cluster_site`.
"""

from __future__ import annotations

import asyncio
import pickle
import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
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
MOST_PATIENCE_S = 300.0
# Nobody else's throughput test waits longer than that for one whose campaign may be gone.
LEASE_PATIENCE_S = 25.0
MOST_REMEMBERED = 100
FULL = "more samples were waiting to be fetched than it can hold"
# Tasks at once: each only waits for its process.
SLOTS = 4096
# What one throughput test takes, and no second one gets meanwhile.
LEASE = "throughput"
SEPARATOR = "/"


Call = tuple[Callable[..., Any], list[Any], Mapping[str, Any]]
Settle = Callable[[tuple[bool, Any]], None]


class Errands:
    """What one campaign has going at a site."""

    def __init__(self, site: str, patience_s: float) -> None:
        """None yet. Nothing heard of the campaign for `patience_s` ends it, and what holds the lease sooner."""
        self._site = site
        self._running, self._leased = (NamespaceExecutor(site, None) for _ in range(2))
        self.outbox = Outbox()
        self._patience_ns = round(min(patience_s, MOST_PATIENCE_S) * NS_PER_S)
        self._heard_ns = monotonic_ns()

    @property
    def _silent_ns(self) -> int:
        return monotonic_ns() - self._heard_ns

    @property
    def is_forgotten(self) -> bool:
        """Whether nothing was heard of its campaign for too long."""
        return self._silent_ns > self._patience_ns

    def hear(self) -> None:
        """Its campaign is there."""
        self._heard_ns = monotonic_ns()

    def begin(self, order: str, call: Call, settle: Settle, *, exclusive: bool) -> Future[Any]:
        """Start a task, say that it has its process, and have `settle` called with its outcome. For any thread."""
        function, arguments, keywords = call
        executor = self._leased if exclusive else self._running
        future = executor.submit(function, *arguments, **keywords)
        self.outbox.put(Message(order, BEGUN, None))

        def ended(future: Future[Any]) -> None:
            error = future.exception()
            if error is not None and exclusive and executor is not self._leased:
                error = MeasureError(
                    f"site {self._site} let go of its lease, for nothing was heard of the run for {LEASE_PATIENCE_S:.0f} s"
                )
            settle((True, future.result()) if error is None else (False, error))

        future.add_done_callback(ended)
        return future

    def release_if_silent(self) -> None:
        """Kill what holds the lease, where nobody may want it any more."""
        if self._silent_ns > LEASE_PATIENCE_S * NS_PER_S and self._leased.is_busy:
            over, self._leased = self._leased, NamespaceExecutor(self._site, None)
            over.shutdown(wait=False, cancel_futures=True)

    def end(self) -> None:
        """Kill what runs."""
        for each in (self._running, self._leased):
            each.shutdown(wait=False, cancel_futures=True)


class MeasurementAgent:
    """What a worker does for campaigns (RFC 7594). It outlives the worker: one that lost its scheduler is followed by another."""

    def __init__(self, name: str, told: Mapping[str, Any] | None = None) -> None:
        """Serve as `name`; `told` is what campaigns are told of it."""
        process.warm_up(PRELOADED)
        # So the first probe need not wait.
        process.start(time.sleep, 0, netns=None, name="a first one")
        self.name = name
        self._told = {"version": __version__, **(told or {})}
        self._channel = Channel()
        self._errands: dict[str, Errands] = {}
        self._ended: dict[str, str] = {}
        self._leases: list[Future[None]] = []
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
        errands.hear()
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

    async def carry_out(self, campaign: str, order: str, call: bytes, *, exclusive: bool) -> None:
        """Do one task in a process of its own, which tells its outcome whatever becomes of the worker meanwhile.

        Raises MeasureError where the site has given the campaign up.
        """
        errands = self._errands.get(campaign)
        if errands is None:
            raise MeasureError(f"site {self.name} has given the campaign up")

        def settle(outcome: tuple[bool, Any]) -> None:
            if not errands.outbox.put(Message(order, OUTCOME, outcome)):
                self._let_go(campaign, FULL)

        over = await self._lease() if exclusive else Future()

        def begin() -> None:
            """On a thread, which goes on where the worker is lost meanwhile."""
            try:
                function, arguments, keywords = pickle.loads(call)  # noqa: S301  TLS says who sent it
                here = [self._here(campaign, each) for each in arguments]
                task = (function, here, keywords)
                begun = errands.begin(order, task, settle, exclusive=exclusive)
            except Exception as error:  # noqa: BLE001  the caller gets it as a future's exception
                settle((False, error))
                over.set_result(None)
            else:
                begun.add_done_callback(lambda _: over.set_result(None))

        # Whatever becomes of this worker, what was begun is seen through: or nobody gave the lease back.
        await asyncio.shield(asyncio.to_thread(begin))
        await _ended(over)

    async def _lease(self) -> Future[None]:
        """The lease, once it is free, held until this has a result.

        A worker that has joined anew has one to give, which a task of the one before it may still hold.
        """
        for each in list(self._leases):
            await _ended(each)
        mine: Future[None] = Future()
        self._leases = [each for each in self._leases if not each.done()] + [mine]
        return mine

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
                errands.release_if_silent()
                if errands.is_forgotten:
                    self._let_go(campaign, "nothing was heard of the campaign")

    def _let_go(self, campaign: str, why: str) -> None:
        errands = self._errands.pop(campaign, None)
        if errands is not None:
            self._ended[campaign] = why
            while len(self._ended) > MOST_REMEMBERED:
                self._ended.pop(next(iter(self._ended)))
            errands.end()


SITES: WeakKeyDictionary[Worker, MeasurementAgent] = WeakKeyDictionary()


async def carry_out(campaign: str, order: str, call: bytes, *, exclusive: bool) -> None:
    """The task that Dask runs: it only waits for a process. What comes of it is told like all the rest."""
    await SITES[get_worker()].carry_out(campaign, order, call, exclusive=exclusive)


async def _ended(future: Future[Any]) -> None:
    """Wait for it, and leave it alone where the waiting is broken off."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def wake(_: Future[Any]) -> None:
        with suppress(RuntimeError):  # the loop is gone
            loop.call_soon_threadsafe(ended.set)

    future.add_done_callback(wake)
    await ended.wait()


def dask_setup(worker: Worker) -> None:
    """Make a site of a worker that Dask's own commands started."""
    MeasurementAgent(str(worker.name)).join(worker)


def dask_teardown(worker: Worker) -> None:
    """End what the site has going."""
    SITES[worker].close()
