"""How long a campaign waits for far ends that serve somebody else."""

from __future__ import annotations

import pickle

import pytest

from benchkit.campaign import waiting
from benchkit.campaign.waiting import Patience
from benchkit.errors import MeasureError, TakenError

TAKEN = "a-b: the far end is taken by another test, for 3.0 s more: run again after that, or wait"
S = 1_000_000_000


class Rests:
    """Rests that take no time, but that the clock has gone on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ns = 5
        self.rests: list[float] = []
        self.said: list[str] = []
        monkeypatch.setattr(waiting, "monotonic_ns", lambda: self.now_ns)

    def rest(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.now_ns += round(seconds * S)

    def patience(self, wait_s: float) -> Patience:
        return Patience(round(wait_s * S), self.rest, self.said.append)


def test_it_waits_as_long_as_the_far_end_said_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rests = Rests(monkeypatch)
    patience = rests.patience(7)
    assert patience.waited([MeasureError("something else"), TakenError(TAKEN, 3.0)])
    assert patience.waited([TakenError(TAKEN, 3.0)])
    assert not patience.waited([TakenError(TAKEN, 3.0)])
    assert rests.rests == [3.0 + waiting.MARGIN_S] * 2
    assert rests.said == ["a-b: the far end is taken by another test, for 3.0 s more: waiting"]


def test_who_does_not_say_how_long_is_asked_again_until_time_is_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rests = Rests(monkeypatch)
    patience = rests.patience(3.5)
    tries = 0
    while patience.waited([TakenError("busy: try again")]):
        tries += 1
    assert tries == 3
    assert rests.said == ["busy: waiting"]


@pytest.mark.parametrize(
    "troubles", [[], [MeasureError("nobody there")], [TakenError("for long", 100.0)]]
)
def test_nothing_is_waited_for_in_vain(
    troubles: list[MeasureError], monkeypatch: pytest.MonkeyPatch
) -> None:
    rests = Rests(monkeypatch)
    assert not rests.patience(10).waited(troubles)
    assert not rests.rests


def test_without_time_to_wait_nothing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    rests = Rests(monkeypatch)
    assert not rests.patience(0).waited([TakenError(TAKEN, 0.1)])


def test_a_taken_far_end_survives_a_process_border() -> None:
    found = pickle.loads(pickle.dumps(TakenError(TAKEN, 3.0)))  # noqa: S301  our own
    assert (str(found), found.left_s, found.exit_code) == (TAKEN, 3.0, 4)
