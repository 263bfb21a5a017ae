"""Puts probes and responders to work at the sites and brings home what they measure."""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import MeasureError, SiteLostError, UnfitError
from benchkit.linux.channel import Channel
from benchkit.model.bulk_spec import FilesSpec, Iperf3Spec, TcpSpec, UdpSpec
from benchkit.model.samples import Samples
from benchkit.model.spec import Spec
from benchkit.probes.door import run_probe
from benchkit.probes.stream_session import DRAIN_S

START_TIMEOUT_S = 15.0
LATE_TIMEOUT_S = 2.0
TICK_S = 0.1
# For what probes that are broken off have to tell.
LAST_WORDS_S = 1.0
MOST_AT_ONCE = 64
BULK = (TcpSpec, UdpSpec, FilesSpec, Iperf3Spec)


class Crew:
    """All processes of one campaign. `heard` is called with every batch, in this thread.

    `watch` is called ten times a second while anything runs, and raises what makes going on useless.
    """

    def __init__(
        self,
        sites: Mapping[str, Executor],
        channel: Channel,
        heard: Callable[[Samples], None],
        watch: Callable[[], None] = lambda: None,
    ) -> None:
        """Work at these sites, over this channel."""
        self._watch = watch
        self._sites = sites
        # Agents of a cluster: what goes wrong with one machine there says nothing about this one.
        self._distant = {name for name, each in sites.items() if hasattr(each, "leasing")}
        self._channel = channel
        self._heard = heard
        self._ready: set[str] = set()
        self._ended: set[str] = set()
        self._responders: dict[str, Future[int]] = {}
        self._responding_here: list[str] = []
        self._tokens = 0
        # What is at work here just now, and not at an agent.
        self._working: set[str] = set()

    def serve(self, site: str, spec: Spec) -> None:
        """Start a responder that stays until the campaign ends; `await_responders` sees it ready."""
        token = self._token(site)
        self._responders[token] = self._submit(site, spec, token)
        if site not in self._distant:
            self._responding_here.append(token)

    def await_responders(self) -> None:
        """Return when every responder listens. Raises what one of them failed with, or UnfitError."""
        self._pump_until(
            lambda: self._responders.keys() <= self._ready, START_TIMEOUT_S, self._check_responders
        )
        missing = self._responders.keys() - self._ready
        if missing:
            raise UnfitError(
                f"{len(missing)} of {len(self._responders)} far ends were not ready within "
                f"{START_TIMEOUT_S:.0f} s: the machine is too busy; free a core and run again"
            )

    def work(self, jobs: Mapping[str, tuple[str, Spec]], seconds: float) -> dict[str, MeasureError]:
        """Run one probe for each named job, (site, spec), all at once, and see them to their ends.

        Returns the jobs that could not measure, and why. Raises UnfitError if they take far longer than
        `seconds`, or where a responder here ends meanwhile: what it does not answer would count as lost.
        """
        tokens = {name: self._token(site) for name, (site, _) in jobs.items()}
        self._working = {
            tokens[name] for name, (site, _) in jobs.items() if site not in self._distant
        }
        futures = self._begun(jobs, tokens)
        pending = set(tokens.values())
        here = [futures[name] for name, (site, _) in jobs.items() if site not in self._distant]
        here += [self._responders[token] for token in self._responding_here]
        # An agent that is out of reach at the end has its patience to come back with what it measured.
        waits = [getattr(self._sites[site], "patience_s", 0.0) for site, _ in jobs.values()]
        drains = DRAIN_S if any(isinstance(spec, BULK) for _, spec in jobs.values()) else 0.0
        late = max([START_TIMEOUT_S, *(each + LATE_TIMEOUT_S for each in waits)])
        limit = seconds + drains + late
        self._pump_until(
            lambda: pending <= self._ended and all(each.done() for each in futures.values()),
            limit,
            lambda: _raise_death(here),
        )
        _raise_death(here)
        self._working = set()
        troubles = {}
        for name, future in futures.items():
            try:
                _look_at(future, name, limit)
            except MeasureError as error:
                troubles[name] = error
            except UnfitError as error:
                if jobs[name][0] not in self._distant:
                    raise
                troubles[name] = SiteLostError(str(error))
        return troubles

    def silent(self) -> dict[str, str]:
        """The agents where nobody seems to be just now, by station, and why."""
        found = {name: str(getattr(self._sites[name], "silence", "")) for name in self._distant}
        return {name: why for name, why in found.items() if why}

    def wait_for(self, condition: Callable[[], bool]) -> bool:
        """Take in what still comes until the condition holds; False if it does not within two seconds."""
        self._pump_until(condition, LATE_TIMEOUT_S, lambda: None)
        return condition()

    def rest(self, seconds: float) -> None:
        """Do nothing for so long, and see that what runs goes on."""
        self._pump_until(lambda: False, seconds, lambda: None)

    def drain(self) -> None:
        """Take in what has already arrived; where probes were broken off, have those here stop and tell the rest first."""
        deadline = monotonic_ns() + round(LAST_WORDS_S * NS_PER_S)
        for token in self._working and {*self._working, *self._responders}:
            self._channel.stop(token)
        while not self._working <= self._ended and monotonic_ns() < deadline:
            with suppress(queue.Empty):
                self._take(timeout=TICK_S)
        with suppress(queue.Empty):
            while True:
                self._take(timeout=None)

    def _begun(
        self, jobs: Mapping[str, tuple[str, Spec]], tokens: Mapping[str, str]
    ) -> dict[str, Future[int]]:
        """All of them started: at agents at once, for each takes as long as the way to it."""
        distant = [name for name, (site, _) in jobs.items() if site in self._distant]
        with ThreadPoolExecutor(max(1, min(len(distant), MOST_AT_ONCE))) as pool:
            begun = {name: pool.submit(self._submit, *jobs[name], tokens[name]) for name in distant}
            found = {
                name: self._submit(site, spec, tokens[name])
                for name, (site, spec) in jobs.items()
                if name not in begun
            }
            return found | {name: each.result() for name, each in begun.items()}

    def _submit(self, site: str, spec: Spec, token: str) -> Future[int]:
        executor = self._sites[site]
        if isinstance(spec, BULK):
            # At an agent, which several campaigns may ask, one throughput test at a time.
            executor = getattr(executor, "leasing", executor)
        return executor.submit(run_probe, spec, self._channel.address(token))

    def _token(self, site: str) -> str:
        self._tokens += 1
        return f"{site}-{self._tokens}"

    def _pump_until(
        self, condition: Callable[[], bool], seconds: float, check: Callable[[], None]
    ) -> None:
        deadline = monotonic_ns() + round(seconds * NS_PER_S)
        next_look = 0
        while not condition() and (now := monotonic_ns()) < deadline:
            if now >= next_look:
                self._watch()
                check()
                next_look = now + round(TICK_S * NS_PER_S)
            with suppress(queue.Empty):
                self._take(timeout=TICK_S)

    def _take(self, timeout: float | None) -> None:
        messages = self._channel.messages
        message = messages.get_nowait() if timeout is None else messages.get(timeout=timeout)
        if message.kind == "ready":
            self._ready.add(message.token)
        elif message.kind == "end":
            self._ended.add(message.token)
        elif isinstance(message.body, Samples):
            self._heard(message.body)

    def _check_responders(self) -> None:
        for future in self._responders.values():
            if future.done():
                future.result()


def _look_at(future: Future[int], name: str, limit: float) -> None:
    """Raise what a probe failed with, or UnfitError where it has not ended."""
    if not future.done():
        raise UnfitError(
            f"the probe of {name} was not done after {limit:.0f} s: the machine is too busy; "
            "free a core and run again"
        )
    future.result()


def _raise_death(futures: Sequence[Future[int]]) -> None:
    """A process that died may never say that it ended: tell at once rather than at the time limit."""
    for future in futures:
        error = future.exception() if future.done() else None
        if error is not None and not isinstance(error, MeasureError):
            raise error
