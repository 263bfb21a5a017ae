"""Where sites are drawn: by the coordinates that their run keeps, else so that no path runs through another's site."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from sample_records import passing

from benchkit.campaign.publishing import sites_of
from benchkit.reports.html.site_map import site_map
from benchkit.reports.html.site_places import places_of
from benchkit.store import read_run, write_run
from benchkit.targets import load_target

OWN = """
schema = 1
title = "Own"

[[site]]
name = "a"
latitude = 45.46
longitude = 9.19

[[site]]
name = "b"

[[site]]
name = "far"
latitude = 1
longitude = 2

[[path]]
from = "a"
to = "b"

[path.model]
delay = "3 ms"
"""


def star(*ways: str) -> dict[str, tuple[float, float]]:
    """Where the sites of these paths are drawn; a path is named by its two sites."""
    (one, *_) = passing().paths
    km = {way: 200.0 + 300.0 * place for place, way in enumerate(ways)}
    paths = [
        replace(one, path=way, near=way[0], far=way[1], great_circle_km=km[way]) for way in ways
    ]
    return dict(places_of(replace(passing(), paths=tuple(paths)), ())[0])


@pytest.mark.parametrize(
    "ways",
    [
        ("ac", "bc"),
        ("ab", "ac"),
        ("ad", "bd", "cd"),
        ("ab", "ac", "ad", "ae"),
        ("ab", "cb", "ad", "cd", "be"),
        ("ab", "cd"),
    ],
)
def test_no_path_of_a_picture_without_coordinates_runs_through_a_third_site(
    ways: tuple[str, ...],
) -> None:
    at = star(*ways)
    for way in ways:
        (x, y), (x2, y2) = at[way[0]], at[way[1]]
        length = math.dist(at[way[0]], at[way[1]])
        for name in set(at) - set(way):
            along = ((at[name][0] - x) * (x2 - x) + (at[name][1] - y) * (y2 - y)) / length**2
            share = min(max(along, 0.0), 1.0)
            near = math.dist(at[name], (x + share * (x2 - x), y + share * (y2 - y)))
            assert near > 0.1 * length, (way, name)


def test_of_two_paths_to_one_site_it_is_the_middle_and_each_has_its_length() -> None:
    at = star("ac", "bc")
    assert at["c"] == (0.0, 0.0)
    assert [math.hypot(*at[name]) for name in "ab"] == pytest.approx([200.0, 500.0])


def test_a_run_keeps_where_its_sites_are(tmp_path: Path) -> None:
    where = {"a": (45.46, 9.19), "b": (48.2, 16.37)}
    path = replace(passing().paths[0], near="a", far="b")
    record = replace(passing(), target="mine", paths=(path,), coordinates=where)
    kept = read_run(write_run(tmp_path, record, []))
    assert kept.coordinates == where
    assert {site.name: (site.latitude, site.longitude) for site in sites_of(kept)} == where


def test_a_map_calls_a_site_as_the_target_of_its_run_did(tmp_path: Path) -> None:
    path = replace(passing().paths[0], near="a", far="b")
    labels = {"a": "Head Office", "b": "Depot <3>"}
    record = replace(passing(), target="mine", paths=(path,), labels=labels)
    kept = read_run(write_run(tmp_path, record, []))
    assert kept.labels == labels
    chart = site_map(kept, sites_of(kept))
    assert chart is not None
    said = json.dumps(chart.spec)
    assert all(label in said for label in labels.values())


def test_a_run_from_before_labels_has_those_of_its_target_while_that_is_unchanged() -> None:
    target = load_target("guizhou")
    old = replace(passing(), target="guizhou", target_digest=target.digest)
    assert {site.label for site in sites_of(old)} >= {"Guiyang", "Hangzhou"}
    assert sites_of(replace(old, target_digest="another")) == ()


def test_every_site_that_ends_a_path_has_a_label(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(OWN.replace('name = "b"', 'name = "b"\nlabel = "Depot"'))
    assert load_target(str(file)).labels == {"a": "A", "b": "Depot"}


def test_what_is_kept_is_of_the_sites_that_end_a_path_and_have_coordinates(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(OWN)
    assert load_target(str(file)).coordinates == {"a": (45.46, 9.19)}
