"""One run's directory: written beside its place, then put there by one rename; never changed after.

What happens when the disk refuses, in the order of writing:

    the directory or run.json     nothing stays, the error says why
    the samples                   the run is kept without the file that failed, with a note in its record; then the error
    the rename                    the run is whole in its `.partial-` directory and stays there; the error says where
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchkit.errors import AskedWronglyError, BenchkitError, UnfitError, told_by_system
from benchkit.model.record import RunRecord
from benchkit.model.record_json import dump_record, load_record
from benchkit.store.run_id import PARTIAL_PREFIX

if TYPE_CHECKING:  # it brings numpy, 60 ms that finding a run need not pay
    from benchkit.model.samples import Samples

RECORD_NAME = "run.json"
SAMPLES_NAME = "samples"
READ_ONLY = 0o444
# A mesh of two thousand paths has a tenth of it.
MOST_OCTETS = 64 << 20
MISSING = "samples are missing"
# These are about the directory that was asked for; the others about the machine.
_ASKED_WRONGLY = (
    errno.EACCES,
    errno.EEXIST,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
)


def write_run(results: Path, record: RunRecord, samples: Sequence[Samples]) -> Path:
    """Keep a run under its id; returns its directory. Its files are read-only, an existing run stays as it is.

    Raises:
        AskedWronglyError: the run is there already, or `results` cannot hold one.
        UnfitError: the disk failed; see above for what is kept.
    """
    text = dump_record(record)  # first: what cannot be written must not leave a directory
    final = results / record.run
    partial = results / f"{PARTIAL_PREFIX}{record.run}"
    _make(partial, final)
    try:
        _write_text(partial / RECORD_NAME, text)
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)
        if isinstance(error, OSError):
            raise refusal(f"write the record of run {record.run}", results, error) from error
        raise
    trouble = _write_samples(partial, record, samples)
    try:
        partial.rename(final)
    except OSError as error:
        said = told_by_system(error)
        raise UnfitError(
            f"cannot rename {partial} to {final}: {said}: the run in it is whole, rename it by hand"
        ) from error
    if trouble is not None:
        raise UnfitError(
            f"{trouble}; the record is kept in {final}: free space, or give --results another directory"
        )
    return final


def read_run(run_dir: Path) -> RunRecord:
    """The record in a run's directory.

    Raises:
        AskedWronglyError: it is missing, damaged, or newer than this benchkit.
    """
    file = run_dir / RECORD_NAME
    try:
        return load_record(_record_text(file))
    except FileNotFoundError as error:
        raise AskedWronglyError(
            f"{run_dir} is no run: {RECORD_NAME} is missing: name another run, or remove this one"
        ) from error
    except OSError as error:
        said = told_by_system(error)
        raise AskedWronglyError(f"cannot read {file}: {said}: name another run") from error
    except UnicodeDecodeError as error:
        raise AskedWronglyError(f"{file} is damaged: not UTF-8: name another run") from error
    except AskedWronglyError as error:
        raise AskedWronglyError(f"{file}: {error}") from error


def _record_text(file: Path) -> str:
    """What is in it, if it can be a record. Raises AskedWronglyError, OSError, UnicodeDecodeError."""
    told = file.stat()
    if stat.S_IFMT(told.st_mode) not in {stat.S_IFREG, stat.S_IFDIR}:  # it might never end
        raise AskedWronglyError("it is no regular file: name another run")
    if told.st_size > MOST_OCTETS:
        raise AskedWronglyError(
            f"it has {told.st_size} octets, a record at most {MOST_OCTETS}: name another run"
        )
    return file.read_text(encoding="utf-8")


def add_samples(run_dir: Path, samples: Sequence[Samples]) -> None:
    """Put samples into a run that was kept without them, for the disk had refused them; it says so from then on.

    Raises:
        AskedWronglyError: it is damaged, or has its samples.
        BenchkitError: the disk refuses them again; the run is as it was.
    """
    record = read_run(run_dir)
    if not any(note.startswith(MISSING) for note in record.notes):
        raise AskedWronglyError(f"{run_dir} has its samples already: remove what is left beside it")
    from benchkit.store.parquet import write_parquet  # noqa: PLC0415  duckdb: 120 ms, for this only

    folder = run_dir / SAMPLES_NAME
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write_parquet(folder, record.run, samples)
    for file in folder.glob("*.parquet"):
        file.chmod(READ_ONLY)
    notes = tuple(note for note in record.notes if not note.startswith(MISSING))
    whole = replace(record, notes=(*notes, "its samples were added later, as they had arrived"))
    replace_text(run_dir / RECORD_NAME, dump_record(whole))


def _make(partial: Path, final: Path) -> None:
    attempt = f"make {partial}"
    try:
        partial.parent.mkdir(parents=True, exist_ok=True)
        if final.exists():
            raise AskedWronglyError(
                f"run {final.name} is in {final.parent} already: it is never overwritten"
            )
        partial.mkdir()
    except OSError as error:
        raise refusal(attempt, partial.parent, error) from error


def _write_text(file: Path, text: str) -> None:
    with file.open("w", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())  # or a power cut after the rename leaves an empty record
    file.chmod(READ_ONLY)


def _write_samples(partial: Path, record: RunRecord, samples: Sequence[Samples]) -> str | None:
    """Write what can be written; returns in words what could not."""
    if not samples:
        return None
    from benchkit.store.parquet import write_parquet  # noqa: PLC0415  as above

    folder = partial / SAMPLES_NAME
    trouble = None
    try:
        folder.mkdir()
        write_parquet(folder, record.run, samples)
    except (OSError, BenchkitError) as error:
        trouble = f"cannot write the samples of run {record.run}: {error}"
        noted = replace(record, notes=(*record.notes, f"{MISSING}: {error}"))
        replace_text(partial / RECORD_NAME, dump_record(noted))
    for file in folder.glob("*.parquet"):
        file.chmod(READ_ONLY)
    return trouble


def replace_text(file: Path, text: str) -> None:
    """Put new text in place of old, or leave the old where there is no room for both."""
    fresh = file.with_suffix(".new")
    with contextlib.suppress(OSError):
        _write_text(fresh, text)
        fresh.replace(file)
    with contextlib.suppress(OSError):
        fresh.unlink(missing_ok=True)


def refusal(attempt: str, results: Path, error: OSError) -> BenchkitError:
    """What is raised where the system refuses to have a run kept in `results`."""
    said = told_by_system(error)
    if error.errno in _ASKED_WRONGLY:
        return AskedWronglyError(
            f"cannot {attempt}: {said}: give --results a directory that can be written, not {results}"
        )
    return UnfitError(f"cannot {attempt}: {said}: free space, or give --results another directory")
