"""A million round trips, as a long run leaves them: written and read in well under a second."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from sample_records import passing

from benchkit.model.samples import RTT_COLUMNS, Samples, column
from benchkit.store import read_samples, write_run

ROWS = 1_000_000


@pytest.fixture(scope="module")
def million() -> Samples:
    generator = np.random.default_rng(1)
    due = np.arange(ROWS) * 2_000_000
    lost = generator.random(ROWS) < 0.001
    columns = {"sequence": column(np.arange(ROWS)), "due_ns": column(due)}
    for name in RTT_COLUMNS[2:]:
        columns[name] = column(due + generator.integers(0, 200_000, ROWS), lost)
    return Samples("rtt", "guiyang-guangzhou", "idle", columns)


def test_write_a_million_round_trips(
    benchmark: BenchmarkFixture, tmp_path: Path, million: Samples
) -> None:
    number = itertools.count()

    def write() -> Path:
        return write_run(tmp_path, replace(passing(), run=f"run-{next(number)}"), [million])

    benchmark.pedantic(write, rounds=3, warmup_rounds=1)


def test_read_a_million_round_trips(
    benchmark: BenchmarkFixture, tmp_path: Path, million: Samples
) -> None:
    run = write_run(tmp_path, passing(), [million])
    found = benchmark.pedantic(read_samples, (run, "rtt"), rounds=3, warmup_rounds=1)
    assert len(found[0]) == ROWS
