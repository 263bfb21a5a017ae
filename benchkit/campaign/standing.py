"""A modelled path that stands while somebody else's client and server talk over it, and how they kept its budgets."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any, TypeVar

import numpy as np

from benchkit import clock
from benchkit.campaign.errand import hosts_of
from benchkit.campaign.fitness import LATENESS_SHARE, line_troubles
from benchkit.clock import NS_PER_MS
from benchkit.emulators.choice import choose
from benchkit.emulators.line import LineReport, quantile_ns
from benchkit.emulators.link import Emulation
from benchkit.errors import AskedWronglyError
from benchkit.linux import foreground, process
from benchkit.linux.netns import inside
from benchkit.model.place import Budget, Path
from benchkit.model.record import Verdict
from benchkit.stats.doubt import Doubt
from benchkit.stats.latency import latency_metric
from benchkit.stats.verdicts import judge

Result = TypeVar("Result")

PRELOADED = ("benchkit.emulators.line",)
PATIENCE_S = 5.0
_PER_ROUND_TRIP = 2  # passes of the emulator


@dataclass(frozen=True)
class End:
    """One end of the path: a site with an IPv4 address of its own."""

    site: str
    address: str
    netns: str
    _hosts: File = field(repr=False)

    def call(self, function: Callable[..., Result], *arguments: Any) -> Result:  # noqa: ANN401  whatever it takes
        """Call a function in a thread that is there, and return its result or raise its error.

        Sockets that it makes stay there, wherever they are used; so do threads and programs that it starts.
        """
        return inside(self.netns, function, *arguments)

    def run(self, argv: Sequence[str], timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run a program there to its end, both sites resolving by name; its output is text."""
        return subprocess.run(
            foreground.words_inside(self.netns, self._hosts, argv),
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )

    def serve(self, argv: Sequence[str]) -> AbstractContextManager[None]:
        """Keep a program running there from when it listens until the context ends."""
        words = foreground.words_inside(self.netns, self._hosts, argv)
        return foreground.in_background(words, {}, self.netns, PATIENCE_S)


class StandingPath:
    """An emulated path between two ends that a program may use."""

    def __init__(self, path: Path, emulation: Emulation, hosts: File, tolerance_ns: int) -> None:
        """Stand between the two sites of the path; `open_path` makes one."""
        self.path = path
        ends = emulation.ends[path.name]
        self.near = End(path.near, ends.near, emulation.namespaces[path.near], hosts)
        self.far = End(path.far, ends.far, emulation.namespaces[path.far], hosts)
        self._emulation = emulation
        self._tolerance_ns = tolerance_ns
        self._report: LineReport | None = None

    def timed(self, call: Callable[[], object], rounds: int) -> tuple[int | None, ...]:
        """How long each of so many calls from the near end took, in ns, in order; None where it raised an OSError.

        A timeout is an OSError, so a call that gives up is a lost one.
        """
        self._emulation.report()  # start its counts anew
        found = self.near.call(lambda: tuple(_timed(call) for _ in range(rounds)))
        self._report = self._emulation.report()
        return found

    def verdict(self, latencies_ns: Sequence[int | None], budget: Budget) -> Verdict:
        """Hold the latencies of the last `timed` calls, None for lost, against a budget on them, in ms.

        Raises AskedWronglyError for a percentile that is not computed.
        """
        values = np.array([math.inf if one is None else one for one in latencies_ns], dtype=float)
        _, intervals = latency_metric("rtt", "idle", values)
        if budget.percentile not in intervals:
            raise AskedWronglyError(
                f"percentile {budget.percentile!r}: there are {', '.join(intervals)}"
            )
        report = self._report
        troubles = line_troubles(report, self._tolerance_ns) if report and report.packets else []
        error = self._error_ms(intervals["p50"].value, report)
        return judge(
            budget,
            intervals[budget.percentile],
            n=int(intervals[budget.percentile].size or 0),
            unfit=troubles[0] if troubles else None,
            doubt=Doubt(less_by=error),
        )

    def _error_ms(self, middle_ms: float, report: LineReport | None) -> float:
        """How much of a call the emulator's lateness may be: that of all round trips that fit into it."""
        if self.path.model is None or not math.isfinite(middle_ms):
            return 0.0
        late = quantile_ns(report, LATENESS_SHARE) if report is not None else None
        each_ms = (self._tolerance_ns if late is None else late * _PER_ROUND_TRIP) / NS_PER_MS
        round_trip_ms = self.path.model.rtt_ns / NS_PER_MS
        return each_ms * max(math.floor(middle_ms / round_trip_ms), 1) if round_trip_ms else each_ms


@contextmanager
def open_path(path: Path, emulator: str, seed: int, tolerance_ns: int) -> Iterator[StandingPath]:
    """Emulate the path while the context lasts.

    Raises UnfitError where it cannot be emulated here, AskedWronglyError for a path without a model.
    """
    if path.model is None:
        raise AskedWronglyError(
            f"path {path.name} is a real one: to emulate it, give it a [path.model]"
        )
    process.warm_up(PRELOADED)
    with ExitStack() as stack:
        emulation = stack.enter_context(choose(emulator).emulate((path,), seed))
        emulation.apply([path.model])
        hosts = stack.enter_context(hosts_of(path, emulation))
        yield StandingPath(path, emulation, hosts, tolerance_ns)


def _timed(call: Callable[[], object]) -> int | None:
    began = clock.monotonic_ns()
    try:
        call()
    except OSError:
        return None
    return clock.monotonic_ns() - began
