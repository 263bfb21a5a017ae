"""The hooks and the fixture that pytest finds by the entry point `benchkit`.

    @pytest.mark.benchkit_path("guiyang-hangzhou")
    def test_a_lookup_takes_one_round_trip(benchkit_path):
        address = benchkit_path.far.address
        benchkit_path.far.call(start_server, address)   # its socket stays at the far end
        latencies = benchkit_path.timed(lambda: look_up(address), rounds=400)
        benchkit_path.keeps(latencies, "p95", "20 ms")

Nothing but pytest is imported until a test asks for the fixture: the hooks are there in every session.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from benchkit.pytest_plugin.bench_path import BenchPath, Judged

MARKER = "benchkit_path"
SUMMARY: pytest.StashKey[list[Judged]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("benchkit", "benchkit: tests on modelled paths")
    group.addoption(
        "--benchkit", action="store_true", help="Run the tests that use modelled paths."
    )
    group.addoption(
        "--benchkit-inconclusive",
        choices=("skip", "fail"),
        default="skip",
        help="What an inconclusive budget makes of its test (default: skip).",
    )
    group.addoption(
        "--benchkit-emulator",
        choices=("auto", "netem", "userspace"),
        default="auto",
        help="How paths are modelled (default: auto, netem where the kernel has it).",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker and keep a place for verdicts."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(path, target='guizhou'): the modelled path that the test runs on (benchkit)",
    )
    config.stash[SUMMARY] = []


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Start over inside a user namespace where an ordinary user may have one: paths are network namespaces.

    Raises pytest.UsageError where nobody may.
    """
    if not config.getoption("--benchkit") or hasattr(config, "workerinput"):
        return
    from benchkit.errors import UnfitError  # noqa: PLC0415  only where asked for
    from benchkit.linux.privilege import may_make_namespaces, obtain_namespaces  # noqa: PLC0415  as above

    if may_make_namespaces():
        return
    capture = config.pluginmanager.get_plugin("capturemanager")
    if capture is not None:  # the new pytest must have our streams, not what captures them
        capture.suspend_global_capture(in_=True)
    try:
        obtain_namespaces(config.invocation_params.args, module="pytest")
    except UnfitError as error:
        raise pytest.UsageError(f"--benchkit: {error}") from error


@pytest.fixture
def benchkit_path(request: pytest.FixtureRequest) -> Iterator[BenchPath]:
    """The path of the test's `benchkit_path` marker, emulated while the test runs."""
    if not request.config.getoption("--benchkit"):
        pytest.skip("it needs a modelled path: give --benchkit")
    from benchkit.pytest_plugin.bench_path import bench_path  # noqa: PLC0415  costs numpy

    with bench_path(request, request.config.stash[SUMMARY]) as found:
        yield found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show every verdict with its figures, kept budgets too."""
    judged = terminalreporter.config.stash.get(SUMMARY, [])
    if not judged:
        return
    terminalreporter.section("benchkit")
    for each in judged:
        terminalreporter.write_line(each.words)
