"""The path that a test gets: it times calls, holds them against budgets, and reports through pytest-benchmark."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from benchkit import units
from benchkit.campaign.question import Changes, narrowed, tolerance_ns
from benchkit.campaign.standing import End, StandingPath, open_path
from benchkit.clock import NS_PER_MS, NS_PER_S
from benchkit.errors import AskedWronglyError, BenchkitError
from benchkit.linux.uml import own_kernel
from benchkit.model.place import Budget
from benchkit.model.record import Verdict
from benchkit.pytest_plugin.plugin import MARKER
from benchkit.targets import load_target

ROUNDS = 200


@dataclass(frozen=True)
class Judged:
    """A verdict and the test that it is about."""

    test: str
    path: str
    verdict: Verdict

    @property
    def words(self) -> str:
        """On one line."""
        verdict = self.verdict
        return f"{verdict.verdict.upper():<12} {self.test} on {self.path}: {verdict.reason}"


class BenchPath:
    """A modelled path with the test's client and server at its ends, `near` and `far`."""

    def __init__(
        self, standing: StandingPath, request: pytest.FixtureRequest, told: list[Judged]
    ) -> None:
        """Serve one test; every verdict is added to `told`."""
        self._standing = standing
        self._request = request
        self._told = told
        self._benchmark: Any = None

    @property
    def near(self) -> End:
        """The client's end."""
        return self._standing.near

    @property
    def far(self) -> End:
        """The server's end."""
        return self._standing.far

    def timed(self, call: Callable[[], object], rounds: int = ROUNDS) -> tuple[int | None, ...]:
        """Call it so often from the near end and say how long each call took, in ns; None is a lost one.

        A call is lost where it raises an OSError, as a timeout is. Any other exception is the test's own. Where
        pytest-benchmark is installed and not disabled, the first series of a test is also a benchmark of its.
        """
        found = self._standing.timed(call, rounds)
        self._benchmark = self._benchmark or self._benchmarked(found)
        return found

    def keeps(
        self,
        latencies_ns: Sequence[int | None],
        percentile: str | None = None,
        limit: str | None = None,
    ) -> None:
        """Assert a budget, such as "p95", "20 ms"; without one those that the target has for the path's round trips.

        A broken one fails the test. An inconclusive one skips it, or fails it with --benchkit-inconclusive=fail. What cannot
        be judged fails it in a line: neither a limit nor a budget, no duration, or a percentile that is not computed.
        """
        __tracebackhide__ = True
        try:
            budgets = self._budgets(percentile, limit)
            verdicts = [self._standing.verdict(latencies_ns, each) for each in budgets]
        except (AskedWronglyError, units.UnitError) as error:
            raise _failed(f"keeps: {error}") from None
        name = self._standing.path.name
        self._told += [Judged(self._request.node.nodeid, name, each) for each in verdicts]
        if self._benchmark is not None:
            self._benchmark.extra_info["benchkit"] = [_plain(name, each) for each in verdicts]
        self._conclude(verdicts)

    def _conclude(self, verdicts: Sequence[Verdict]) -> None:
        __tracebackhide__ = True
        by_word = {each.verdict: each for each in reversed(verdicts)}
        if "fail" in by_word:
            pytest.fail(by_word["fail"].reason, pytrace=False)
        if "inconclusive" in by_word:
            said = f"inconclusive: {by_word['inconclusive'].reason}"
            if self._request.config.getoption("--benchkit-inconclusive") == "fail":
                pytest.fail(said, pytrace=False)
            pytest.skip(said)

    def _budgets(self, percentile: str | None, limit: str | None) -> tuple[Budget, ...]:
        __tracebackhide__ = True
        if limit is not None:
            milliseconds = units.duration_ns(limit) / NS_PER_MS
            return (Budget("rtt", milliseconds, "ms", percentile or "p95"),)
        path = self._standing.path
        own = tuple(each for each in path.budgets if each.metric == "rtt")
        if not own:
            raise AskedWronglyError(f"path {path.name} has no budget of round trips: give a limit")
        return own

    def _benchmarked(self, latencies_ns: Sequence[int | None]) -> Any:  # noqa: ANN401  pytest-benchmark is not typed
        """pytest-benchmark's fixture with these timings; None where it is absent or disabled, or all were lost."""
        session = getattr(self._request.config, "_benchmarksession", None)
        answered = [one for one in latencies_ns if one is not None]
        if session is None or session.disabled or not answered:
            return None
        benchmark = self._request.getfixturevalue("benchmark")
        now, waiting = 0, iter(answered)

        def pass_time() -> None:
            nonlocal now
            now += next(waiting)

        # It times our calls by our own clock: it has no public way to take timings, and a second series would be another.
        benchmark._timer = lambda: now / NS_PER_S  # noqa: SLF001  as said
        benchmark.pedantic(pass_time, rounds=len(answered), iterations=1)
        return benchmark


@contextmanager
def bench_path(request: pytest.FixtureRequest, told: list[Judged]) -> Iterator[BenchPath]:
    """Emulate the path that the test's marker names. What this machine cannot do is the test's failure, in one line."""
    marker = request.node.get_closest_marker(MARKER)
    if marker is None or not marker.args:
        pytest.fail(
            f"{request.node.name}: mark it with @pytest.mark.{MARKER}('guiyang-hangzhou')",
            pytrace=False,
        )
    try:
        target = load_target(marker.kwargs.get("target", "guizhou"))
        target = narrowed(target, Changes(paths=(marker.args[0],)))
        tolerance = tolerance_ns(target.plan, own_kernel())
        emulator = request.config.getoption("--benchkit-emulator")
        with open_path(target.paths[0], emulator, target.plan.seed, tolerance) as standing:
            yield BenchPath(standing, request, told)
    except BenchkitError as error:
        raise _failed(str(error)) from None


def _failed(why: str) -> BaseException:
    """The test's failure in one line: raised from None, for pytest would tell what it comes from as well."""
    return pytest.fail.Exception(why, pytrace=False)


def _plain(path: str, verdict: Verdict) -> dict[str, object]:
    """A verdict in plain values, for pytest-benchmark's JSON."""
    measured = verdict.measured
    ends = {} if measured is None else {"low": measured.low, "high": measured.high}
    return {
        "path": path,
        "percentile": verdict.percentile,
        "value": measured.value if measured else None,
        **ends,
        "limit": verdict.limit,
        "unit": verdict.unit,
        "verdict": verdict.verdict,
        "reason": verdict.reason,
    }
