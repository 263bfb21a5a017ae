"""The far end of real paths: every responder in one place, each in a process of its own, until interrupted."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from concurrent import futures
from concurrent.futures import Future
from contextlib import closing, suppress
from dataclasses import dataclass, replace

from benchkit.campaign.reach import HTTP_PORT, REQUEST_PORT, STREAM_PORT
from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import UnfitError
from benchkit.linux import process
from benchkit.linux.channel import Channel
from benchkit.linux.leftovers import HeldFolder
from benchkit.model.spec import (
    HttpServerSpec,
    Iperf3ServerSpec,
    ReflectorSpec,
    RequestServerSpec,
    Spec,
    StreamServerSpec,
    TwampServerSpec,
)
from benchkit.probes.door import run_probe
from benchkit.testbeds.namespaces import NamespaceTestbed

PRELOADED = ("benchkit.probes.door",)
START_S = 15
LOOK_S = 0.2


@dataclass(frozen=True)
class Post:
    """What an agent opens: the reflector, our responders beside it, and an iperf3 server where one is asked for."""

    site: str
    reflector: ReflectorSpec
    twamp: bool = True
    iperf3: Iperf3ServerSpec | None = None

    def responders(self, lease: str = "") -> list[tuple[str, str, Spec]]:
        """Each with its name and where it listens, in words. Throughput tests of all kinds share one lease."""
        address, port = self.reflector.address, self.reflector.port
        sealed = ", authenticated" if self.reflector.key_file else ""
        found: list[tuple[str, str, Spec]] = [
            ("STAMP", f"{address} UDP {port}{sealed}", self.reflector),
            *([("TWAMP", f"{address} TCP {port}", self._twamp())] if self.twamp else []),
            ("HTTP", f"{address} TCP {HTTP_PORT}", HttpServerSpec(address, HTTP_PORT)),
            ("requests", f"{address} TCP {REQUEST_PORT}", RequestServerSpec(address, REQUEST_PORT)),
            (
                "streams",
                f"{address} TCP and UDP {STREAM_PORT}",
                StreamServerSpec(address, STREAM_PORT, lease),
            ),
        ]
        if self.iperf3 is not None:
            sealed = ", with a password" if self.iperf3.private_key else ""
            where = f"{self.iperf3.address} TCP and UDP {self.iperf3.port}{sealed}"
            found.append(("iperf3", where, replace(self.iperf3, lease=lease)))
        return found

    def _twamp(self) -> TwampServerSpec:
        """On the TCP port of the reflector's number, for whom the reflector answers."""
        of = self.reflector
        return TwampServerSpec(of.address, of.port, of.allowed, of.rate_per_s)


def run_agent(post: Post, say: Callable[[str], None]) -> None:
    """Say a line for each port once all are open, and serve until KeyboardInterrupt.

    Raises UnfitError where a port cannot be had, or when a responder ends by itself.
    """
    process.warm_up(PRELOADED)
    folder = HeldFolder()
    responders = post.responders(f"{folder.path}/throughput")
    with closing(folder), Channel() as channel, NamespaceTestbed({post.site: None}) as testbed:
        site = testbed.sites[post.site]
        running = [
            site.submit(run_probe, spec, channel.address(name)) for name, _, spec in responders
        ]
        _await_ready({name for name, _, _ in responders}, running, channel)
        for name, where, _ in responders:
            say(f"{name:8} {where}")
        while True:
            _see_alive(running, LOOK_S)
            _drop(channel)


def _await_ready(awaited: set[str], running: Sequence[Future[int]], channel: Channel) -> None:
    deadline = monotonic_ns() + START_S * NS_PER_S
    while awaited:
        _see_alive(running, 0)
        if monotonic_ns() > deadline:
            raise UnfitError(
                f"{len(awaited)} responders were not ready within {START_S} s: the machine is too busy; free a core"
            )
        with suppress(queue.Empty):
            message = channel.messages.get(timeout=LOOK_S)
            if message.kind == "ready":
                awaited.discard(message.token)


def _see_alive(running: Sequence[Future[int]], seconds: float) -> None:
    ended, _ = futures.wait(running, seconds, futures.FIRST_COMPLETED)
    for future in ended:
        future.result()
        raise UnfitError("a responder ended by itself: start the agent again")


def _drop(channel: Channel) -> None:
    """What responders count is asked for by nobody yet: it must not fill the memory."""
    with suppress(queue.Empty):
        while True:
            channel.messages.get_nowait()
