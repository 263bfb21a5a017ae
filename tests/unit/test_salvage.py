"""Unfinished runs: what may be completed, what may go, and what must stay."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from sample_records import passing

from benchkit.model.samples import RTT_COLUMNS, Samples, column
from benchkit.store import find_run, list_runs, read_run, read_samples, write_run
from benchkit.store import leftovers as partials
from benchkit.store.salvage import examine, settle

RUN = "20261123T101500Z-guizhou-4f2a"


def unfinished(results: Path, *, samples: bool = True) -> Path:
    """A whole run under the name that it has while it is written."""
    rows = Samples("rtt", "a-b", "idle", {name: column([1, 2]) for name in RTT_COLUMNS})
    run = write_run(results, replace(passing(), run=RUN), [rows] if samples else [])
    return run.rename(results / f".partial-{RUN}")


def bare(results: Path, **files: str) -> Path:
    folder = results / f".partial-{RUN}"
    (folder / "samples").mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace("__", "/").replace("_", ".")).write_text(text)
    return folder


def aged(folder: Path) -> Path:
    """As if it was written long ago."""
    for entry in (folder, *folder.rglob("*")):
        os.utime(entry, (1, 1))
    return folder


def test_a_run_with_its_record_is_completed_and_says_so(tmp_path: Path) -> None:
    partial = examine(aged(unfinished(tmp_path)))
    assert partial.state == "whole"
    assert settle(partial) == f"completed {tmp_path / RUN}"
    run = find_run(tmp_path, "latest")
    assert run.name == RUN
    assert read_run(run).notes[-1].startswith("completed by `benchkit doctor --clean`")
    assert len(read_samples(run, "rtt")) == 1
    assert (run / "run.json").stat().st_mode & 0o777 == 0o444
    assert partials(tmp_path) == []


@pytest.mark.parametrize("left", [0, 3, 100])
def test_samples_torn_off_in_the_writing_are_noted_and_kept(tmp_path: Path, left: int) -> None:
    folder = unfinished(tmp_path)
    torn = folder / "samples" / "rtt.parquet"
    content = torn.read_bytes()[:left]
    torn.chmod(0o644)
    torn.write_bytes(content)
    settle(examine(aged(folder)))
    run = find_run(tmp_path, RUN)
    assert "not readable: rtt.parquet" in read_run(run).notes[-1]
    assert (run / "samples" / "rtt.parquet").read_bytes() == content


def test_a_run_that_was_written_just_now_is_left_alone(tmp_path: Path) -> None:
    folder = unfinished(tmp_path)
    partial = examine(folder)
    assert partial.state == "busy"
    assert settle(partial).startswith(f"kept {folder}: written")
    assert folder.is_dir()


def test_a_run_that_a_process_has_open_is_left_alone_however_old(tmp_path: Path) -> None:
    folder = aged(unfinished(tmp_path))
    with (folder / "samples" / "rtt.parquet").open("rb"):
        assert examine(folder).state == "busy"
    assert examine(folder).state == "whole"


@pytest.mark.parametrize("files", [{}, {"run_json": '{"schema": 1, "ru'}, {"samples__x": ""}])
def test_what_holds_no_record_and_no_samples_is_removed(
    tmp_path: Path, files: dict[str, str]
) -> None:
    folder = aged(bare(tmp_path, **files))
    partial = examine(folder)
    assert partial.state == "empty"
    assert settle(partial).startswith(f"removed {folder}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"samples__rtt_parquet": "PAR1"}, "holds samples and no record"),
        ({"samples__rtt_parquet": "PAR1", "run_json": "{"}, "holds samples and no record"),
        ({"run_json": '{"schema": 99}'}, "run.json"),
    ],
)
def test_what_may_have_been_measured_is_kept_and_named(
    tmp_path: Path, files: dict[str, str], why: str
) -> None:
    folder = aged(bare(tmp_path, **files))
    partial = examine(folder)
    assert partial.state == "unclear"
    said = settle(partial)
    assert said.startswith(f"kept {folder}: ")
    assert why in said
    assert folder.is_dir()


def test_a_run_that_is_there_already_is_never_replaced(tmp_path: Path) -> None:
    folder = aged(unfinished(tmp_path))
    write_run(tmp_path / "elsewhere", replace(passing(), run=RUN), []).rename(tmp_path / RUN)
    assert "is there already" in settle(examine(folder))
    assert folder.is_dir()
    assert read_run(tmp_path / RUN).notes == passing().notes


def test_a_record_of_another_run_is_not_given_that_name(tmp_path: Path) -> None:
    folder = unfinished(tmp_path).rename(tmp_path / f".partial-{RUN}x")
    assert examine(aged(folder)).state == "unclear"
    assert list_runs(tmp_path) == []


def test_a_file_where_a_run_should_be_is_kept(tmp_path: Path) -> None:
    file = tmp_path / ".partial-notes"
    file.write_text("mine")
    assert settle(examine(aged(file))).startswith("kept")
    assert file.read_text() == "mine"


def test_a_rename_that_fails_says_why_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    partial = examine(aged(unfinished(tmp_path)))

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", refuse)
        assert settle(partial) == f"kept {partial.folder}: Permission denied"
    assert read_run(partial.folder).run == RUN
    settle(partial)
    assert len(read_run(tmp_path / RUN).notes) == len(passing().notes) + 1


def test_a_record_nested_too_deep_to_read_stays(tmp_path: Path) -> None:
    partial = examine(aged(bare(tmp_path, run_json="[" * 100_000)))
    assert partial.state == "unclear"
    assert settle(partial).startswith("kept")
