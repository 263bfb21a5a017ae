"""Colours of the HTML report: readable, told apart, and roles where a page gives them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sample_records import passing

from benchkit.reports.html import render_html
from benchkit.reports.html.chart import DASHES
from benchkit.reports.html.curves import (
    LOADED,
    SINGLE,
)
from benchkit.reports.html.latency_charts import latency_charts
from benchkit.reports.html.palette import DARK, LIGHT


def _luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_colours_reach_the_contrast_of_wcag_aa(palette: dict[str, str]) -> None:
    texts = ("ink", "muted", "pass", "fail", "inconclusive", "unfit", "idle", "budget")
    for name in (*texts, *SINGLE, *LOADED, *(f"http-{each}" for each in LOADED)):
        for ground in ("card", "ground"):
            low, high = sorted((_luminance(palette[name]), _luminance(palette[ground])))
            assert (high + 0.05) / (low + 0.05) >= (4.5 if name in texts else 3.0), (name, ground)


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_what_is_written_on_the_floor_bar_can_be_read(palette: dict[str, str]) -> None:
    low, high = sorted((_luminance(palette["onfloor"]), _luminance(palette["floor"])))
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_no_two_series_of_a_chart_look_alike() -> None:
    (path, *_) = passing().paths
    metric = next(each for each in path.metrics if each.percentiles)
    metrics = tuple(
        replace(metric, metric=name, phase=phase)
        for name in ("rtt", "http-fresh")
        for phase in LOADED
    )
    (chart,) = latency_charts(replace(path, metrics=metrics, verdicts=()), [], "a")
    roles = [role for name, role in chart.series if "loaded" in name]
    assert len(roles) == len(set(roles)) == len({LIGHT[role] for role in roles}) == 6
    assert len({DASHES[role] and tuple(DASHES[role]) for role in roles}) == 6
    shapes = {point["s"]: point["shape"] for point in chart.spec["datasets"]["known"]}
    assert shapes == {
        name: "circle" if name.startswith("RTT") else "square"
        for name, _ in chart.series
        if "loaded" in name
    }


def test_a_legend_shows_every_series_in_its_colour_and_dash() -> None:
    for role in SINGLE:
        assert role in LIGHT
        assert role in DASHES
    shown = render_html(passing(), [])
    assert '<line x2="26" y1="2" y2="2" stroke="var(--idle)" stroke-width="3"' in shown
    assert 'stroke="var(--budget)" stroke-width="3" stroke-dasharray="6 3"' in shown
