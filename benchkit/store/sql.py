"""All runs as tables that can be asked in SQL, by DuckDB in memory: it reads the store and writes nothing.

runs        run, target, name, started, duration_s, emulator, kernel, verdict, interrupted, environment (JSON)
metrics     run, path, metric, phase, statistic, unit, value, low, high, n, lost
verdicts    run, path, metric, percentile, phase, limit, unit, verdict, reason
rtt, http, goodput, tcp_info    the samples of every run, a row for each packet, with `run` (where any were kept)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from benchkit.errors import AskedWronglyError
from benchkit.model.record import RunRecord
from benchkit.store.folder import SAMPLES_NAME
from benchkit.store.quoting import quoted, unglobbed
from benchkit.store.run_id import is_run_id

KINDS = ("rtt", "http", "goodput", "tcp_info")
_TABLES = {
    "runs": (
        "run varchar, target varchar, name varchar, started varchar, duration_s double, emulator varchar,"
        " kernel varchar, verdict varchar, interrupted boolean, environment varchar"
    ),
    "metrics": (
        "run varchar, path varchar, metric varchar, phase varchar, statistic varchar, unit varchar,"
        " value double, low double, high double, n bigint, lost bigint"
    ),
    "verdicts": (
        'run varchar, path varchar, metric varchar, percentile varchar, phase varchar, "limit" double,'
        " unit varchar, verdict varchar, reason varchar"
    ),
}
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Answer:
    """What a query gave: the names of its columns, and its rows."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def ask(results: Path, records: Sequence[RunRecord], sql: str) -> Answer:
    """Answer one query over these records, and over the samples in `results`.

    Raises:
        AskedWronglyError: it is no single SELECT, or DuckDB refuses it.
        MemoryError: it takes more than is to be had.
    """
    try:
        return _answered(results, records, sql)
    except duckdb.OutOfMemoryException as error:
        raise MemoryError(f"--sql: {_in_a_line(error)}") from error


def _answered(results: Path, records: Sequence[RunRecord], sql: str) -> Answer:
    with duckdb.connect(config=_CONFIG) as connection:
        _fill(connection, records)
        files = _view_samples(connection, results)
        # From here on a query can read the samples, and nothing else on this machine.
        connection.execute(f"set allowed_paths = [{', '.join(map(quoted, files))}]")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        try:
            _check(connection, sql)
            found = connection.execute(sql)
            columns = tuple(column[0] for column in found.description or ())
            return Answer(columns, tuple(found.fetchall()))
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            raise AskedWronglyError(
                f"--sql: {_in_a_line(error)}: the tables are {', '.join(_TABLES)} and {', '.join(KINDS)}"
            ) from error


def _in_a_line(error: duckdb.Error) -> str:
    """What DuckDB says, without the query that it shows beside it, and without its advice."""
    said = str(error).split("LINE", maxsplit=1)[0].split("Possible solutions", maxsplit=1)[0]
    return " ".join(said.split())


def _check(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    statements = connection.extract_statements(sql)
    kinds = [statement.type for statement in statements]
    if kinds not in ([duckdb.StatementType.SELECT], [duckdb.StatementType.EXPLAIN]):
        raise AskedWronglyError(
            f"--sql {sql!r}: one SELECT is taken, and nothing that writes: correct it"
        )


def _fill(connection: duckdb.DuckDBPyConnection, records: Sequence[RunRecord]) -> None:
    rows: dict[str, list[Row]] = {name: [] for name in _TABLES}
    for record in records:
        rows["runs"].append(_run_row(record))
        rows["metrics"] += _metric_rows(record)
        rows["verdicts"] += _verdict_rows(record)
    for name, columns in _TABLES.items():
        connection.execute(f"create table {name} ({columns})")
        if rows[name]:
            marks = ", ".join("?" * len(rows[name][0]))
            connection.executemany(f"insert into {name} values ({marks})", rows[name])  # noqa: S608  our own names


def _run_row(record: RunRecord) -> Row:
    return (
        *(record.run, record.target, record.name, record.started, record.duration_s),
        *(record.emulator, record.kernel, record.verdict, record.interrupted),
        json.dumps(dict(record.environment)),
    )


def _metric_rows(record: RunRecord) -> Iterator[Row]:
    for path in record.paths:
        for metric in path.metrics:
            found = dict(metric.percentiles)
            if metric.estimate is not None:
                found["mean"] = metric.estimate
            for statistic, each in found.items():
                yield (
                    *(record.run, path.path, metric.metric, metric.phase, statistic, metric.unit),
                    *(each.value, each.low, each.high, metric.n, metric.lost),
                )


def _verdict_rows(record: RunRecord) -> Iterator[Row]:
    for path in record.paths:
        for each in path.verdicts:
            yield (
                *(record.run, path.path, each.metric, each.percentile, each.phase),
                *(each.limit, each.unit, each.verdict, each.reason),
            )


def _view_samples(connection: duckdb.DuckDBPyConnection, results: Path) -> list[str]:
    """Make a view for each kind; returns the files they read, by the names DuckDB knows them under."""
    known = []
    for kind in KINDS:
        files = sorted(
            str(file.resolve())
            for file in results.glob(f"*/{SAMPLES_NAME}/{kind}.parquet")
            if is_run_id(file.parent.parent.name)
        )
        if files:
            # DuckDB holds both against its list: the name as a pattern, and what it finds by it.
            patterns = [unglobbed(file) for file in files]
            known += [*files, *patterns]
            listed = ", ".join(map(quoted, patterns))
            connection.execute(
                f"create view {kind} as select string_split(filename, '/')[-3] as run, * exclude (filename)"  # noqa: S608  quoted
                f" from read_parquet([{listed}], filename = true, union_by_name = true)"
            )
    return known
