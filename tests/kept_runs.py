"""Runs that are kept in a folder, and what is told of one that cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sample_records import passing

from benchkit.model.samples import RTT_COLUMNS, Samples, column
from benchkit.store import write_run

FIRST = "20261123T101500Z-guizhou-4f2a"
SECOND = "20261123T111500Z-guizhou-77aa"
THIRD = "20261124T091500Z-lab-0001"


def rtt(path: str, phase: str, rows: int = 5, lost: int = 1) -> Samples:
    """Rows of which the last few never came back."""
    numbers = np.arange(rows)
    columns = {name: column(numbers * 1000 + place) for place, name in enumerate(RTT_COLUMNS)}
    for name in ("received_ns", "t2_ns", "t3_ns", "t4_ns"):
        columns[name] = column(columns[name].data, numbers >= rows - lost)
    return Samples("rtt", path, phase, columns)


def keep(results: Path, *names: str) -> list[Path]:
    return [write_run(results, replace(passing(), run=name), []) for name in names]


def one_line(error: pytest.ExceptionInfo[Exception]) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)
