"""Records and samples that are damaged, missing or without end: one line that names the file."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest
from kept_runs import FIRST, keep, one_line

from benchkit.errors import AskedWronglyError
from benchkit.store import read_run, read_samples


def test_a_missing_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(AskedWronglyError, match=r"run\.json is missing"):
        read_run(tmp_path)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b'{"schema": 9}'])
def test_a_damaged_record_is_one_line_that_names_the_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(AskedWronglyError) as caught:
        read_run(tmp_path)
    assert str(tmp_path / "run.json") in one_line(caught)


def test_a_record_that_is_a_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "run.json").mkdir()
    with pytest.raises(AskedWronglyError, match="Is a directory"):
        read_run(tmp_path)


def test_damaged_samples_are_one_line_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "rtt.parquet").write_text("torn")
    with pytest.raises(AskedWronglyError, match=r"rtt\.parquet") as caught:
        read_samples(tmp_path, "rtt")
    one_line(caught)


def test_samples_that_would_unpack_to_any_size_are_refused_before_they_do(tmp_path: Path) -> None:
    """Two hundred million rows of one number take some kilobytes of Parquet, and gigabytes of memory."""
    (folder,) = keep(tmp_path, FIRST)
    file = folder / "samples" / "rtt.parquet"
    file.parent.mkdir()
    with duckdb.connect() as connection:
        rows = "select 'a' as path, 'idle' as phase, 7 as due_ns, 7 as t1_ns from range(20000000)"
        connection.sql(rows).write_parquet(str(file), compression="zstd", row_group_size=2_000_000)
    assert file.stat().st_size < 1 << 17
    with pytest.raises(AskedWronglyError, match="are no samples of ours"):
        read_samples(folder, "rtt")


@pytest.mark.parametrize("kind", ["pipe", "large"])
def test_a_record_that_never_ends_is_not_read(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "run.json"
    if kind == "pipe":
        os.mkfifo(file)
    else:
        file.touch()
        os.truncate(file, 1 << 40)
    with pytest.raises(AskedWronglyError, match="name another run"):
        read_run(tmp_path)
