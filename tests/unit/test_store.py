"""Runs on disk: written once and whole, read back as they were, and never half there."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kept_runs import FIRST, one_line, rtt
from sample_records import passing

from benchkit.errors import AskedWronglyError, UnfitError
from benchkit.model.samples import GOODPUT_COLUMNS, RTT_COLUMNS, Samples, column
from benchkit.store import (
    find_run,
    leftovers,
    list_runs,
    new_run_id,
    read_run,
    read_samples,
    write_run,
)


def goodput(path: str) -> Samples:
    return Samples("goodput", path, "up", {name: column([1, 2]) for name in GOODPUT_COLUMNS})


def assert_same(one: Samples, other: Samples) -> None:
    assert (one.kind, one.path, one.phase) == (other.kind, other.path, other.phase)
    assert list(one.columns) == list(other.columns)
    for name, values in one.columns.items():
        found = other.columns[name]
        assert isinstance(found, np.ma.MaskedArray)
        assert found.dtype == np.int64
        assert np.ma.getmaskarray(found).tolist() == np.ma.getmaskarray(values).tolist()
        assert found.tolist() == values.tolist()


def no_space(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_an_id_says_when_in_utc_and_what_and_a_token() -> None:
    shanghai = timezone(timedelta(hours=8))
    when = datetime(2026, 11, 23, 18, 15, tzinfo=shanghai)
    assert new_run_id("guizhou", when, "4f2a") == FIRST


@given(st.text())
def test_any_target_gives_an_id_that_is_one_plain_file_name(target: str) -> None:
    name = new_run_id(target, datetime(2026, 11, 23, tzinfo=UTC), "4f2a")
    assert name.replace("-", "").isalnum()
    assert name.isascii()
    assert len(name) < 70


def test_a_run_reads_back_as_it_was_written(tmp_path: Path) -> None:
    samples = [rtt("a-b", "idle"), rtt("a-c", "up", 3, 3), goodput("a-b")]
    run = write_run(tmp_path / "new" / "results", passing(), samples)
    assert run.name == FIRST
    assert read_run(run).paths[0] == read_run(run).paths[0]
    assert read_run(run).run == FIRST
    for found, wanted in zip(read_samples(run, "rtt"), samples[:2], strict=True):
        assert_same(found, wanted)
    assert_same(read_samples(run, "goodput")[0], samples[2])
    assert read_samples(run, "http") == []


def test_batches_of_one_path_and_phase_come_back_as_one_in_the_order_written(
    tmp_path: Path,
) -> None:
    samples = [rtt("z", "idle", 2, 0), rtt("a", "idle", 4), rtt("z", "idle", 3, 0)]
    found = read_samples(write_run(tmp_path, passing(), samples), "rtt")
    assert [(part.path, len(part)) for part in found] == [("z", 5), ("a", 4)]
    assert found[0].columns["sequence"].tolist() == [0, 1000, 0, 1000, 2000]


def test_very_many_paths_take_the_memory_of_their_rows_alone(tmp_path: Path) -> None:
    # Nothing was lost, so the file has no holes to read.
    run = write_run(tmp_path, passing(), [rtt(f"p{at}", "idle", 100, 0) for at in range(300)])
    tracemalloc.start()
    try:
        found = read_samples(run, "rtt")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found) == 300
    octets = sum(9 * len(each) for rows in found for each in rows.columns.values())
    assert peak < 10 * octets


def test_a_phase_comes_back_without_the_columns_that_only_another_has(tmp_path: Path) -> None:
    trips = Samples("rtt", "a-b", "idle", {"t4_ns": column([8, 9]), "t3_ns": column([1, 1], True)})
    connections = Samples("rtt", "a-b", "connect", {"network_ns": column([7])})
    folder = write_run(tmp_path, passing(), [trips, connections])
    for found, wanted in zip(read_samples(folder, "rtt"), (trips, connections), strict=True):
        assert_same(found, wanted)


def test_a_file_that_says_nothing_of_its_columns_has_no_figure_of_the_kernel_where_it_is_null(
    tmp_path: Path,
) -> None:
    samples = tmp_path / "samples"
    samples.mkdir()
    rows = "select 'a-b' as path, unnest(['idle', 'connect']) as phase, unnest([8, null]) as t4_ns,"
    with duckdb.connect() as connection:
        connection.sql(f"{rows} unnest([null, 7]) as network_ns").write_parquet(
            str(samples / "rtt.parquet")
        )
    found = {rows.phase: sorted(rows.columns) for rows in read_samples(tmp_path, "rtt")}
    assert found == {"idle": ["t4_ns"], "connect": ["network_ns", "t4_ns"]}


def test_what_was_lost_is_null_in_the_file_for_every_other_tool(tmp_path: Path) -> None:
    run = write_run(tmp_path, passing(), [rtt("a-b", "idle", 5, 2)])
    with duckdb.connect() as connection:
        file = str(run / "samples" / "rtt.parquet")
        counted = connection.execute(
            "select count(*), count(received_ns), count(sent_ns) from read_parquet(?)", [file]
        ).fetchall()
        names = [
            row[0] for row in connection.execute("describe from read_parquet(?)", [file]).fetchall()
        ]
    assert counted == [(5, 3, 5)]
    assert names == ["path", "phase", *RTT_COLUMNS]


def test_signs_that_mean_something_to_sql_or_a_shell_are_names_like_others(tmp_path: Path) -> None:
    results = tmp_path / "it's [1] *?"
    run = write_run(results, passing(), [rtt("o'hare", "id'le")])
    assert_same(read_samples(run, "rtt")[0], rtt("o'hare", "id'le"))


def test_the_files_of_a_run_are_read_only_and_nothing_else_is_left(tmp_path: Path) -> None:
    run = write_run(tmp_path, passing(), [rtt("a-b", "idle")])
    modes = {file.name: file.stat().st_mode & 0o777 for file in run.rglob("*") if file.is_file()}
    assert modes == {"run.json": 0o444, "rtt.parquet": 0o444}
    assert [entry.name for entry in tmp_path.iterdir()] == [FIRST]


def test_rows_of_no_length_make_no_trouble(tmp_path: Path) -> None:
    run = write_run(tmp_path, passing(), [rtt("a-b", "idle", 0, 0), Samples("http", "a", "b", {})])
    assert read_samples(run, "rtt") == []
    assert read_samples(run, "http") == []


def test_a_run_is_never_overwritten(tmp_path: Path) -> None:
    run = write_run(tmp_path, passing(), [])
    before = (run / "run.json").read_text()
    with pytest.raises(AskedWronglyError, match="never overwritten") as caught:
        write_run(tmp_path, replace(passing(), title="other"), [])
    assert FIRST in one_line(caught)
    assert (run / "run.json").read_text() == before
    assert leftovers(tmp_path) == []


def test_results_that_is_a_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.write_text("")
    with pytest.raises(AskedWronglyError, match="give --results a directory") as caught:
        write_run(results, passing(), [])
    assert str(results) in one_line(caught)


def test_a_disk_too_full_for_the_record_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(UnfitError, match="No space left on device: free space") as caught:
        write_run(tmp_path, passing(), [])
    assert FIRST in one_line(caught)
    assert list(tmp_path.iterdir()) == []


def test_samples_that_cannot_be_written_leave_the_record_with_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(_: Any, file: Path, *__: Any) -> None:
        file.write_bytes(b"PAR1")
        raise duckdb.IOException("IO Error: Could not write file: No space left on device\nmore")

    monkeypatch.setattr("benchkit.store.parquet._write_kind", torn)
    with pytest.raises(UnfitError, match="the record is kept in") as caught:
        write_run(tmp_path, passing(), [rtt("a-b", "idle")])
    assert "rtt.parquet: IO Error" in one_line(caught)
    run = find_run(tmp_path, "latest")
    assert "samples are missing" in read_run(run).notes[-1]
    assert read_samples(run, "rtt") == []
    assert (run / "run.json").stat().st_mode & 0o777 == 0o444
    assert not list(run.rglob("*.new"))


def test_samples_fail_and_not_even_the_note_can_be_written_but_the_record_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Any, file: Path, *__: Any) -> None:
        monkeypatch.setattr(os, "fsync", no_space)
        raise duckdb.IOException(f"IO Error: {file}")

    monkeypatch.setattr("benchkit.store.parquet._write_kind", full)
    with pytest.raises(UnfitError):
        write_run(tmp_path, passing(), [rtt("a-b", "idle")])
    run = find_run(tmp_path, "latest")
    assert read_run(run).run == FIRST
    assert not list(run.rglob("*.new"))


def test_a_rename_that_fails_keeps_the_whole_run_and_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "rename", no_space)
    with pytest.raises(UnfitError, match="rename it by hand") as caught:
        write_run(tmp_path, passing(), [rtt("a-b", "idle")])
    (partial,) = leftovers(tmp_path)
    assert str(partial) in one_line(caught)
    assert read_run(partial).run == FIRST
    assert len(read_samples(partial, "rtt")) == 1
    assert list_runs(tmp_path) == []


def test_a_record_that_cannot_be_written_makes_no_directory(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="inf"):
        write_run(tmp_path / "results", replace(passing(), duration_s=float("inf")), [])
    assert list(tmp_path.iterdir()) == []


def test_the_store_imports_neither_duckdb_nor_numpy() -> None:
    code = "import sys, benchkit.store; sys.exit(bool({'duckdb', 'numpy'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_record_on_disk_is_json_with_a_newline_at_its_end(tmp_path: Path) -> None:
    text = (write_run(tmp_path, passing(), []) / "run.json").read_text()
    assert text.endswith("}\n")
    assert json.loads(text)["run"] == FIRST


def test_thousands_of_pairs_come_back_as_they_were(tmp_path: Path) -> None:
    parts = [
        rtt(f"p{at}", phase, rows=3 + at % 4) for phase in ("floor", "idle") for at in range(400)
    ]
    # Some have a column that the others lack.
    odd = [
        replace(part, columns={**part.columns, "duplicates": column([at] * len(part))})
        for at, part in enumerate(parts)
        if at % 3 == 0
    ]
    known = {(part.path, part.phase): part for part in [*parts, *odd]}
    folder = write_run(tmp_path, replace(passing(), run=FIRST), list(known.values()))
    found = {(rows.path, rows.phase): rows for rows in read_samples(folder, "rtt")}
    assert found.keys() == known.keys()
    for pair, rows in found.items():
        for name, values in known[pair].columns.items():
            assert rows.columns[name].tolist() == values.tolist()


def test_of_many_pairs_a_few_paths_are_read_alone(tmp_path: Path) -> None:
    parts = [rtt(f"p{at}", "idle") for at in range(300)]
    folder = write_run(tmp_path, replace(passing(), run=FIRST), parts)
    found = read_samples(folder, "rtt", {"p7", "p8"})
    assert [rows.path for rows in found] == ["p7", "p8"]
    assert_same(found[0], parts[7])
