"""Results that cannot be kept are refused before anything is measured, and nothing is left of the trial."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from benchkit.cli.measuring import see_runs_can_be_kept
from benchkit.errors import AskedWronglyError, UnfitError
from benchkit.store.trial import try_writing


def test_a_folder_that_takes_runs_is_left_as_it_was_or_not_there(tmp_path: Path) -> None:
    try_writing(tmp_path)
    try_writing(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_asked_wrongly(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for results, said in (
        (Path("/proc/x"), "No such file"),
        (tmp_path / "file", "File exists"),
        (tmp_path / "file" / "below", "Not a directory"),
        (tmp_path / "a" / ("x" * 300), "File name too long"),
    ):
        with pytest.raises(
            AskedWronglyError, match=f"cannot keep runs in {results}: {said}.*--results"
        ):
            see_runs_can_be_kept(results)
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.EROFS, AskedWronglyError),
        (errno.EACCES, AskedWronglyError),
        (errno.ENOSPC, UnfitError),
    ],
)
def test_a_disk_that_refuses_is_told_by_who_must_act(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type[Exception]
) -> None:
    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(error, match=os.strerror(number)):
        try_writing(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []
