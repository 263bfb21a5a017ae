"""A cluster's own processes: its scheduler, and a site's worker, which is made anew whenever the cluster was lost."""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any, Self

import dask
from distributed import Scheduler, SchedulerPlugin, Worker

from benchkit.errors import BenchkitError, UnfitError, told_by_system
from benchkit.linux.interrupts import interrupted
from benchkit.linux.leftovers import HeldFolder
from benchkit.linux.refusals import Refusals
from benchkit.testbeds import cluster_site
from benchkit.testbeds.cluster_access import Access, configure
from benchkit.testbeds.cluster_greeting import greet
from benchkit.testbeds.cluster_site import MeasurementAgent
from benchkit.tls_words import told_of_tls

AGAIN_S = 1.0
# A way that is cut is found out soon: tasks go on without their worker, and the sooner it tries the sooner it is back.
CUT_S = "12s"  # the shortest that Dask takes
END_S = 5.0
LOOPBACK_ONLY = "127.0.0.1:0"
# What a scheduler says to a worker whose name another has.
TAKEN = "name taken"
# What Dask says of each connection that comes and goes, or breaks, is said by us in a line; of one that speaks TLS to who
# does not its server says pages.
TALKATIVE = (
    "distributed",
    "distributed.worker",
    "distributed.scheduler",
    "distributed.core",
    "tornado.application",
)
HANDSHAKE = "TLS handshake failed"
Say = Callable[[str], None]


async def serve_scheduler(access: Access, say: Say) -> None:
    """Be the scheduler at that address until interrupted.

    Raises UnfitError where the port cannot be had, AskedWronglyError where Dask is not installed.
    """
    configure()
    tell_refused(say)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(pass_over_cut)
    stopped = loop.create_task(interrupted())
    # Dask would leave a folder of its own in the temporary directory.
    with closing(HeldFolder()) as folder, dask.config.set({"temporary-directory": folder.path}):
        async with await _scheduler(access) as scheduler:
            scheduler.add_plugin(Attendance(say))
            say(f"scheduler {scheduler.address}")
            ended = loop.create_task(scheduler.finished())
            await asyncio.wait((stopped, ended), return_when=asyncio.FIRST_COMPLETED)
            # Of what Dask was about with its sites just then some fails, and nobody waits for it any more.
            loop.set_exception_handler(lambda *_: None)


def pass_over_cut(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Of a site that is gone Dask's own tasks fail, with pages of traceback: that it went has been said in a line."""
    if not isinstance(context.get("exception"), OSError):
        loop.default_exception_handler(context)


class Attendance(SchedulerPlugin):  # type: ignore[misc]  # Dask says no types
    """Says who joins the cluster, and who is gone."""

    def __init__(self, say: Say) -> None:
        """Nobody is there yet."""
        self._say = say
        self._names: dict[str, str] = {}

    def add_worker(self, scheduler: Scheduler, worker: str) -> None:
        """A site has joined, from that address."""
        self._names[worker] = str(scheduler.workers[worker].name)
        self._say(f"{self._names[worker]} joined from {worker}")

    def remove_worker(self, scheduler: Scheduler, worker: str, **_: object) -> None:
        """A site has left, or nothing is heard of it."""
        del scheduler  # which no longer knows it
        if worker in self._names:
            self._say(f"{self._names.pop(worker)} is gone")


async def _scheduler(access: Access) -> Scheduler:
    try:
        return await Scheduler(
            host=access.host,
            port=access.port,
            protocol=f"{access.protocol}://",
            security=access.security(),
            dashboard=False,
            dashboard_address=LOOPBACK_ONLY,
        )
    except (OSError, RuntimeError) as error:
        reason = error.__cause__ if isinstance(error, RuntimeError) else error  # as Dask wraps it
        if not isinstance(reason, OSError):
            raise
        raise UnfitError(
            f"the scheduler cannot listen at {access.address}: {told_by_system(reason)}: stop what listens there, or take another address or port with --bind"
        ) from error


class Member:
    """A site that stays in a cluster: a worker named for it, on a thread of its own."""

    def __init__(self, access: Access, site: MeasurementAgent, say: Say) -> None:
        """Join, and join again whenever the cluster is lost.

        Raises AskedWronglyError for certificates that are no good.
        """
        configure()
        dask.config.set({"distributed.comm.timeouts.tcp": CUT_S})
        tell_refused(say)
        self._access, self._site, self._say = access, site, say
        self._security = access.security()
        self._folder = HeldFolder()
        self._loop = asyncio.new_event_loop()
        self._said = ""
        self._keeping: asyncio.Task[None] | None = None
        self.joined = threading.Event()
        self._thread = threading.Thread(target=self._run, name="member", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Leave the cluster."""
        with suppress(RuntimeError):  # it has ended already
            self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join(END_S)
        self._folder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _cancel(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()

    def _run(self) -> None:
        with (
            asyncio.Runner(loop_factory=lambda: self._loop) as runner,
            suppress(asyncio.CancelledError),
        ):
            runner.run(self._keep())

    async def _keep(self) -> None:
        self._keeping = asyncio.current_task()
        while True:
            try:
                await self._be_a_worker()
            except Exception as error:  # noqa: BLE001  whatever it is, the site goes on serving
                self._tell(
                    f"not in the cluster at {self._access.address}: {why(error, self._site.name)}"
                )
            self.joined.clear()
            await asyncio.sleep(AGAIN_S)

    async def _be_a_worker(self) -> None:
        """Join and stay until the cluster is lost. Raises whatever is in the way."""
        # The address from which the scheduler was reached is where it can reach us. A worker would try for ever, and not
        # say why.
        here = await asyncio.to_thread(greet, self._access)
        async with Worker(
            self._access.address,
            name=self._site.name,
            host=here,
            protocol=f"{self._access.protocol}://",
            security=self._security,
            nthreads=cluster_site.SLOTS,
            resources={cluster_site.LEASE: 1},
            memory_limit=None,
            dashboard=False,
            dashboard_address=LOOPBACK_ONLY,
            local_directory=self._folder.path,
        ) as worker:
            self._site.join(worker)
            self._tell(f"{self._site.name} is in the cluster at {self._access.address}")
            self.joined.set()
            await worker.finished()
        self._tell(f"the cluster at {self._access.address} was lost: serving on, and trying again")

    def _tell(self, words: str) -> None:
        """Say it, once for as long as it stays so."""
        if words != self._said:
            self._said = words
            self._say(words)


def why(error: BaseException, site: str) -> str:
    """What is at the bottom of an error of Dask's; that another has the site's name in our own words."""
    while error.__cause__ is not None and not isinstance(error, BenchkitError):
        error = error.__cause__
    if TAKEN in str(error):
        return f"it has a site {site} already: end the other agent, or give this one another --site"
    if isinstance(error, ssl.SSLError):
        return told_of_tls(error)
    if isinstance(error, TimeoutError) and not str(error):
        return "it did not answer in time"
    said = error.strerror if isinstance(error, OSError) else ""
    return said or str(error) or type(error).__name__


def tell_refused(say: Say) -> None:
    """Have those who showed no good certificate counted, and told once for each source, reason and minute."""
    log = logging.getLogger("distributed.comm.tcp")
    if log.filters:
        return  # another member of this process does
    refusals = Refusals(say)

    def pass_on(record: logging.LogRecord) -> bool:
        if HANDSHAKE not in str(record.msg):
            return True
        found = record.args if isinstance(record.args, tuple) else ()
        source = str(found[1]) if len(found) > 1 else "somebody"
        host = source.partition("://")[2].rpartition(":")[0] or source
        refusals.add(host, f"TLS: {told_of_tls(found[-1]) if found else 'no good certificate'}")
        return False

    log.addFilter(pass_on)
    log.setLevel(logging.WARNING)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
