"""When packets are due."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchkit.campaign.question import Changes, narrowed
from benchkit.model.schedule import Schedule, read_schedule
from benchkit.probes.schedule import due_times
from benchkit.targets import load_target

MS = 1_000_000
KINDS = [Schedule(), Schedule("poisson"), Schedule("bursts", 7)]


@pytest.mark.parametrize("text", ["periodic", "poisson", "bursts of 8"])
def test_words_read_back(text: str) -> None:
    assert read_schedule(text).words() == text


@pytest.mark.parametrize("text", ["", "random", "bursts", "bursts of", "bursts of 0", "poisson 3"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="burst"):
        read_schedule(text)


@given(st.sampled_from(KINDS), st.integers(1, 500), st.integers(1, 10 * MS), st.integers(0, 2**62))
def test_every_schedule_lasts_as_long_and_never_goes_back(
    schedule: Schedule, count: int, interval: int, start: int
) -> None:
    due = due_times(start, interval, count, schedule)
    assert due.shape == (count,)
    assert (np.diff(due) >= 0).all()
    assert start <= due[0]
    assert due[-1] < start + interval * count


def test_poisson_gaps_are_exponential_and_their_seed_repeats_them() -> None:
    once, again, other = (
        due_times(0, MS, 20_000, Schedule("poisson", seed=seed)) for seed in (1, 1, 2)
    )
    assert (once == again).all()
    assert (once != other).any()
    gaps = np.diff(once)
    assert stats.kstest(gaps, "expon", args=(0, MS)).pvalue > 0.01


def test_a_burst_is_due_together_and_the_rate_stays() -> None:
    due = due_times(0, MS, 8, Schedule("bursts", 3))
    assert (due // MS).tolist() == [0, 0, 0, 3, 3, 3, 6, 6]


def test_a_plan_and_the_command_line_say_how(tmp_path: Path) -> None:
    shipped = Path("targets/guizhou-direct.toml").resolve()
    text = shipped.read_text(encoding="utf-8")
    assert "[plan]" in text
    file = tmp_path / "own.toml"
    more = '[plan]\nschedule = "bursts of 4"\npacing = "precise"'
    file.write_text(text.replace("[plan]", more, 1), encoding="utf-8")
    target = load_target(str(file))
    planned = Schedule("bursts", 4, pacing="precise")
    assert target.plan.schedule == planned
    asked = narrowed(target, Changes(schedule=Schedule("poisson")))
    assert asked.plan.schedule == replace(planned, kind="poisson", burst=1)
    assert narrowed(target, Changes(pacing="timer")).plan.schedule.pacing == "timer"
