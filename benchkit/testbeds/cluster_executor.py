"""One site of a cluster as an Executor: every task a Dask task on that one worker, run once or not at all."""

from __future__ import annotations

import pickle
import secrets
import threading
from collections.abc import Callable, Sequence
from concurrent import futures
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from distributed import Client

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import MeasureError, SiteLostError
from benchkit.linux.channel import Message, SinkAddress
from benchkit.testbeds.cluster_site import BEGUN, LEASE, OUTCOME, carry_out

Result = TypeVar("Result")
GRACE_S = 2.0
# A site that was heard of so lately had no time to be cut off: its agent ended.
LATELY_NS = 3 * NS_PER_S
# Until a task has its process. A lease that another campaign holds takes longer than that.
BEGIN_S = 15.0
# What is there is heard of every second, whether it has something to tell or not.
SILENT_S = 2.0
LOST_WORKER = "KilledWorker"
NO_SCHEDULER = "the scheduler of the cluster went away"


@dataclass(eq=False)
class Order:
    """One task on its way: its future, and the tokens that it tells by."""

    name: str
    tokens: tuple[str, ...]
    future: Future[Any] = field(default_factory=Future)
    begun: threading.Event = field(default_factory=threading.Event)
    remote: Any = None


class Remote:
    """What is known here of one site: where it is, what was heard of it last, and what it has been asked to do."""

    def __init__(
        self,
        client: Client,
        campaign: str,
        site: str,
        address: str,
        heard: Callable[[Message], None],
    ) -> None:
        """Know where it is; nothing has been asked of it yet."""
        self.client, self.campaign, self.site = client, campaign, site
        self.address = address
        self.number = 0
        self.heard_ns = monotonic_ns()
        self._heard = heard
        self._orders: dict[str, Order] = {}
        self._lock = threading.Lock()
        self._lost = ""
        # While nobody tells of the site it may be there all the same.
        self._is_untold = False
        self._scheduler = str(getattr(getattr(client, "scheduler", None), "address", ""))

    @property
    def running(self) -> list[Future[Any]]:
        """The futures of all tasks that have not ended."""
        with self._lock:
            return [order.future for order in self._orders.values()]

    def place(self, order: Order, call: bytes, *, exclusive: bool) -> None:
        """Have Dask run it there, and nowhere else."""
        with self._lock:
            self._orders[order.name] = order
            lost = self._lost
        if lost:
            self._settle(order, (False, self._error(lost)))
            return
        order.remote = self.client.submit(
            carry_out,
            self.campaign,
            order.name,
            call,
            key=f"benchkit-{self.site}-{order.name}",
            workers=[self.address],
            allow_other_workers=False,
            exclusive=exclusive,
            resources={LEASE: 1} if exclusive else None,
            pure=False,
            retries=0,
        )
        order.remote.add_done_callback(lambda ended: self._ended(order, ended))

    def give_up(self, order: Order, why: str) -> None:
        """Call off a task that has not begun."""
        remote = order.remote
        self._settle(order, (False, MeasureError(why)))  # before Dask says that it was cancelled
        if remote is not None:
            remote.cancel()

    def take(self, first: int, frames: Sequence[bytes]) -> None:
        """What the site tells, in order; what came before is passed over."""
        self._is_untold = False
        for number, frame in enumerate(frames, first):
            if number <= self.number:
                continue
            self.number = number
            message: Message = pickle.loads(frame)  # noqa: S301  TLS says who sent it
            with self._lock:
                order = self._orders.get(message.token)
            if message.kind not in {BEGUN, OUTCOME}:
                self._heard(message)
            elif order is not None and message.kind == BEGUN:
                order.begun.set()
            elif order is not None:
                self._settle(order, message.body)

    def lose(self, why: str) -> None:
        """The site is gone, and all that it was doing."""
        with self._lock:
            self._lost = why
            orders = list(self._orders.values())
        for order in orders:
            self._settle(order, (False, self._error(why)))

    def _ended(self, order: Order, ended: Any) -> None:  # noqa: ANN401  Dask's future
        """On a thread of Dask's: a task that finished tells its outcome itself; of another nobody will hear.

        Where Dask lost the worker because it was cut off, the task goes on there, and may be heard of again.
        """
        if ended.status == "finished":
            return
        try:
            error = ended.exception(timeout=GRACE_S)
            if type(error).__name__ == LOST_WORKER and not self._was_heard_lately:
                return
            why = _words(error)
        except Exception as error:  # noqa: BLE001  cancelled, for its scheduler is gone
            why = _words(error)
        self._is_untold = why == NO_SCHEDULER
        self._settle(order, (False, self._error(self._lost or why)))

    @property
    def silence(self) -> str:
        """Why nobody seems to be there just now; "" where somebody is."""
        seconds = (monotonic_ns() - self.heard_ns) / NS_PER_S
        if self._lost:
            return f"site {self.site} was lost: {self._lost}"
        if seconds < SILENT_S or self._is_untold:
            return ""
        return f"nothing was heard of the agent of {self.site} for {seconds:.0f} s"

    @property
    def _was_heard_lately(self) -> bool:
        return monotonic_ns() - self.heard_ns < LATELY_NS

    def _error(self, why: str) -> SiteLostError:
        if why == NO_SCHEDULER:
            at = f" at {self._scheduler}" if self._scheduler else ""
            return SiteLostError(
                f"the scheduler{at} was lost, and with it what its agents still had to tell; see that `benchkit scheduler` runs "
                "there, and run again"
            )
        return SiteLostError(
            f"site {self.site} was lost: {why}; see that `benchkit agent` runs there and reaches the cluster",
            self.site,
        )

    def _settle(self, order: Order, outcome: tuple[bool, Any]) -> None:
        with self._lock:
            if self._orders.pop(order.name, None) is None:
                return
        succeeded, body = outcome
        if not succeeded:
            # Whoever waits for its last word need not: it may have died without one.
            for token in order.tokens:
                self._heard(Message(token, "end", None))
        order.begun.set()
        order.remote = None
        if succeeded:
            order.future.set_result(body)
        else:
            order.future.set_exception(body)


class ClusterExecutor(Executor):
    """Tasks at one site, each in a process of its own there."""

    def __init__(
        self,
        remote: Remote,
        kill: Callable[[], None],
        patience_s: float,
        *,
        exclusive: bool = False,
    ) -> None:
        """Work at that site; `kill` ends what runs there. An `exclusive` one holds the site's lease with each task.

        After `patience_s` of silence it is lost.
        """
        self.remote = remote
        self.patience_s = patience_s
        self._kill = kill
        self._exclusive = exclusive
        self._closed = False

    @property
    def silence(self) -> str:
        """Why nobody seems to be there just now; "" where somebody is."""
        return self.remote.silence

    @property
    def leasing(self) -> ClusterExecutor:
        """The same site, for tasks of which it runs one at a time whoever asks."""
        return ClusterExecutor(self.remote, self._kill, self.patience_s, exclusive=True)

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:  # noqa: ANN401  as Executor has it
        """Start it now, and return once it has its process.

        The future ends with its result, its own exception, or MeasureError where the site was lost. Raises RuntimeError once
        shut down, as every Executor does.
        """
        if self._closed:
            raise RuntimeError(f"the executor of {self.remote.site} is shut down")
        tokens = tuple(each.token for each in args if isinstance(each, SinkAddress))
        order = Order(secrets.token_hex(6), tokens)
        order.future.set_running_or_notify_cancel()
        self.remote.place(order, pickle.dumps((fn, args, kwargs)), exclusive=self._exclusive)
        if not order.begun.wait(BEGIN_S):
            self.remote.give_up(order, self._why_late())
        return order.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  the signature of Executor
        """Take no more tasks. With `cancel_futures`, kill those that run; with `wait`, see them end."""
        self._closed = True
        running = self.remote.running
        if cancel_futures and running:
            self._kill()
        if wait:
            futures.wait(running, GRACE_S if cancel_futures else None)

    def _why_late(self) -> str:
        if self._exclusive:
            return f"site {self.remote.site} measures throughput for another campaign: run again after that"
        return (
            f"site {self.remote.site} had not started a probe after {BEGIN_S:.0f} s: is its machine too busy, or "
            "the way to it cut?"
        )


def _words(error: Exception | None) -> str:
    """What Dask says, in a line. Of tasks that it lost with its scheduler it may know no error."""
    if error is None:
        return NO_SCHEDULER
    if type(error).__name__ == LOST_WORKER:
        return "its agent ended while a probe ran"
    if "scheduler-connection-lost" in str(error):
        return NO_SCHEDULER
    said = str(error).splitlines()
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
