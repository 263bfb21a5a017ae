"""Where names and lengths stand on a map: away from lines, and from other sites."""

from __future__ import annotations

import pytest

from benchkit.reports.html.map_labels import Line, Point, beside, side_of

HERE: Point = (0.0, 0.0)


@pytest.mark.parametrize(
    ("ends", "side"),
    [
        ([], "below"),
        ([(10.0, -90.0)], "above"),
        ([(10.0, 90.0)], "below"),
        ([(0.0, 90.0), (0.0, -90.0)], "right"),
        ([(0.0, 90.0), (0.0, -90.0), (90.0, 0.0)], "left"),
    ],
)
def test_a_name_stands_where_no_line_of_its_site_goes(ends: list[Point], side: str) -> None:
    assert side_of(HERE, [Line(HERE, end) for end in ends], [HERE]) == side


def test_a_name_does_not_cover_a_site_nearby() -> None:
    lines = [Line((-200.0, 110.0), HERE), Line((-200.0, 110.0), (16.0, -13.0))]
    sites = [HERE, (16.0, -13.0), (-200.0, 110.0)]
    assert side_of(HERE, lines, sites) == "above"
    assert side_of((16.0, -13.0), lines, sites) == "right"


def test_a_length_stands_beside_its_line() -> None:
    falling, level = Line(HERE, (80.0, -80.0)), Line(HERE, (100.0, 0.0))
    assert beside(level, [level]) == {
        "align": "center",
        "baseline": "bottom",
        "dx": 0.0,
        "dy": -6.0,
    }
    alone = beside(falling, [falling])
    assert (alone["align"], alone["baseline"]) == ("left", "bottom")


def test_of_two_lines_that_run_together_each_has_its_length_on_its_own_side() -> None:
    upper, lower = Line(HERE, (200.0, -95.0)), Line(HERE, (200.0, -110.0))
    assert beside(upper, [upper, lower])["baseline"] == "bottom"
    assert beside(lower, [upper, lower])["baseline"] == "top"
