"""What a run has been told so far, on disk as it comes: so that whoever kills it loses nothing that had arrived.

results/.arrived-20261123T101500Z-guizhou-4f2a    locked and written while the run goes on, gone when it is kept

One frame for each thing told: a head of three lengths and checks, a line of JSON, and the columns of a batch as they
are in memory. The first frame is the record of the run as it would be if nothing were measured; each says how many seconds
after that it was written. A file that nobody may write is one whose run came to its end and could not be kept.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import AskedWronglyError, told_by_system
from benchkit.model.record import RunRecord
from benchkit.model.record_json import dump_record, load_record
from benchkit.model.samples import Samples, column
from benchkit.store.live import is_running
from benchkit.store.run_id import is_run_id

ARRIVED_PREFIX = ".arrived-"
AFTER = "after_s"
# A mode takes no room, where a disk has none for a word.
LEFT, WRITABLE = 0o444, 0o200
# Octets of words and of columns, and a CRC-32 of both.
HEAD = struct.Struct(">IQI")
LONGEST_WORDS = 1 << 26
# What no free space would mend.
NEVER = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST)
_KIND = re.compile("[a-z_]{1,32}")
Words = Mapping[str, Any]


class Journal:
    """The writer's end. A disk that refuses ends the writing, never the run; `trouble` says why."""

    def __init__(self, results: Path, record: RunRecord) -> None:
        """Begin the file of that run. Raises AskedWronglyError where no run can ever be kept."""
        self.file = results / f"{ARRIVED_PREFIX}{record.run}"
        self.trouble = ""
        self._descriptor = -1
        self._began_ns = monotonic_ns()
        self._made = not results.exists()
        try:
            results.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_APPEND
            self._descriptor = os.open(self.file, flags, 0o644)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.trouble = told_by_system(error)
            if error.errno in NEVER:
                raise AskedWronglyError(
                    f"runs cannot be kept in {results}: {self.trouble}: name a folder of yours with --results"
                ) from error
        self.write({"record": json.loads(dump_record(record))})

    def write(self, words: Words, batch: Samples | None = None) -> None:
        """Add a frame; what could not be written whole is taken back."""
        if self.trouble:
            return
        after = {AFTER: round((monotonic_ns() - self._began_ns) / NS_PER_S, 1)}
        said = json.dumps({**words, **after, **_described(batch)}, separators=(",", ":")).encode()
        body = _octets(batch)
        frame = HEAD.pack(len(said), len(body), zlib.crc32(body, zlib.crc32(said))) + said + body
        before = os.fstat(self._descriptor).st_size
        try:
            _append(self._descriptor, frame)
        except OSError as error:
            self.trouble = told_by_system(error)
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, before)

    def close(self) -> None:
        """Write no more; the file stays."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        self.trouble = self.trouble or "it is closed"

    def leave(self) -> None:
        """Write no more, and mark the file as that of a run that ended by itself and could not be kept."""
        self.close()
        with contextlib.suppress(OSError):
            self.file.chmod(LEFT)

    def remove(self) -> None:
        """All of it is kept elsewhere: remove the file, and the folder where it was made for nothing else."""
        self.close()
        with contextlib.suppress(OSError):
            self.file.unlink()
        if self._made:
            with contextlib.suppress(OSError):
                self.file.parent.rmdir()  # refused where a run has been kept


def journals(results: Path) -> list[Path]:
    """The files of runs in progress and of those that were killed, oldest first."""
    with contextlib.suppress(OSError):
        found = sorted(results.glob(f"{ARRIVED_PREFIX}*"))
        return [file for file in found if is_run_id(file.name.removeprefix(ARRIVED_PREFIX))]
    return []


def dead_journals(results: Path) -> list[Path]:
    """The files of runs that were killed, oldest first."""
    return [file for file in journals(results) if not is_running(file)]


def has_ended(file: Path) -> bool:
    """Whether its run came to its end, and was not killed. Raises OSError."""
    return not file.stat().st_mode & WRITABLE


def read_journal(file: Path) -> tuple[RunRecord, Iterator[tuple[Words, Samples | None]]]:
    """The record it began with, and what was told after it, up to where it was torn off.

    Raises AskedWronglyError where it holds no record, or that of another run: a run is kept under the name that it says.
    """
    frames = _frames(file)
    words, _ = next(frames, ({}, None))
    record = load_record(json.dumps(words.get("record", {})))
    if record.run != file.name.removeprefix(ARRIVED_PREFIX) or not is_run_id(record.run):
        raise AskedWronglyError(f"{file} is that of another run: remove it by hand")
    return record, frames


def _frames(file: Path) -> Iterator[tuple[Words, Samples | None]]:
    with file.open("rb") as opened:
        while (frame := _frame(opened)) is not None:
            yield frame


def _frame(opened: BufferedReader) -> tuple[Words, Samples | None] | None:
    head = opened.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    words_octets, body_octets, check = HEAD.unpack(head)
    left = os.fstat(opened.fileno()).st_size - opened.tell()
    if words_octets > LONGEST_WORDS or words_octets + body_octets > left:
        return None
    said, body = opened.read(words_octets), opened.read(body_octets)
    if zlib.crc32(body, zlib.crc32(said)) != check:
        return None
    try:
        words = dict(json.loads(said))
        return words, _batch(words, body) if "columns" in words else None
    except (ValueError, TypeError, LookupError, RecursionError, OverflowError):
        return None  # whole and yet none of ours: as if it were torn off there


def _append(descriptor: int, frame: bytes) -> None:
    """Write all of it: a disk that fills up takes a part first, and then refuses."""
    left = memoryview(frame)
    while left:
        left = left[os.write(descriptor, left) :]


def _described(batch: Samples | None) -> dict[str, Any]:
    if batch is None:
        return {}
    holes = [name for name, each in batch.columns.items() if np.ma.getmaskarray(each).any()]
    return {
        "kind": batch.kind,
        "path": batch.path,
        "phase": batch.phase,
        "rows": len(batch),
        "columns": list(batch.columns),
        "holes": holes,
    }


def _octets(batch: Samples | None) -> bytes:
    if batch is None:
        return b""
    masks = (np.ma.getmaskarray(each) for each in batch.columns.values())
    return b"".join(
        [np.ma.getdata(each).astype("<i8").tobytes() for each in batch.columns.values()]
        + [mask.tobytes() for mask in masks if mask.any()]
    )


def _batch(words: Words, body: bytes) -> Samples:
    rows, names, holes = words["rows"], words["columns"], words["holes"]
    if not _KIND.fullmatch(words["kind"]):  # it names a file
        raise ValueError("no kind of samples")
    values = np.frombuffer(body, "<i8", rows * len(names)).reshape(len(names), rows)
    masks = np.frombuffer(body, np.bool_, rows * len(holes), rows * len(names) * 8)
    masked = dict(zip(holes, masks.reshape(len(holes), rows), strict=True))
    columns = {
        name: column(values[at], masked.get(name, np.ma.nomask)) for at, name in enumerate(names)
    }
    return Samples(words["kind"], words["path"], words["phase"], columns)
