"""What a run needs runs out: disk, permission, descriptors, memory, names. One line says so, and nothing is lost or left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import Running, benchkit, quick_target, why_no_namespaces
from synthetic_runs import jitter, write

pytestmark = pytest.mark.skipif(why_no_namespaces() is not None, reason=str(why_no_namespaces()))
# A file system of so many KiB is mounted where the results go, in a mount namespace of the run's own.
SMALL_DISK = (
    *("unshare", *(() if os.geteuid() == 0 else ("--map-root-user",)), "--mount", "sh", "-c"),
    'mount -t tmpfs -o size=$1k tmpfs "$2" && shift 2 && "$@"; status=$?; ls -A "$0" >&2; exit $status',
)

GATE = ("gate", "latest", "--baseline", "latest~1", "--no-confirm")


def on_a_disk_of(kib: int, results: Path) -> tuple[str, ...]:
    return (*SMALL_DISK, str(results), str(kib), str(results))


@pytest.mark.privileged
def test_a_full_disk_costs_the_samples_that_do_not_fit_and_not_the_verdict(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    target = quick_target(tmp_path, duration="3 s")
    words = ("run", target, "--results", str(results))
    done = benchkit(*words, before=on_a_disk_of(64, results))
    assert "Traceback" not in done.stderr
    assert done.returncode == 5, done.stderr
    # What was measured is told, though it could not be kept.
    assert "PASS: 1 of 1" in done.stdout
    assert "No space left" in done.stderr + done.stdout


def test_a_stdout_that_is_full_is_told_and_is_no_verdict() -> None:
    words = (sys.executable, "-m", "benchkit", "targets", "list")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            words, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert done.returncode == 5, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("benchkit: stdout: No space left on device: ")


@pytest.mark.privileged
def test_results_that_cannot_be_written_are_told_before_anything_is_measured(
    tmp_path: Path,
) -> None:
    results = tmp_path / "results"
    results.mkdir()
    read_only = (
        *SMALL_DISK[:-1],
        'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"',
        str(results),
    )
    words = ("run", quick_target(tmp_path), "--results", str(results))
    done = benchkit(*words, before=read_only)
    assert done.returncode == 2, done.stderr
    assert "Read-only file system" in done.stderr
    assert "asked against got" not in done.stderr
    assert list(results.iterdir()) == []


@pytest.mark.privileged
def test_a_disk_that_is_full_is_told_before_anything_is_measured(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    words = ("run", quick_target(tmp_path), "--results", str(results))
    done = benchkit(*words, before=on_a_disk_of(8, results))
    assert done.returncode == 5, done.stderr
    assert f"cannot keep runs in {results}: No space left on device: free space" in done.stderr
    assert "asked against got" not in done.stderr


@pytest.mark.privileged
@pytest.mark.parametrize("descriptors", [24, 48])
def test_too_few_descriptors_are_told_with_the_remedy(tmp_path: Path, descriptors: int) -> None:
    words = ("run", quick_target(tmp_path), "--results", str(tmp_path / "results"))
    before = ("prlimit", f"--nofile={descriptors}:{descriptors}")
    with Running(*words, before=before) as running:
        status, out, said = running.end(timeout=40)
        assert running.survivors() == []
    assert "Traceback" not in said
    assert status == 5, said
    assert "ulimit -Hn" in said
    assert out == ""


@pytest.mark.parametrize(
    ("mib", "words"),
    [
        (100, ("report", "latest")),
        (100, ("report", "latest", "--format", "html")),  # OpenBLAS exits, with 1
        (220, GATE),  # the loader refuses
        (300, GATE),  # it exits, with 127
        (300, ("history", "--sql", "select count(*) from rtt")),
        (500, GATE),  # DuckDB or numpy refuses, or is killed
        (640, ("report", "latest", "--format", "html")),
    ],
)
def test_a_reader_that_runs_out_of_memory_says_so(
    long_runs: Path, words: tuple[str, ...], mib: int
) -> None:
    before = ("prlimit", f"--as={mib << 20}")
    done = benchkit(*words, "--results", str(long_runs), before=before)
    assert done.returncode in {0, 5}, done.stderr
    if done.returncode:
        line = done.stderr.splitlines()[-1]
        assert line.startswith("benchkit: ")
        assert f"{mib} MiB of address space (ulimit -v)" in line
        assert "Traceback" not in done.stderr, done.stderr[-500:]
        assert done.stdout == ""
    assert len(list(long_runs.glob("*/run.json"))) == 2


@pytest.fixture(scope="module")
def long_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("long")
    for number in (1, 2):
        write(folder, number, jitter(1, n=400_000))
    return folder


@pytest.mark.privileged
def test_a_run_that_runs_out_of_memory_breaks_no_promise(tmp_path: Path) -> None:
    words = ("run", quick_target(tmp_path), "--results", str(tmp_path / "results"))
    with Running(*words, before=("prlimit", f"--as={100 << 20}")) as running:
        status, out, said = running.end(timeout=40)
        assert running.survivors() == []
    assert (status, out) == (5, ""), said
    assert "100 MiB of address space" in said.splitlines()[-1]
