"""Samples as Parquet: one file for each kind, `path` and `phase` before the kind's columns, NULL where masked."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np

from benchkit.errors import AskedWronglyError, UnfitError
from benchkit.model.samples import Column, Samples, column, concatenate
from benchkit.store.quoting import quoted, unglobbed

# Extensions are downloads; Parquet is built in.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {"autoinstall_known_extensions": False}
# Beyond so many paths and phases they share queries.
MANY_PAIRS = 256
PLACE = "place_of_pair"
# In the file's own metadata: which columns a phase has not, though another of the file has them, as JSON. In the table
# they are NULL there, as is what a phase has and lost.
ABSENT = "absent"
# What files without that word say by themselves: a figure of the kernel's own that is nowhere known is none.
ALONE = "network_ns"
Absent = Mapping[str, Collection[str]]
_Pair = tuple[str, str]
# Numbers that a file may hold, as they are 8 octets each in memory: some in any case, and so many for each of its octets.
FREE_CELLS, CELLS_PER_OCTET = 1 << 24, 128
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


def read_parquet(file: Path, kind: str, wanted: Collection[str] | None = None) -> list[Samples]:
    """One Samples for each path and phase, in the order of their first rows; of the `wanted` paths, where they are named.

    Raises:
        AskedWronglyError: the file is no Parquet, or damaged.
        MemoryError: it takes more than is to be had.
    """
    source = f"read_parquet({quoted(unglobbed(str(file.resolve())))}, file_row_number = true)"
    try:
        with duckdb.connect(config=_CONFIG) as connection:
            _see_it_can_be_held(connection, file)
            pairs = connection.execute(
                f"select path, phase from {source} group by all order by min(file_row_number)"  # noqa: S608  quoted
            ).fetchall()
            if wanted is not None:
                pairs = [pair for pair in pairs if pair[0] in wanted]
            absent = _told_absent(connection, file)
            if len(pairs) > MANY_PAIRS:
                found = _read_all(connection, source, kind)
            else:
                found = [_read_pair(connection, source, kind, pair) for pair in pairs]
            return [_without(rows, absent) for rows in found]
    except duckdb.OutOfMemoryException as error:
        raise MemoryError(f"{file}: {_first_line(error)}") from error
    except duckdb.Error as error:
        raise AskedWronglyError(
            f"cannot read {file}: {_first_line(error)}: the record beside it can still be reported"
        ) from error


def _see_it_can_be_held(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    """A few octets of Parquet can say any number of rows: what we write takes more. Raises AskedWronglyError."""
    name = quoted(unglobbed(str(file.resolve())))
    (cells,) = connection.execute(
        f"select (select sum(num_rows) from parquet_file_metadata({name}))"  # noqa: S608  quoted
        f" * (select count(*) from parquet_schema({name}))"
    ).fetchone() or (0,)
    octets = file.stat().st_size
    if cells and int(cells) > FREE_CELLS + CELLS_PER_OCTET * octets:
        raise AskedWronglyError(
            f"cannot read {file}: {octets} octets that say they hold {int(cells)} numbers are no samples of ours: "
            "the record beside it can still be reported"
        )


def _told_absent(connection: duckdb.DuckDBPyConnection, file: Path) -> Absent | None:
    """What the file says its phases have not; None of one from before that was said. Raises AskedWronglyError."""
    name = quoted(unglobbed(str(file.resolve())))
    told = connection.execute(
        f"select value from parquet_kv_metadata({name}) where decode(key) = ?",  # noqa: S608  quoted
        [ABSENT],
    ).fetchone()
    if told is None:
        return None
    try:
        return {str(phase): frozenset(names) for phase, names in dict(json.loads(told[0])).items()}
    except (ValueError, TypeError, RecursionError) as error:
        raise AskedWronglyError(
            f"cannot read {file}: what it says of its columns is damaged: the record beside it can still be reported"
        ) from error


def _without(rows: Samples, absent: Absent | None) -> Samples:
    if absent is None:
        lacking = [ALONE] if ALONE in rows.columns and not rows.columns[ALONE].count() else []
    else:
        lacking = [name for name in absent.get(rows.phase, ()) if name in rows.columns]
    if not lacking:
        return rows
    kept = {name: values for name, values in rows.columns.items() if name not in lacking}
    return replace(rows, columns=kept)


def _absent(parts: Sequence[Samples]) -> dict[str, list[str]]:
    """By phase the columns that no path of it has, though another phase does."""
    every = dict.fromkeys(name for part in parts for name in part.columns)
    had: dict[str, set[str]] = {}
    for part in parts:
        had.setdefault(part.phase, set()).update(part.columns)
    lacking = {phase: [name for name in every if name not in own] for phase, own in had.items()}
    return {phase: names for phase, names in lacking.items() if names}


def _write_kind(
    connection: duckdb.DuckDBPyConnection, file: Path, run: str, parts: Sequence[Samples]
) -> None:
    if not parts:
        return
    pairs: dict[tuple[str, str], list[Samples]] = {}
    for part in parts:
        pairs.setdefault((part.path, part.phase), []).append(part)
    if len(pairs) > MANY_PAIRS:
        parts_of = _gathered(pairs)
    else:
        parts_of = [([pair], dict(concatenate(own).columns)) for pair, own in pairs.items()]
    selects = []
    for index, (named, columns) in enumerate(parts_of):
        connection.register(f"part_{index}", dict(columns))
        selects.append(_select(named, f"part_{index}"))
    absent = quoted(json.dumps(_absent(parts)))
    options = (
        f"format parquet, parquet_version v2, compression zstd, row_group_size {_ROWS_AT_ONCE},"
        f" kv_metadata {{run: {quoted(run)}, kind: {quoted(parts[0].kind)}, {ABSENT}: {absent}}}"
    )
    connection.execute(
        f"copy ({' union all by name '.join(selects)}) to {quoted(str(file))} ({options})"
    )
    for index in range(len(parts_of)):
        connection.unregister(f"part_{index}")


def _select(named: Sequence[_Pair], part: str) -> str:
    if len(named) == 1:
        path, phase = (quoted(word) for word in named[0])
        return f"select {path} as path, {phase} as phase, * from {part}"  # noqa: S608  quoted
    words = [
        f"([{', '.join(quoted(pair[place]) for pair in named)}])[{PLACE} + 1]" for place in (0, 1)
    ]
    return f"select {words[0]} as path, {words[1]} as phase, * exclude ({PLACE}) from {part}"  # noqa: S608  quoted


def _gathered(
    pairs: Mapping[_Pair, Sequence[Samples]],
) -> list[tuple[list[_Pair], dict[str, Column]]]:
    """The rows of very many pairs one behind the other, as few parts as there are kinds of columns.

    A part for each would be a query of thousands. The pair of each row is told by its place among the names.
    """
    alike: dict[tuple[str, ...], list[_Pair]] = {}
    for pair, own in pairs.items():
        alike.setdefault(tuple(own[0].columns), []).append(pair)
    found = []
    for named in alike.values():
        whole = [concatenate(pairs[pair]) for pair in named]
        columns = dict(concatenate(whole).columns)
        columns[PLACE] = column(np.repeat(np.arange(len(named)), [len(rows) for rows in whole]))
        found.append((named, columns))
    return found


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


def _read_all(connection: duckdb.DuckDBPyConnection, source: str, kind: str) -> list[Samples]:
    """Every pair by one query: their rows lie one behind the other."""
    found = connection.execute(f"select * exclude (file_row_number) from {source}").fetchnumpy()  # noqa: S608  quoted
    paths, names = np.ma.getdata(found.pop("path")), np.ma.getdata(found.pop("phase"))
    borders = np.flatnonzero((paths[1:] != paths[:-1]) | (names[1:] != names[:-1])) + 1
    starts = [0, *borders.tolist()]
    # Once for each column: what a pair has of them are views, which keep the whole.
    held = {name: (np.ma.getdata(own), np.ma.getmaskarray(own)) for name, own in found.items()}
    parts: dict[_Pair, list[Samples]] = {}
    for first, last in zip(starts, [*starts[1:], len(paths)], strict=True):
        pair = (str(paths[first]), str(names[first]))
        rows = slice(first, last)
        columns = {
            name: column(values[rows], holes[rows]) for name, (values, holes) in held.items()
        }
        parts.setdefault(pair, []).append(Samples(kind, *pair, columns))
    return [concatenate(own) for own in parts.values()]


def _first_line(error: Exception) -> str:
    # Writes that fail behind duckdb's back arrive as JSON inside a sentence.
    inner = re.search(r'"exception_message":"((?:[^"\\]|\\.)*)"', str(error))
    text = inner[1].replace('\\"', '"') if inner else str(error)
    return text.splitlines()[0].removesuffix(".") if text else type(error).__name__
