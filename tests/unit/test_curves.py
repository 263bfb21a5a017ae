"""Curves of few points: no spike, no loss and no percentile is beside them."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_samples import rtt_samples
from sample_records import passing

from benchkit.reports.html import render_html
from benchkit.reports.html.curves import (
    TAILS,
    curve_of,
    ecdf_points,
    tail_points,
    time_points,
)
from benchkit.stats.percentiles import percentile_intervals


def test_fewer_points_keep_every_spike_and_every_loss() -> None:
    values: list[float | None] = [8.5] * 20_000
    values[7_777], values[12_345], values[12_346] = 99.0, None, None
    curve = curve_of(rtt_samples(values))
    assert curve is not None
    points = time_points(curve, 0.0)
    assert len(points) <= 300
    assert max(point["high"] for point in points) == 99.0
    assert sum(point["lost"] for point in points) == 2
    assert sum(point["n"] for point in points) == 20_000


@pytest.mark.parametrize("n", [90, 1000, 2000, 2017])
def test_a_curve_passes_through_the_percentiles_of_the_record(n: int) -> None:
    values = np.exp(np.arange(n) / n * 8)  # steep: a neighbour in rank is another figure
    curve = curve_of(rtt_samples([float(value) for value in values]))
    assert curve is not None
    drawn = {point["t"]: point["y"] for point in tail_points(curve)}
    found = percentile_intervals(curve.latency_ms, tuple(TAILS))
    at = {name: drawn.get(round(tail, 4)) for name, tail in TAILS.items()}
    assert {name: at[name] for name in TAILS if 10 ** TAILS[name] < 2 * n} == {
        name: round(each.value, 5) for name, each in found.items() if 10 ** TAILS[name] < 2 * n
    }


def test_a_curve_ends_where_the_lost_begin() -> None:
    curve = curve_of(rtt_samples([1.0] * 90 + [None] * 10))
    assert curve is not None
    assert max(point["y"] for point in ecdf_points(curve)) == 0.9
    assert max(point["t"] for point in tail_points(curve)) <= 1.0
    everything_lost = curve_of(rtt_samples([None] * 5))
    assert everything_lost is not None
    assert tail_points(everything_lost) == ecdf_points(everything_lost) == []
    assert render_html(passing(), [rtt_samples([None] * 5)])
