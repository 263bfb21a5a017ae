"""The map of sites in the HTML report: to scale where lengths are known, and no claim where they are not."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from sample_records import passing

from benchkit.model.meter import EQUIPMENT, FACILITY
from benchkit.model.record import RunRecord
from benchkit.reports.html import render_html
from benchkit.reports.html.site_map import site_map


def test_a_picture_of_sites_without_positions_claims_no_lengths() -> None:
    record = passing()
    assert "lengths are to scale" in render_html(record, ())
    without = tuple(replace(each, great_circle_km=None) for each in record.paths)
    page = render_html(replace(record, paths=without), ())
    assert "lengths are to scale" not in page
    assert "directions and lengths say nothing" in page


def test_a_page_of_energy_counters_has_no_map_and_no_sites() -> None:
    whole_run = passing()
    counted = replace(whole_run.paths[0], near=FACILITY, far=EQUIPMENT)
    record = replace(whole_run, emulator="none", paths=(counted,))
    page = render_html(record, ())
    assert ">counters</span>" in page
    assert "Where the sites are" not in page
    assert "not at hand" not in page


def triangle(**km: float) -> tuple[RunRecord, dict[str, tuple[float, float]]]:
    """A record of the mesh of a, b and c with those distances, named by their ends, and where they are drawn."""
    (one, *_) = passing().paths
    ways = [way for pair in km for way in (pair, pair[::-1])]
    paths = tuple(
        replace(one, path="-".join(way), near=way[0], far=way[1], great_circle_km=length)
        for way in ways
        for pair, length in km.items()
        if way in (pair, pair[::-1])
    )
    record = replace(passing(), paths=paths)
    chart = site_map(record, ())
    assert chart is not None
    dots = chart.spec["datasets"]["dots"]
    return record, {dot["s"]: (dot["x"], dot["y"]) for dot in dots}


def test_sites_whose_distances_are_all_known_are_drawn_as_far_apart_as_they_are() -> None:
    record, at = triangle(ab=364.0, ac=357.0, bc=637.0)
    for path in record.paths:
        assert math.dist(at[path.near], at[path.far]) == pytest.approx(path.great_circle_km)
    assert "lengths are to scale" in render_html(record, ())


def test_a_picture_whose_lengths_cannot_be_drawn_claims_none() -> None:
    for km in ({"ab": 300.0, "bc": 900.0, "cd": 300.0}, {"ab": 100.0, "ac": 100.0, "bc": 900.0}):
        record, _ = triangle(**km)
        assert "lengths say nothing" in render_html(record, ())


def test_the_graver_of_both_ways_lies_on_top_of_the_map() -> None:
    there = replace(passing().paths[0], verdict="fail")
    back = replace(there, path="back", near=there.far, far=there.near, verdict="pass")
    chart = site_map(replace(passing(), paths=(there, back)), ())
    assert chart is not None
    assert [line["verdict"] for line in chart.spec["datasets"]["lines"]] == ["pass", "fail"]
