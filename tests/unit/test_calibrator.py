"""A calibration that missed at first is noted as what it came to in the end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from benchkit.campaign import calibration_words, wire
from benchkit.campaign.calibrator import Calibrator
from benchkit.campaign.log import Log
from benchkit.model.record import TRIED_AGAIN, Calibration

MISSED = Calibration("a-b", "backward", "jitter", "ms", 0.1, 0.4, 0.05, 100, within=False)


class Scripted(Calibrator):
    """What each attempt finds is told beforehand."""

    def __init__(self, *found: list[Calibration]) -> None:
        self._log, self.said = Log(), list[str]()
        self._found = iter(found)
        self._models, self._wires = (), ()
        self._remarks: tuple[str, ...] = ()
        self._floor: Any = None
        self._got: Any = None
        self._emulation: Any = SimpleNamespace(apply=lambda _: None)
        self._performance: Any = SimpleNamespace(
            run=lambda _: None, forget=lambda _: None, say=self._say
        )

    def _say(self, text: str) -> None:
        self.said.append(text)
        self._log.notes.append(text)

    def _asked_against_got(self, *_: Any) -> list[Calibration]:
        return next(self._found)


@pytest.mark.parametrize(("tries", "word"), [(0, ""), (1, "second"), (2, "third")])
def test_what_was_held_at_a_later_try_is_one_note_that_says_so(tries: int, word: str) -> None:
    trial = Scripted(*[[MISSED]] * tries, [])
    trial._log.notes.append("another")
    held = Calibration("a-b", "backward", "jitter", "ms", 0.1, 0.1, 0.05, 100, within=True)
    trial._found = iter([*[[MISSED]] * tries, [held]])
    assert trial.calibrate("userspace", 1)
    note = f"calibration held at the {word} try; before that, {MISSED.miss}"
    assert trial._log.notes == ["another", *([note] if tries else [])]
    again = f"{MISSED.miss}: userspace does not hold this path here{TRIED_AGAIN}"
    assert trial.said == [again] * tries
    assert trial._log.unfit == []


def test_what_was_never_held_is_unfit() -> None:
    trial = Scripted(*[[MISSED]] * 3)
    assert not trial.calibrate("userspace", 1)
    assert trial._log.unfit == calibration_words.out_of_tolerance([MISSED], "userspace")
    assert [each.endswith(TRIED_AGAIN) for each in trial._log.notes] == [True, True]


def test_buffers_that_were_not_filled_are_noted_once_as_the_last_try_found_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trial = Scripted()
    trial._emulated = ()
    trial._got = SimpleNamespace(packets_per_s=500.0)
    trial._log.notes.append("another")
    for found in (["0.6 Gbit/s"], ["0.5 Gbit/s"]):
        monkeypatch.setattr(wire, "unmeasured", lambda *_, found=found: found)
        trial._note([])
    assert trial._log.notes == ["another", "0.5 Gbit/s"]
    monkeypatch.setattr(wire, "unmeasured", lambda *_: [])
    trial._note([])
    assert trial._log.notes == ["another"]
