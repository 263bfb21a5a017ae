"""What a file is written as, by the name that -o gives it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchkit.cli.options import form_of

ALLOWED = ("text", "markdown", "csv")


@pytest.mark.parametrize(
    ("name", "form"),
    [("x.md", "markdown"), ("x.CSV", "csv"), ("x.txt", "text"), ("x", "text")],
)
def test_a_known_ending_chooses_without_a_word(
    name: str, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert form_of(None, Path(name), ALLOWED) == form
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["x.docx", "x.html"])
def test_another_ending_is_told_to_be_text_unless_a_format_is_named(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert form_of("csv", Path(name), ALLOWED) == "csv"
    assert capsys.readouterr().err == ""
    assert form_of(None, Path(name), ALLOWED) == "text"
    assert f"{name}: " in capsys.readouterr().err
