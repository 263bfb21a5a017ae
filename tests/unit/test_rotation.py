"""Raw samples go when they are old; records stay readable, and what a baseline names keeps its samples."""

from __future__ import annotations

import os
from pathlib import Path

from synthetic_runs import jitter, run_id, write

from benchkit.clock import NS_PER_S
from benchkit.store import list_runs, read_run, read_samples
from benchkit.store.baselines import save_baseline
from benchkit.store.rotation import Policy, rotate

DAY_NS = 24 * 3600 * NS_PER_S


def five(results: Path) -> list[Path]:
    for number in range(5):
        write(results, number, jitter(number, n=50))
    return list_runs(results)


def with_samples(results: Path) -> list[str]:
    return [run.name for run in list_runs(results) if read_samples(run, "rtt")]


def test_the_newest_keep_their_samples_and_every_record_stays(tmp_path: Path) -> None:
    runs = five(tmp_path)
    gone = rotate(tmp_path, "guizhou", Policy(runs=2), 0)
    assert gone == runs[:3]
    assert with_samples(tmp_path) == [run.name for run in runs[3:]]
    assert all(read_run(run).run == run.name for run in runs)
    assert rotate(tmp_path, "guizhou", Policy(runs=2), 0) == []


def test_by_age_the_older_ones_go(tmp_path: Path) -> None:
    runs = five(tmp_path)
    now_ns = runs[0].stat().st_mtime_ns
    for days, run in zip((9, 8, 6, 2, 0), runs, strict=True):
        then = now_ns - days * DAY_NS
        os.utime(run, ns=(then, then))
    assert rotate(tmp_path, "guizhou", Policy(age_ns=7 * DAY_NS), now_ns) == runs[:2]


def test_other_targets_are_left_alone(tmp_path: Path) -> None:
    five(tmp_path)
    assert rotate(tmp_path, "guizhou-47", Policy(runs=0), 0) == []
    assert len(with_samples(tmp_path)) == 5


def test_what_a_baseline_names_keeps_its_samples(tmp_path: Path) -> None:
    five(tmp_path)
    save_baseline(tmp_path, "main", [run_id(1)])
    rotate(tmp_path, "guizhou", Policy(runs=0), 0)
    assert with_samples(tmp_path) == [run_id(1)]


def test_a_damaged_baseline_may_name_any_run_so_all_stay(tmp_path: Path) -> None:
    five(tmp_path)
    save_baseline(tmp_path, "main", [run_id(1)])
    (tmp_path / ".baselines" / "main.json").write_text("{")
    assert rotate(tmp_path, "guizhou", Policy(runs=0), 0) == []
