"""What runs can show: parted into what longer runs mend and what only more runs do."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from benchkit.campaign import self_comparison
from benchkit.campaign.question import Question
from benchkit.campaign.self_comparison import SelfComparison, Visible
from benchkit.cli.doctor_aa import findings
from benchkit.errors import UnfitError
from benchkit.stats.difference import difference
from benchkit.stats.replicates import Replicate
from benchkit.stats.visibility import (
    Design,
    Variances,
    runs_to_see,
    seconds_to_see,
    smallest_visible,
    spread_of,
)
from benchkit.targets import load_target

DESIGN = Design(base=5, candidate=1, level=0.001)
STEADY = Variances(within=0.01, between=0.0, seconds=2.0)
RESTLESS = Variances(within=0.01, between=0.04, seconds=2.0)


def test_the_variance_over_runs_is_parted_by_the_errors_of_the_runs() -> None:
    rng = np.random.default_rng(1)
    runs = [Replicate(8 + math.sqrt(0.05) * rng.standard_normal(), 0.1, 0.1) for _ in range(2000)]
    found = spread_of(runs, 2.0)
    assert found.within == pytest.approx(0.01)
    assert found.between == pytest.approx(0.04, rel=0.15)


@pytest.mark.parametrize(
    "runs",
    [
        [Replicate(8, 0.1, 0.1)],
        [Replicate(8, 0.1, math.inf)] * 3,
        [Replicate(math.inf, math.inf, math.inf)] * 3,
    ],
)
def test_what_cannot_be_known_shows_nothing(runs: list[Replicate]) -> None:
    found = spread_of(runs, 2.0)
    assert math.isinf(smallest_visible(found, DESIGN, 2.0, 0.1))
    assert seconds_to_see(found, DESIGN, 1.0, 0.1) is None
    assert runs_to_see(found, 0.001, 1.0, 0.1) is None


def test_runs_of_the_length_that_is_needed_show_the_change() -> None:
    needed = seconds_to_see(STEADY, DESIGN, 0.5, 0.1)
    assert needed is not None
    assert smallest_visible(STEADY, DESIGN, needed, 0.1) == pytest.approx(0.5)
    assert smallest_visible(STEADY, DESIGN, 2 * needed, 0.1) < 0.5


def test_where_runs_differ_among_themselves_only_more_of_them_help() -> None:
    assert seconds_to_see(RESTLESS, DESIGN, 0.5, 0.1) is None
    needed = runs_to_see(RESTLESS, 0.001, 0.5, 0.1)
    assert needed is not None
    assert smallest_visible(RESTLESS, Design(needed, needed, 0.001), 2.0, 0.1) <= 0.5
    assert smallest_visible(RESTLESS, Design(needed - 1, needed - 1, 0.001), 2.0, 0.1) > 0.5


def test_a_change_below_the_floor_is_never_shown() -> None:
    assert seconds_to_see(STEADY, DESIGN, 0.1, 0.1) is None
    assert runs_to_see(STEADY, 0.001, 0.1, 0.1) is None


def test_it_is_what_a_comparison_says_of_itself() -> None:
    rng = np.random.default_rng(2)
    runs = [Replicate(8 + 0.1 * rng.standard_normal(), 0.0, 0.0) for _ in range(6)]
    said = difference(runs[:5], runs[5:]).smallest_visible(0.1, 0.001, upwards=True)
    spread = spread_of(runs[:5], 2.0)
    assert said == pytest.approx(smallest_visible(spread, DESIGN, 2.0, 0.1), rel=1e-6)


def test_what_was_found_is_said_with_its_figures() -> None:
    shown = (
        Visible("p50", "a-b", 0.2, 0.5, 0.4, None),
        Visible("p95", "a-b", 0.7, 0.5, None, 7),
        Visible("p99", "a-b", 9.0, 0.5, None, None),
        Visible("p99.9", "a-b", math.inf, 0.5, None, None),
    )
    alarms = ("a-b p99: regression: 3 ms more",)
    aa, p50, p95, p99, unknown = findings(SelfComparison(8, 2.0, 12, 1, alarms, shown))
    assert (aa.state, aa.figures) == ("warning", {"comparisons": 12, "false_alarms": 1})
    assert "1 of 12 comparisons saw a change" in aa.said
    assert "a-b p99: regression" in aa.remedy
    assert p50.said.endswith("one of 0.5 ms takes runs of 0.4 s")
    assert "compare 7 with 7" in p95.remedy
    assert p99.state == "warning"
    assert (unknown.figures, unknown.remedy) == ({}, "give --aa a longer --duration")
    clean, *_ = findings(SelfComparison(8, 2.0, 12, 0, (), ()))
    assert clean.state == "ok"


def test_how_long_it_takes_is_said_before_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    def unfit(*_: object) -> None:
        raise UnfitError("no more is wanted")

    monkeypatch.setattr(self_comparison, "_measured", unfit)
    said: list[str] = []
    with pytest.raises(UnfitError):
        self_comparison.compare_with_itself(
            Question(load_target("guizhou")), 60, 0.5, said.append, lambda _: None
        )
    assert re.match(r"plan: 60 runs, about \d+ min \d+ s in all", said[0])
