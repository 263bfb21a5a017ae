"""The far end of real paths: every responder in one place, each in a process of its own, until interrupted."""

from __future__ import annotations

import queue
import secrets
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from concurrent.futures import Future
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace

from benchkit.campaign.reach import request_port
from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import UnfitError
from benchkit.linux import process
from benchkit.linux.address import WILDCARDS
from benchkit.linux.channel import Channel
from benchkit.linux.leftovers import HeldFolder
from benchkit.model.responder_spec import (
    HTTP_PORT,
    STREAM_PORT,
    HttpServerSpec,
    Iperf3ServerSpec,
    ReflectorSpec,
    RequestServerSpec,
    StreamServerSpec,
    TwampServerSpec,
)
from benchkit.model.spec import Spec
from benchkit.probes.door import run_probe
from benchkit.probes.reachable import ListenError
from benchkit.testbeds.cluster_access import Access, needed
from benchkit.testbeds.namespaces import NamespaceTestbed

PRELOADED = ("benchkit.probes.door",)
START_S = 15
# Of one source, of HTTP and of requests: as many as a load client would use.
MOST_CONNECTIONS = 1024
LOOK_S = 0.2
# By the name of a responder, whose address is --bind where none is here: what chooses its port.
PORT_OPTIONS = {
    "STAMP": "--stamp-port",
    "TWAMP": "--stamp-port",
    "HTTP": "--http-port",
    "requests": "--stream-port, which has the one before it",
    "streams": "--stream-port",
    "iperf3": "--iperf3",
}


@dataclass(frozen=True)
class Post:
    """What an agent opens: the reflector, our responders beside it, and an iperf3 server where one is asked for.

    With a `stream_key` it takes bulk of those alone who know it, with a `request_key` HTTP and requests. These are answered
    at the port after `stream_port`.
    """

    site: str
    reflector: ReflectorSpec
    twamp: bool = True
    iperf3: Iperf3ServerSpec | None = None
    stream_key: bytes = field(default=b"", repr=False)
    request_key: bytes = field(default=b"", repr=False)
    http_port: int = HTTP_PORT
    stream_port: int = STREAM_PORT

    def responders(self, lease: str = "") -> list[tuple[str, str, Spec]]:
        """Each with its name and where it listens, in words. Throughput tests of all kinds share one lease."""
        address, port = self.reflector.address, self.reflector.port
        allowed = self.reflector.allowed
        http, asking, bulk = self.http_port, request_port(self.stream_port), self.stream_port
        sealed = ", authenticated" if self.reflector.key_file else ""
        asked, moved = (
            ", with a key" if key else "" for key in (self.request_key, self.stream_key)
        )
        found: list[tuple[str, str, Spec]] = [
            ("STAMP", f"{address} UDP {port}{sealed}", self.reflector),
            *([("TWAMP", f"{address} TCP {port}", self._twamp())] if self.twamp else []),
            (
                "HTTP",
                f"{address} TCP {http}{asked}",
                HttpServerSpec(address, http, allowed, MOST_CONNECTIONS, self.request_key),
            ),
            (
                "requests",
                f"{address} TCP {asking}{asked}",
                RequestServerSpec(address, asking, allowed, MOST_CONNECTIONS, self.request_key),
            ),
            (
                "streams",
                f"{address} TCP and UDP {bulk}{moved}",
                StreamServerSpec(address, bulk, lease, allowed, self.stream_key),
            ),
        ]
        if self.iperf3 is not None:
            sealed = ", with a password" if self.iperf3.private_key else ""
            where = f"{self.iperf3.address} TCP and UDP {self.iperf3.port}{sealed}"
            found.append(("iperf3", where, replace(self.iperf3, lease=lease, allowed=allowed)))
        return found

    def _twamp(self) -> TwampServerSpec:
        """On the TCP port of the reflector's number, for whom the reflector answers."""
        of = self.reflector
        return TwampServerSpec(of.address, of.port, of.allowed, of.rate_per_s)


def run_agent(
    post: Post,
    say: Callable[[str], None],
    access: Access | None = None,
) -> None:
    """Say a line for each port once all are open, and serve until KeyboardInterrupt; with `access`, in a cluster.

    Responders tell themselves whom they refuse (`linux.refusals`). Raises UnfitError where a port cannot be had, or when a
    responder ends by itself; AskedWronglyError where a cluster is asked for and Dask is not installed.
    """
    if access is not None:
        needed()
        # Known to whoever measures by the cluster, and to nobody else who was not given one.
        bulk, requests = (
            each or secrets.token_bytes(32) for each in (post.stream_key, post.request_key)
        )
        post = replace(post, stream_key=bulk, request_key=requests)
    process.warm_up(PRELOADED)
    folder = HeldFolder()
    responders = post.responders(f"{folder.path}/throughput")
    with ExitStack() as stack:
        stack.enter_context(closing(folder))
        channel = stack.enter_context(Channel())
        testbed = stack.enter_context(NamespaceTestbed({post.site: None}))
        site = testbed.sites[post.site]
        running = {
            name: site.submit(run_probe, spec, channel.address(name))
            for name, _, spec in responders
        }
        _await_ready(running, channel)
        for name, where, _ in responders:
            say(f"{name:8} {where}")
        if access is not None:
            stack.enter_context(_member(post, access, say))
        while True:
            _see_alive(running, LOOK_S)
            _pass_over(channel)


@contextmanager
def _member(post: Post, access: Access, say: Callable[[str], None]) -> Iterator[None]:
    """Be a site of the cluster meanwhile."""
    from benchkit.testbeds.cluster_member import Member  # noqa: PLC0415  Dask, half a second
    from benchkit.testbeds.cluster_site import MeasurementAgent  # noqa: PLC0415  as above

    bound = post.reflector.address
    told = {
        "address": None if bound in WILDCARDS else bound,
        "stamp_port": post.reflector.port,
        "http_port": post.http_port,
        "stream_port": post.stream_port,
        "stream_key": post.stream_key,
        "request_key": post.request_key,
    }
    with closing(MeasurementAgent(post.site, told)) as site, Member(access, site, say):
        yield


def _await_ready(running: Mapping[str, Future[int]], channel: Channel) -> None:
    awaited = set(running)
    deadline = monotonic_ns() + START_S * NS_PER_S
    while awaited:
        _see_alive(running, 0)
        if monotonic_ns() > deadline:
            raise UnfitError(
                f"{len(awaited)} of {len(running)} responders were not ready within {START_S} s: the machine is too busy; free a core"
            )
        with suppress(queue.Empty):
            message = channel.messages.get(timeout=LOOK_S)
            if message.kind == "ready":
                awaited.discard(message.token)


def _see_alive(running: Mapping[str, Future[int]], seconds: float) -> None:
    futures.wait(running.values(), seconds, futures.FIRST_COMPLETED)
    for name, future in running.items():
        if not future.done():
            continue
        try:
            future.result()
        except ListenError as error:
            raise _with_option(error, name) from error
        raise UnfitError("a responder ended by itself: start the agent again")


def _with_option(error: ListenError, name: str) -> UnfitError:
    of_iperf3 = name == "iperf3"  # which has an address of its own
    option = PORT_OPTIONS[name] if error.of_port or of_iperf3 else "--bind"
    return UnfitError(f"{error} with {option}")


def _pass_over(channel: Channel) -> None:
    """What responders tell of departures nobody has asked for here: it must not fill the memory."""
    with suppress(queue.Empty):
        while True:
            channel.messages.get_nowait()
