"""Unfinished runs: what a writer that was killed left, told from what one still writes, and brought to an end.

its writer may be at work      left alone
a record that can be read      completed: renamed to the run it was to be; torn samples are noted in it
no record, no samples          removed: nothing measured is in it
anything else                  kept, and named
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from benchkit.clock import NS_PER_S, realtime_ns
from benchkit.errors import BenchkitError, told_by_system
from benchkit.linux.leftovers import has_open_files
from benchkit.model.record_json import dump_record
from benchkit.store.folder import RECORD_NAME, SAMPLES_NAME, read_run, replace_text
from benchkit.store.run_id import PARTIAL_PREFIX

State = Literal["busy", "whole", "empty", "unclear"]
QUIET_S = 60
PARQUET_END = b"PAR1"


@dataclass(frozen=True)
class Partial:
    """An unfinished run: what may be done with it, and why, in words."""

    folder: Path
    state: State
    why: str


def examine(folder: Path, is_open: Callable[[Path], bool] = has_open_files) -> Partial:
    """Look at one, and change nothing."""
    try:
        quiet_s = (realtime_ns() - _last_written_ns(folder)) // NS_PER_S
        if quiet_s < QUIET_S:
            why = f"written {max(0, quiet_s)} s ago: its writer may be at work"
            return Partial(folder, "busy", why)
        if is_open(folder):
            return Partial(folder, "busy", "a process has it open")
        return _examine_quiet(folder)
    except FileNotFoundError:
        return Partial(folder, "busy", "it changes while it is looked at")
    except OSError as error:
        return Partial(folder, "unclear", f"it cannot be read: {error.strerror}")


def settle(partial: Partial) -> str:
    """Do what its state allows; returns in words what was done, or why nothing was.

    Raises AskedWronglyError for a record that was whole and is not any more.
    """
    try:
        if partial.state == "whole":
            return f"completed {_complete(partial.folder)}"
        if partial.state == "empty":
            shutil.rmtree(partial.folder)
            return f"removed {partial.folder}: {partial.why}"
    except OSError as error:
        return f"kept {partial.folder}: {told_by_system(error)}"
    return f"kept {partial.folder}: {partial.why}"


def _examine_quiet(folder: Path) -> Partial:
    name = folder.name.removeprefix(PARTIAL_PREFIX)
    try:
        record = read_run(folder)
    except BenchkitError as error:
        others = [file for file in _files(folder) if file != folder / RECORD_NAME]
        if any(file.lstat().st_size for file in others):
            return Partial(folder, "unclear", f"it holds samples and no record to go by: {error}")
        if _is_torn(folder / RECORD_NAME):
            return Partial(folder, "empty", "it holds neither a record nor samples")
        return Partial(folder, "unclear", str(error))
    if record.run != name:
        return Partial(folder, "unclear", f"its record is that of another run, {record.run}")
    if (folder.parent / name).exists():
        return Partial(folder, "unclear", f"run {name} is there already")
    return Partial(folder, "whole", "its record is whole")


def _complete(folder: Path) -> Path:
    torn = [file.name for file in _files(folder / SAMPLES_NAME) if not _is_parquet(file)]
    record = read_run(folder)
    note = "completed by `benchkit doctor --clean` after its writer was killed"
    if torn:
        note += f"; torn off in the writing, and not readable: {', '.join(sorted(torn))}"
    if note not in record.notes:  # an earlier attempt may have come this far
        noted = replace(record, notes=(*record.notes, note))
        replace_text(folder / RECORD_NAME, dump_record(noted))
    final = folder.parent / record.run
    # Python's rename would replace an empty directory of that name; examine() has seen that there is none.
    return folder.rename(final)


def _files(folder: Path) -> Iterable[Path]:
    return [file for file in folder.rglob("*") if file.is_symlink() or not file.is_dir()]


def _last_written_ns(folder: Path) -> int:
    return max(entry.lstat().st_mtime_ns for entry in (folder, *folder.rglob("*")))


def _is_torn(record: Path) -> bool:
    """Whether it is missing or no JSON. A record that is JSON may be a newer benchkit's."""
    try:
        json.loads(record.read_bytes())
    except (FileNotFoundError, ValueError):
        return True
    except RecursionError:  # whole or not, there is more in it than a torn record has
        return False
    return False


def _is_parquet(file: Path) -> bool:
    """Whether it has the end that is written last."""
    with file.open("rb") as opened:
        opened.seek(-min(len(PARQUET_END), file.stat().st_size), os.SEEK_END)
        return opened.read() == PARQUET_END
