"""A run in progress, told to whoever looks into the folder: a line of JSON for each event.

results/.live-20261123T101500Z-guizhou-4f2a    locked and written while the run goes on, gone when it is kept

A reader that has it open reads on to the last line after it is gone. One whose writer was killed is told by its lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any

from benchkit.clock import NS_PER_S, realtime_ns
from benchkit.store.run_id import is_run_id

LIVE_PREFIX = ".live-"
# User-mode Linux does not show its locks to the host: there, being written says it too.
SILENCE_NS = 10 * NS_PER_S


class LiveLog:
    """The writer's end. A disk that refuses ends the telling, never the run."""

    def __init__(self, results: Path, run: str) -> None:
        """Begin the file, and remove those of runs that were killed."""
        self._file = results / f"{LIVE_PREFIX}{run}"
        self._descriptor: int | None = None
        self._made = False
        with contextlib.suppress(OSError):
            self._made = not results.exists()
            results.mkdir(parents=True, exist_ok=True)
            remove_dead(results)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_APPEND
            self._descriptor = os.open(self._file, flags, 0o644)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def write(self, event: Mapping[str, Any]) -> None:
        """Add a line."""
        if self._descriptor is None:
            return
        line = json.dumps(event, ensure_ascii=True, separators=(",", ":")) + "\n"
        with contextlib.suppress(OSError):
            os.write(self._descriptor, line.encode())

    def close(self) -> None:
        """Remove the file, and the folder where it was made for nothing else; readers read on to its end."""
        if self._descriptor is None:
            return
        with contextlib.suppress(OSError):
            self._file.unlink()
            if self._made:
                self._file.parent.rmdir()  # refused where a run has been kept
        os.close(self._descriptor)
        self._descriptor = None


def live_logs(results: Path) -> dict[str, Path]:
    """The files of runs in progress, by the id that each run will have, newest first."""
    with contextlib.suppress(OSError):
        found = {
            file.name.removeprefix(LIVE_PREFIX): file
            for file in results.glob(f"{LIVE_PREFIX}*")
            if is_run_id(file.name.removeprefix(LIVE_PREFIX))
        }
        return dict(sorted(found.items(), reverse=True))
    return {}


def first_event(file: Path) -> dict[str, Any]:
    """What began; empty where nothing can be read yet."""
    try:
        with file.open("rb") as opened:
            found = json.loads(opened.readline())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def is_running(file: Path) -> bool:
    """Whether the run of a live log still goes on."""
    try:
        with file.open("rb") as opened:
            return is_written(opened)
    except OSError:
        return False


def is_written(opened: BufferedReader) -> bool:
    """Whether its writer is still there."""
    return _is_held(opened) or _young_for_ns(opened) > 0


def young_for_s(file: Path) -> int:
    """In how many seconds a file counts as left that nobody holds; 0 where it does, or somebody holds it."""
    with contextlib.suppress(OSError), file.open("rb") as opened:
        if not _is_held(opened):
            return max(0, -(-_young_for_ns(opened) // NS_PER_S))
    return 0


def _is_held(opened: BufferedReader) -> bool:
    try:
        fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    fcntl.flock(opened, fcntl.LOCK_UN)
    return False


def _young_for_ns(opened: BufferedReader) -> int:
    return os.fstat(opened.fileno()).st_mtime_ns + SILENCE_NS - realtime_ns()


def dead_logs(results: Path) -> list[Path]:
    """The files of runs that were killed."""
    return [file for file in live_logs(results).values() if not is_running(file)]


def remove_dead(results: Path) -> list[Path]:
    """Remove them; those that are gone."""
    gone = []
    for file in dead_logs(results):
        with contextlib.suppress(OSError):
            file.unlink()
            gone.append(file)
    return gone
