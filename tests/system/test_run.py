"""The real command on real namespaces."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

UNFIT = 5


def benchkit(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchkit", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.privileged
def test_a_short_run_measures_one_path_and_keeps_it(tmp_path: Path) -> None:
    words = ("--probe", "rtt", "--duration", "2s", "--path", "guiyang-guangzhou")
    done = benchkit("run", *words, "--results", str(tmp_path))
    assert done.returncode in {0, UNFIT}, done.stderr
    shown = benchkit("report", "latest", "--format", "json", "--results", str(tmp_path))
    record = json.loads(shown.stdout)
    assert record["schema"] == 1
    assert record["paths"][0]["metrics"][0]["n"] == 1000


def test_a_bad_target_is_one_line_and_exit_status_2(tmp_path: Path) -> None:
    done = benchkit("run", "./nowhere.toml", "--results", str(tmp_path / "results"))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "results").exists()
