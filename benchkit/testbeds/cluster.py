"""Real sites: workers of a Dask cluster, each an Executor, and what their tasks tell fetched as they tell it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent import futures
from contextlib import AbstractContextManager, suppress
from typing import Any

from distributed import Client

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import MeasureError
from benchkit.linux.channel import Message
from benchkit.testbeds.cluster_access import Access, configure
from benchkit.testbeds.cluster_executor import ClusterExecutor, Remote
from benchkit.testbeds.cluster_greeting import await_greeting
from benchkit.testbeds.cluster_site import LONG_POLL_S
from benchkit.testbeds.shutdown import shut_down

CONNECT_S = 10.0
GRACE_S = 2.0
PATIENCE_S = 60.0
AGAIN_S = 0.2
# A fetch waits a second for something to fetch; one that says nothing for longer is tried anew.
FETCH_S, LEAST_S = 4.0, 0.5
# What Dask says, in tracebacks, of a scheduler that is gone, is said by us in a line.
TALKATIVE = ("distributed", "distributed.client", "distributed.core", "distributed.comm.tcp")


def unheard(message: Message) -> None:
    """Pass over what tasks tell."""


class ClusterTestbed(AbstractContextManager["ClusterTestbed"]):
    """The sites of a cluster for one campaign. `heard` is called, on another thread, with all that tasks tell.

    `joined` names all that were in the cluster, `told` has what those say of themselves that were wanted.

    A site of which nothing is heard for `patience_s` is lost: its tasks end with MeasureError.
    """

    def __init__(
        self,
        access: Access,
        wanted: Sequence[str] | None = None,
        *,
        heard: Callable[[Message], None] = unheard,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Connect, and have the sites that are wanted set out; all there are without a name.

        Raises MeasureError where there is no cluster, AskedWronglyError for certificates that are no good.
        """
        configure()
        for name in TALKATIVE:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._access = access
        self._heard = heard
        self._patience_s = patience_s
        self._campaign = secrets.token_hex(8)
        self._client = _connected(access)
        self._fetching: list[futures.Future[None]] = []
        self.joined: tuple[str, ...] = ()
        self.told: dict[str, Mapping[str, Any]] = {}
        self.sites: dict[str, ClusterExecutor] = {}
        try:
            self._client.sync(self._begin, wanted)
        except BaseException:
            self._client.close()
            raise

    def __exit__(self, *_: object) -> None:
        shut_down(self.sites.values())
        for each in self._fetching:
            each.cancel()
        self._client.sync(self._end)
        self._client.close()

    async def _begin(self, wanted: Sequence[str] | None) -> None:
        members = await self._members()
        self.joined = tuple(sorted(members))
        names = members if wanted is None else [name for name in wanted if name in members]
        async with asyncio.TaskGroup() as tasks:
            for name in names:
                tasks.create_task(self._set_out(name, members[name]))

    async def _set_out(self, name: str, address: str) -> None:
        """Have one site know of the campaign. One that does not answer is not there."""
        asked = {"campaign": self._campaign, "patience_s": self._patience_s}
        try:
            told = await self._ask(address, "benchkit_begin", **asked)
        except Exception:  # noqa: BLE001  a worker that is no site of ours, or is just going
            return
        remote = Remote(self._client, self._campaign, name, address, self._heard)
        self.told[name] = {
            "host": address.partition("://")[2].rpartition(":")[0].strip("[]"),
            **told,
        }
        self.sites[name] = ClusterExecutor(remote, self._killer(remote), self._patience_s)
        loop = asyncio.get_running_loop()
        self._fetching.append(asyncio.run_coroutine_threadsafe(self._fetch(remote), loop))

    def _killer(self, remote: Remote) -> Callable[[], None]:
        async def kill() -> None:
            asked = {"campaign": self._campaign, "forget": False}
            await self._quietly(self._ask(remote.address, "benchkit_end", **asked))

        return lambda: self._client.sync(kill)

    async def _fetch(self, remote: Remote) -> None:
        """Bring home what the tasks of a site tell, until nothing was heard of it for too long."""
        limit = max(LONG_POLL_S + LEAST_S, min(FETCH_S, self._patience_s / 2))
        while True:
            asked = {"campaign": self._campaign, "number": remote.number}
            try:
                asking = self._ask(remote.address, "benchkit_fetch", **asked)
                found = await asyncio.wait_for(asking, limit)
            except Exception as error:  # noqa: BLE001  Dask's own, the system's, or none came in time
                if monotonic_ns() - remote.heard_ns > self._patience_s * NS_PER_S:
                    # That no answer came in time is what the sentence says already.
                    told = "" if isinstance(error, TimeoutError) else str(error)
                    said = f" ({told})" if told else ""
                    remote.lose(f"nothing was heard of it for {self._patience_s:.0f} s{said}")
                    return
                await asyncio.sleep(AGAIN_S)
                await self._quietly(self._find_again(remote))
                continue
            remote.heard_ns = monotonic_ns()
            if "gone" in found:
                remote.lose(str(found["gone"]))
                return
            remote.take(found["first"], found["frames"])

    async def _find_again(self, remote: Remote) -> None:
        """A site that has joined anew has another address."""
        members = await self._members()
        remote.address = members.get(remote.site, remote.address)

    async def _end(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for site in self.sites.values():
                asking = self._ask(site.remote.address, "benchkit_end", campaign=self._campaign)
                tasks.create_task(self._quietly(asking, GRACE_S))

    async def _members(self) -> dict[str, str]:
        """Addresses of workers by name."""
        told = await asyncio.wait_for(self._client.scheduler.identity(n_workers=-1), FETCH_S)
        return {str(each["name"]): address for address, each in told["workers"].items()}

    async def _ask(self, address: str, operation: str, **asked: Any) -> Any:  # noqa: ANN401  whatever it answers
        """One question to a site, by way of the scheduler: a site need not be reachable from here."""
        message = {"op": operation, **asked}
        return await asyncio.wait_for(
            self._client.scheduler.proxy(worker=address, msg=message), FETCH_S
        )

    async def _quietly(self, asking: Awaitable[Any], seconds: float = FETCH_S) -> None:
        with suppress(Exception):  # it is gone, and so is what it was asked about
            await asyncio.wait_for(asking, seconds)


def _connected(access: Access) -> Client:
    await_greeting(access, CONNECT_S)
    try:
        return Client(
            access.address,
            security=access.security(),
            timeout=CONNECT_S,
            set_as_default=False,
            direct_to_workers=False,
            name="benchkit",
        )
    except OSError as error:
        raise MeasureError(
            f"no cluster answers at {access.address}: {error}; is `benchkit scheduler` running there, and are the "
            "certificates of one authority, and of today?"
        ) from error
