"""Numbers in words: as many digits as they need, and pictures made of signs."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from sample_records import passing

from benchkit.model.record import Estimate
from benchkit.reports import render
from benchkit.reports.chart import bar, lane, legend, scale_for
from benchkit.reports.figures import ABSENT, decimals_for, interval, short


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (10.0, "10"),
        (8.4912, "8.491"),
        (941.2, "941.2"),
        (123456.0, "123456"),
        (0.0, "0"),
        (None, ABSENT),
    ],
)
def test_a_short_number_has_the_digits_it_needs(value: float | None, shown: str) -> None:
    assert short(value) == shown


@pytest.mark.parametrize(
    ("values", "decimals"),
    [
        ((0.041,), 3),
        ((8.5, 9.1), 2),
        ((120.0,), 1),
        ((1e4,), 0),
        ((None,), 3),
        ((0.0,), 3),
        ((0.0023,), 4),
        ((0.00004,), 5),
    ],
)
def test_decimals_follow_the_smallest_figure(
    values: tuple[float | None, ...], decimals: int
) -> None:
    assert decimals_for(values) == decimals


def test_an_interval_has_a_dash_where_an_end_is_missing() -> None:
    assert interval(Estimate(1, 0.5, 2), 1) == "0.5..2.0"
    assert interval(Estimate(1, 0.5), 1) == f"0.5..{ABSENT}"
    assert interval(Estimate(1), 1) == ABSENT


def test_marks_that_stand_close_are_named_on_lines_of_their_own() -> None:
    marks = {"floor": 8.6, "model": 8.61, "budget": 10.0}
    scale = scale_for(marks, [Estimate(9.0)], 40)
    assert scale is not None
    lines = legend(scale, marks)
    assert len(lines) == 2
    assert max(map(len, lines)) <= 40


def test_a_spike_beyond_the_scale_is_an_arrow_at_its_end() -> None:
    marks = {"floor": 8.0, "budget": 10.0}
    scale = scale_for(marks, [Estimate(500.0, 400.0, 600.0)], 40)
    assert scale is not None
    assert lane(scale, marks, Estimate(500.0, 400.0, 600.0)).endswith("▶")
    assert "●" not in lane(scale, marks, Estimate(500.0, 400.0, 600.0))
    assert lane(scale, marks, Estimate()).endswith("▶")
    shown_alone = {"floor": 8.0, "model": 10.0}
    scale = scale_for(shown_alone, [Estimate(500.0, 400.0, 600.0), Estimate(9000.0)], 40)
    assert scale is not None
    assert "●" in lane(scale, shown_alone, Estimate(500.0, 400.0, 600.0))
    assert lane(scale, shown_alone, Estimate(9000.0)).endswith("▶")


def test_a_bar_shows_floor_model_measured_and_budget_in_their_order() -> None:
    drawn = bar({"floor": 7.6, "model": 8.5, "budget": 10.0}, Estimate(9.2, 9.1, 9.3), 60)
    assert re.sub(r"[·├┤─]", "", drawn) == "FM●B"
    assert len(drawn) == 60
    assert bar({}, Estimate(9.2), 60) == ""


@pytest.mark.parametrize(("less_by", "shown"), [(0.32, True), (0.02, False)])
def test_the_emulators_own_error_stands_beside_the_headroom_that_it_could_eat(
    less_by: float, shown: bool
) -> None:
    whole = passing()
    path = whole.paths[0]
    late = replace(path.verdicts[0], less_by=less_by)
    text = render(replace(whole, paths=(replace(path, verdicts=(late,)),)), "text", width=120)
    assert ("headroom 1.32 · emulator +0.32" in text) == shown
