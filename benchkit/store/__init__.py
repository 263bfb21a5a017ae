"""Runs on disk: one directory per run is the truth, and nothing else is kept.

results/20261123T101500Z-guizhou-4f2a/
    run.json                the record
    samples/rtt.parquet     every packet that was due; one file for each kind that occurs
results/.partial-20261123T101500Z-guizhou-4f2a/    one that is being written, or whose writer was killed
results/.arrived-20261123T101500Z-guizhou-4f2a     what has arrived of one that is being measured: see `store.journal`
results/.live-20261123T101500Z-guizhou-4f2a        what is told of one that is being measured: see `store.live`
"""

from __future__ import annotations

from benchkit.store.folder import read_run, write_run
from benchkit.store.run_id import new_run_id
from benchkit.store.samples import read_samples
from benchkit.store.search import find_run, leftovers, list_runs, why_none

__all__ = [
    "find_run",
    "leftovers",
    "list_runs",
    "new_run_id",
    "read_run",
    "read_samples",
    "why_none",
    "write_run",
]
