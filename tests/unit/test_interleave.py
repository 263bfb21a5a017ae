"""What two targets measured in turns end with."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchkit.cli import interleave
from benchkit.model.comparison import NO_DIFFERENCE, REGRESSION, Cell, Comparison


def cell(word: str, visible: float | None) -> Cell:
    where = ("a-b", "rtt", "idle", "p95", "ms")
    return Cell(*where, word, "because", True, True, smallest_visible=visible)


@pytest.mark.parametrize(
    ("word", "visible", "gate", "status"),
    [
        (REGRESSION, 0.1, True, 1),
        (REGRESSION, 0.1, False, 0),
        (NO_DIFFERENCE, 0.1, True, 0),
        (NO_DIFFERENCE, None, True, 3),
        (NO_DIFFERENCE, None, False, 0),
    ],
)
def test_a_figure_without_an_interval_passes_no_gate(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    word: str,
    visible: float | None,
    gate: bool,
    status: int,
) -> None:
    found = Comparison(("1",), ("2",), word, (cell(word, visible),))
    kept = SimpleNamespace(status=0, record=None, folder=None)
    monkeypatch.setattr(interleave, "measure", lambda *_, **__: kept)
    monkeypatch.setattr(interleave, "replace", lambda question, **_: question)
    monkeypatch.setattr(interleave, "compare_runs", lambda *_, **__: found)
    monkeypatch.setattr(interleave, "render_comparison", lambda *_, **__: "")
    side: Any = SimpleNamespace(target=SimpleNamespace(name="x"), name="y")
    assert interleave.interleaved(side, side, 1, Path(), "text", gate=gate) == status
    assert ("left open: a-b" in capsys.readouterr().err) == (status == 3)
