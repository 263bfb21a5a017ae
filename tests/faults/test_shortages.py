"""What a run needs runs out: disk, permission, descriptors, memory, names. One line says so, and nothing is lost or left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from commands import Running, benchkit, quick_target, why_no_namespaces
from synthetic_runs import jitter, run_id, write

pytestmark = pytest.mark.skipif(why_no_namespaces() is not None, reason=str(why_no_namespaces()))
# A file system of so many KiB is mounted where the results go, in a mount namespace of the run's own.
SMALL_DISK = (
    *("unshare", *(() if os.geteuid() == 0 else ("--map-root-user",)), "--mount", "sh", "-c"),
    'mount -t tmpfs -o size=$1k tmpfs "$2" && shift 2 && "$@"; status=$?; ls -A "$0" >&2; exit $status',
)


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
    # What was measured is told, though it could not be kept; stdout is for reports of what was.
    assert "PASS: 1 of 1" in done.stderr
    assert "No space left" in done.stderr + done.stdout


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
    ("form", "mib"), [("text", 320), ("json", 320), ("html", 900)]
)  # with less the loader itself aborts at times
def test_a_reader_that_runs_out_of_memory_says_so(tmp_path: Path, form: str, mib: int) -> None:
    write(tmp_path, 1, jitter(1, n=400_000))
    words = ("report", run_id(1), "--results", str(tmp_path), "--format", form)
    done = benchkit(*words, before=("prlimit", f"--as={mib << 20}"))
    assert "Traceback" not in done.stderr, done.stderr[-500:]
    assert done.returncode in {0, 2, 5}, done.stderr
    if done.returncode:
        assert "emory" in done.stderr
        assert done.stdout == ""
    assert (tmp_path / run_id(1) / "run.json").exists()
