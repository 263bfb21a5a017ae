"""Small jobs over a modelled path: no job is faster than its round trips, and the plan shows both side by side."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from benchkit.planning.round_trips import JOBS

pytestmark = pytest.mark.privileged


def test_a_plan_measures_jobs_beside_what_it_computes() -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchkit", "plan", "guizhou"),
            *("--path", "guiyang-guangzhou", "--measure", "--format", "json"),
        ],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (path,) = json.loads(done.stdout)["paths"]
    jobs = {row["job"]: row for row in path["round_trips"]["jobs"]}
    assert set(jobs) == {job.name for job in JOBS}
    measured = [row for row in jobs.values() if row["measured"] is not None]
    assert len(measured) >= 5  # those over TLS need openssl
    # Jitter of 0.02 ms is the model's own; the emulator releases nothing early.
    assert all(row["measured"] > 0.97 * row["time"] for row in measured)
