"""Samples as Parquet: one file for each kind, `path` and `phase` before the kind's columns, NULL where masked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np

from benchkit.errors import AskedWronglyError, UnfitError
from benchkit.model.samples import Samples, column, concatenate

# Extensions are downloads; Parquet is built in.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {"autoinstall_known_extensions": False}
# One thread writes as fast as several here, and holds a third of the memory.
_ROWS_AT_ONCE = 30_720  # each row group is in memory whole
_WRITING = {**_CONFIG, "threads": 1}


def write_parquet(folder: Path, run: str, samples: Sequence[Samples]) -> None:
    """Write each kind to a file of its own. A file that failed is removed, the others are still written.

    Raises:
        UnfitError: the disk refused; names the first file that failed.
    """
    failures = []
    with duckdb.connect(config=_WRITING) as connection:
        for kind in dict.fromkeys(part.kind for part in samples):
            file = folder / f"{kind}.parquet"
            parts = [part for part in samples if part.kind == kind and part.columns]
            try:
                _write_kind(connection, file, run, parts)
            except duckdb.Error as error:
                file.unlink(missing_ok=True)
                failures.append(f"{file.name}: {_first_line(error)}")
    if failures:
        raise UnfitError("; ".join(failures))


def read_parquet(file: Path, kind: str) -> list[Samples]:
    """One Samples for each path and phase, in the order of their first rows.

    Raises:
        AskedWronglyError: the file is no Parquet, or damaged.
    """
    source = f"read_parquet({_quoted(_unglobbed(file))}, file_row_number = true)"
    try:
        with duckdb.connect(config=_CONFIG) as connection:
            pairs = connection.execute(
                f"select path, phase from {source} group by all order by min(file_row_number)"  # noqa: S608  quoted
            ).fetchall()
            return [_read_pair(connection, source, kind, pair) for pair in pairs]
    except duckdb.Error as error:
        raise AskedWronglyError(
            f"cannot read {file}: {_first_line(error)}: the record beside it can still be reported"
        ) from error


def _write_kind(
    connection: duckdb.DuckDBPyConnection, file: Path, run: str, parts: Sequence[Samples]
) -> None:
    if not parts:
        return
    pairs = dict.fromkeys((part.path, part.phase) for part in parts)
    selects = []
    for index, (path, phase) in enumerate(pairs):
        whole = concatenate([part for part in parts if (part.path, part.phase) == (path, phase)])
        connection.register(f"part_{index}", dict(whole.columns))
        selects.append(
            f"select {_quoted(path)} as path, {_quoted(phase)} as phase, * from part_{index}"  # noqa: S608  quoted
        )
    options = (
        f"format parquet, parquet_version v2, compression zstd, row_group_size {_ROWS_AT_ONCE},"
        f" kv_metadata {{run: {_quoted(run)}, kind: {_quoted(parts[0].kind)}}}"
    )
    connection.execute(
        f"copy ({' union all by name '.join(selects)}) to {_quoted(str(file))} ({options})"
    )
    for index in range(len(pairs)):
        connection.unregister(f"part_{index}")


def _read_pair(
    connection: duckdb.DuckDBPyConnection, source: str, kind: str, pair: tuple[str, str]
) -> Samples:
    # No `order by`: duckdb keeps the order of a file's rows, and a sort of a million costs more than the read.
    found = connection.execute(
        f"select * exclude (path, phase, file_row_number) from {source} where path = ? and phase = ?",  # noqa: S608  quoted
        pair,
    ).fetchnumpy()
    columns = {
        name: column(np.ma.getdata(values), np.ma.getmaskarray(values))
        for name, values in found.items()
    }
    return Samples(kind, *pair, columns)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _unglobbed(file: Path) -> str:
    """The path with what duckdb would take for a pattern put in brackets."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(file.resolve()))


def _first_line(error: Exception) -> str:
    # Writes that fail behind duckdb's back arrive as JSON inside a sentence.
    inner = re.search(r'"exception_message":"((?:[^"\\]|\\.)*)"', str(error))
    text = inner[1].replace('\\"', '"') if inner else str(error)
    return text.splitlines()[0].removesuffix(".") if text else type(error).__name__
