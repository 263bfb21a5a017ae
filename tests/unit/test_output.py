"""A file that an answer goes to: refused before the work, and nothing lost after it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchkit.campaign import recording
from benchkit.cli import cli, output
from benchkit.cli import record as recorder
from benchkit.errors import AskedWronglyError, UnfitError


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "record_path", lambda *_: pytest.fail("it measured"))
    for place, why in ((tmp_path / "no" / "x.toml", "No such file"), (Path("/proc/x"), "No such")):
        asked = ["record", "127.0.0.1", "--no-check", "-o", str(place)]
        refused = CliRunner().invoke(cli, asked)
        assert isinstance(refused.exception, AskedWronglyError)
        assert f"the model cannot be written to {place}: {why}" in str(refused.exception)
        assert "name another file with -o" in str(refused.exception)


def test_trying_a_file_leaves_it_as_it_was(tmp_path: Path) -> None:
    there, new, pipe = tmp_path / "there", tmp_path / "new", tmp_path / "pipe"
    there.write_text("kept")
    os.mkfifo(pipe)
    link = tmp_path / "link"
    link.symlink_to(new)
    for file in (there, new, pipe, link, None):
        output.see_it_can_be_put(file, "the report")
    assert there.read_text() == "kept"
    assert sorted(tmp_path.iterdir()) == [link, pipe, there]


def test_a_model_that_no_file_takes_any_more_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise UnfitError("no space")

    monkeypatch.setattr(recorder, "put", full)
    with pytest.raises(UnfitError, match="no space"):
        recorder._keep("delay = 1\n", tmp_path / "x.toml")
    assert capsys.readouterr().out == "delay = 1\n"
