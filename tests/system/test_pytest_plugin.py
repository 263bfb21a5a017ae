"""`pytest --benchkit` as its users meet it: a pytest of its own, on tests that talk over a modelled path."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from commands import quick_target

PLUGIN = "benchkit.pytest_plugin.plugin"
CHECKOUT = Path(__file__).parents[2]
ORDINARY = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
TESTS = '''
import socket
import threading

import pytest

ON_PATH = pytest.mark.benchkit_path("here-there", target="quick.toml")


def serve(address):
    """Start an echo server and return its socket."""
    server = socket.create_server((address, 9000))

    def answer():
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            with peer:
                peer.sendall(peer.recv(100))

    threading.Thread(target=answer, daemon=True).start()
    return server


def ask(address, port=9000):
    with socket.create_connection((address, port), timeout=2) as peer:
        peer.sendall(b"x")
        assert peer.recv(100) == b"x"


# Given, not measured: a machine that is busy with other tests may leave open what is clear.
STEADY = [8_000_000 + 7919 * number % 100_000 for number in range(100)]


@ON_PATH
def test_kept(benchkit_path):
    address = benchkit_path.far.address
    with benchkit_path.far.call(serve, address):
        latencies = benchkit_path.timed(lambda: ask(address), rounds=50)
    assert min(latencies) > 8_000_000  # two round trips of 4 ms
    benchkit_path.keeps(STEADY, "p50", "200 ms")


@ON_PATH
def test_broken(benchkit_path):
    benchkit_path.keeps(STEADY, "p50", "1 ms")


@ON_PATH
def test_open(benchkit_path):
    benchkit_path.keeps(STEADY, "p99", "1 s")


@ON_PATH
def test_lost(benchkit_path):
    latencies = benchkit_path.timed(lambda: ask(benchkit_path.far.address, 1), rounds=20)
    assert latencies == (None,) * 20
    benchkit_path.keeps(latencies, "p50", "1 s")


@ON_PATH
def test_programs(benchkit_path):
    script = "import socket; socket.create_connection(('there', 8000), 2)"
    with benchkit_path.far.serve(["python3", "-m", "http.server", "8000"]):
        assert benchkit_path.near.run(["python3", "-c", script]).returncode == 0


@ON_PATH
def test_unread(benchkit_path):
    benchkit_path.keeps(STEADY, "p50", "40")


@ON_PATH
def test_unknown(benchkit_path):
    benchkit_path.keeps(STEADY, "p42", "40 ms")


def test_unmarked(benchkit_path):
    pass
'''


def pytest_in(
    folder: Path, *words: str, prefix: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run pytest there; the plugin is named where this environment was made before it had its entry point."""
    named = entry_points(group="pytest11", name="benchkit")
    plugin = () if named else ("-p", PLUGIN)
    python = [*prefix, sys.executable, "-m", "pytest"]
    return subprocess.run(
        [*python, "-p", "no:cacheprovider", "-v", "-rs", *plugin, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with tests on a quick target."""
    quick_target(tmp_path, tolerance="1 ms")
    (tmp_path / "test_it.py").write_text(TESTS)
    return tmp_path


@pytest.mark.privileged
def test_kept_broken_and_open_budgets_become_pass_failure_and_skip(folder: Path) -> None:
    done = pytest_in(folder, "--benchkit", "--benchmark-json=bench.json")
    words = {
        line.split()[0].rpartition("::")[2]: line.split()[1]
        for line in done.stdout.splitlines()
        if line.startswith("test_it.py::")
    }
    assert words == {
        "test_kept": "PASSED",
        "test_broken": "FAILED",
        "test_open": "SKIPPED",
        "test_lost": "FAILED",
        "test_programs": "PASSED",
        "test_unread": "FAILED",
        "test_unknown": "FAILED",
        "test_unmarked": "ERROR",
    }, done.stdout + done.stderr
    assert "inconclusive: p99 needs at least 368 effective samples" in done.stdout
    assert "p50 is a lost packet" in done.stdout
    assert "PASS         test_it.py::test_kept on here-there: p50 is" in done.stdout
    assert done.stdout.count("keeps: '40'") == 1
    assert done.stdout.count("keeps: percentile 'p42': there are ") == 1
    assert "During handling" not in done.stdout
    assert "mark it with @pytest.mark.benchkit_path" in done.stdout
    found = {
        each["name"]: each for each in json.loads((folder / "bench.json").read_text())["benchmarks"]
    }
    assert set(found) == {"test_kept"}  # what was lost has no time
    kept = found["test_kept"]
    assert kept["stats"]["rounds"] == 50
    assert kept["stats"]["min"] > 0.007  # two round trips of 4 ms, less what jitter takes off
    assert kept["extra_info"]["benchkit"][0]["verdict"] == "pass"


@pytest.mark.privileged
def test_an_open_budget_fails_where_that_is_asked_for(folder: Path) -> None:
    words = ("--benchkit", "--benchkit-inconclusive=fail", "-k", "test_open")
    done = pytest_in(folder, *words, "-p", "no:benchmark")
    assert done.returncode == 1, done.stdout
    assert "1 failed" in done.stdout


@pytest.mark.privileged
def test_an_ordinary_user_needs_no_sudo(folder: Path) -> None:
    prefix = ORDINARY if os.geteuid() == 0 else ()
    trial = [*prefix, "unshare", "--user", "--map-root-user", "--net", "true"]
    if subprocess.run(trial, capture_output=True, check=False).returncode:
        pytest.skip("user namespaces are not allowed here")
    done = pytest_in(folder, "--benchkit", "-k", "test_kept", prefix=prefix)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_without_the_option_such_tests_are_skipped(folder: Path) -> None:
    done = pytest_in(folder, "-k", "test_kept")
    assert "it needs a modelled path: give --benchkit" in done.stdout
    assert done.returncode == 0


def test_the_wheel_registers_the_plugin(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith("entry_points.txt")]
        assert f"[pytest11]\nbenchkit = {PLUGIN}" in archive.read(name).decode()
