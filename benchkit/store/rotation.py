"""Raw samples go when they are old; records stay, and can be reported, compared by figures and drawn as a history.

Rotated are runs of one target. What a baseline names keeps its samples: they are what a gate compares with.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from benchkit.errors import AskedWronglyError
from benchkit.store.baselines import list_baselines
from benchkit.store.folder import SAMPLES_NAME
from benchkit.store.run_id import is_of_target
from benchkit.store.search import list_runs


@dataclass(frozen=True)
class Policy:
    """Whose samples stay: those of the newest `runs`, or of runs younger than `age_ns`; one of them is given."""

    runs: int | None = None
    age_ns: int | None = None


def rotate(results: Path, target: str, policy: Policy, now_ns: int) -> list[Path]:
    """Remove the samples of the target's older runs; returns the runs that lost theirs.

    One that cannot be removed stays, and is tried again with the next round.
    """
    ours = [run for run in list_runs(results) if is_of_target(run.name, target)]
    spared = _of_baselines(results)
    found = []
    for run in _old(ours, policy, now_ns):
        samples = run / SAMPLES_NAME
        if run.name in spared or not samples.is_dir():
            continue
        shutil.rmtree(samples, ignore_errors=True)
        if not samples.exists():
            found.append(run)
    return found


def _old(runs: list[Path], policy: Policy, now_ns: int) -> list[Path]:
    if policy.runs is not None:
        return runs[: max(0, len(runs) - policy.runs)]
    oldest = now_ns - (policy.age_ns or 0)
    return [run for run in runs if run.stat().st_mtime_ns < oldest]


def _of_baselines(results: Path) -> set[str]:
    try:
        return {run for baseline in list_baselines(results) for run in baseline.runs}
    except AskedWronglyError:  # a damaged one may name any run: then nothing is taken from it
        return {run.name for run in list_runs(results)}
