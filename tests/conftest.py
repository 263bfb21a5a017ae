"""What all tests share: `--update-golden`, and `sample_records` as an importable module."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from benchkit.linux.privilege import may_make_namespaces

TESTS = Path(__file__).parent
GOLDEN = TESTS / "golden"
# Where benchkit itself measures, and what it says where other work on the machine does not let it.
REAL_RUNS = {"contract", "faults", "system"}
DISTURBED = "UNFIT: |INCONCLUSIVE: |too busy|free a core"
# How long an example takes says what else the machine does.
settings.register_profile("benchkit", deadline=None)
settings.load_profile("benchkit")
sys.path.append(str(TESTS))  # import-mode=importlib leaves it out


def pytest_configure() -> None:
    """End by SIGTERM as by Ctrl-C: whatever tests have started is ended, and nothing lives on alone."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite tests/golden; review the diff like code",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try again what this machine disturbed, and leave to `.ci/test-in-namespace` what may not be done in this process."""
    _try_again(items)
    for item in items:
        if TESTS / "contract" in item.path.parents:
            item.add_marker(pytest.mark.own_namespaces)
    ours = [item for item in items if "own_namespaces" in item.keywords]
    if ours and not may_make_namespaces():
        reason = "makes namespaces by itself: run as root, or in a user namespace as .ci/test-in-namespace does"
        for item in ours:
            item.add_marker(pytest.mark.skip(reason=reason))


def _try_again(items: list[pytest.Item]) -> None:
    """Let a real run that said that this machine disturbed it be tried again, and no other failure."""
    again = pytest.mark.flaky(
        reruns=2, only_rerun=[DISTURBED], rerun_except=["Traceback", "FAIL: "]
    )
    for item in items:
        if item.path.relative_to(TESTS).parts[0] in REAL_RUNS:
            item.add_marker(again)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a whole text with the file of that name, or rewrite the file."""

    def compare(name: str, text: str) -> None:
        file = GOLDEN / name
        if request.config.getoption("--update-golden"):
            file.write_text(text, encoding="utf-8")
        assert text == file.read_text(encoding="utf-8")

    return compare


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where the privileged tests must run (CI) and not one passed."""
    if not os.environ.get("BENCHKIT_REQUIRE_PRIVILEGED"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    passed = reporter.stats.get("passed", []) if reporter is not None else []
    if not any("privileged" in report.keywords for report in passed):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of our own, so that messages name files as `x.toml`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
