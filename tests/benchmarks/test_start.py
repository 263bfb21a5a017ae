"""What a person waits for before anything happens: `--help`, `--version`, and a target read and checked.

Beside them a bare Python and one that imports click: no command line of ours can be faster than those.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchkit.targets import load_target

MOST_S = 0.15
COMMANDS = {
    "python, nothing imported": ("-c", "pass"),
    "python, click imported": ("-c", "import click"),
    "benchkit --help": ("-m", "benchkit", "--help"),
    "benchkit --version": ("-m", "benchkit", "--version"),
    "benchkit run --help": ("-m", "benchkit", "run", "--help"),
}
HELD = ("benchkit --help", "benchkit --version")


@pytest.mark.benchmark(group="start")
@pytest.mark.parametrize("name", COMMANDS)
def test_start(benchmark: BenchmarkFixture, name: str) -> None:
    words = [sys.executable, *COMMANDS[name]]
    benchmark.pedantic(
        subprocess.run,
        (words,),
        {"check": True, "capture_output": True},
        rounds=15,
        warmup_rounds=2,
    )

    if name in HELD:
        assert benchmark.stats.stats.median < MOST_S


@pytest.mark.benchmark(group="target load")
def test_target_load(benchmark: BenchmarkFixture) -> None:
    target = benchmark(load_target, "guizhou")
    assert len(target.paths) == 3
