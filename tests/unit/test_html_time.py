"""Phases, loads and losses on one axis of time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from drawn_samples import PATH, goodput_samples, rtt_samples
from sample_records import passing

from benchkit.model.samples import Samples
from benchkit.reports.html import charts_of
from benchkit.reports.html.curves import FROM_DUE, SINGLE
from benchkit.reports.html.timeline import timeline_of
from benchkit.reports.sentences import METRIC_NAMES
from benchkit.stats.round_trip import network_ns


def later(rows: Samples, seconds: float) -> Samples:
    """The same samples, that much later."""
    moved = {
        name: values + round(seconds * 1e9) if name.endswith("_ns") else values
        for name, values in rows.columns.items()
    }
    return replace(rows, columns=moved)


PHASES = ("idle", "http", "up", "down", "both")


@pytest.mark.parametrize("name", SINGLE)
def test_every_probe_of_latency_is_drawn_as_its_metric_counts(name: str) -> None:
    kind = "http" if name.startswith("http") else "rtt"
    rows = replace(rtt_samples([8.5, None, 12.5]), kind=kind, phase=name)
    charts = {chart.key.removeprefix(f"{PATH}-"): chart for chart in charts_of(passing(), [rows])}
    (series, *_) = charts["time"].series
    assert series == (f"{METRIC_NAMES[name]}, idle", name)
    points = charts["time"].spec["datasets"]["curves"]
    assert [(point["n"], point["lost"]) for point in points] == [(1, 0), (1, 1), (1, 0)]
    columns = rows.columns
    took = columns["received_ns"] - columns["due_ns"] if name in FROM_DUE else network_ns(rows)
    assert [point["y"] for point in points] == [
        None if value is None else pytest.approx(value / 1e6, abs=1e-4) for value in took.tolist()
    ]


def test_all_phases_lie_on_one_axis_of_time_with_their_loads_shaded_and_losses_marked() -> None:
    idle = rtt_samples([8.5, None, 8.5, 8.5])
    samples = [
        idle,
        later(rtt_samples([20.0] * 500, "up"), 1.0),
        *(later(rows, 1.0) for rows in goodput_samples()),
        later(rtt_samples([30.0] * 500, "both"), 3.5),
        *(later(replace(rows, phase="both up"), 3.5) for rows in goodput_samples()),
    ]
    charts = {chart.key.removeprefix(f"{PATH}-"): chart for chart in charts_of(passing(), samples)}
    along = [
        charts[name] for name in ("time", "goodput", "tcp-window", "tcp-retransmits", "tcp-rtt")
    ]
    assert len({chart.axis for chart in along}) == 1
    starts = [[each["value"] for each in chart.spec["params"][1:3]] for chart in along]
    assert starts == [starts[0]] * 5
    shaded = [
        (each["phase"], each["from"], each["color"])
        for each in charts["time"].spec["datasets"]["phases"]
    ]
    assert shaded == [
        ("idle", 0.0, "transparent"),
        ("loaded up", 1.0, "var(--up)"),
        ("loaded both ways", 3.5, "var(--both)"),
    ]
    points = charts["time"].spec["datasets"]["curves"]
    assert next(each["x"] for each in points if each["s"] == "RTT, loaded up") == pytest.approx(
        1.0, abs=0.01
    )
    assert [each["x"] for each in charts["time"].spec["datasets"]["losses"]] == [0.002]
    rates = charts["goodput"].spec["datasets"]["curves"]
    assert [each["x"] for each in rates if each["s"] == "goodput, both up"][:2] == [3.5, 3.6]
    assert "1 lost, each marked" in charts["time"].words


def test_a_stream_told_by_another_hosts_clock_begins_with_its_phase() -> None:
    samples = [rtt_samples([8.5] * 10), later(rtt_samples([9.0] * 500, "up"), 1.0)]
    timeline = timeline_of(samples, PATH, PHASES, "path")
    assert timeline.origin("up", 1.003) == 0.0
    assert 7e5 - timeline.origin("up", 7e5) == pytest.approx(1.0)


def test_long_turns_of_other_paths_are_cut_out_and_the_axis_says_so() -> None:
    samples = [rtt_samples([8.5] * 500), later(rtt_samples([9.0] * 500, "up"), 3600.0)]
    timeline = timeline_of(samples, PATH, PHASES, "path")
    (_, idle_end), (up, up_end) = ((each.begin, each.end) for each in timeline.stretches)
    assert (idle_end, up - idle_end, up_end) == pytest.approx((0.998, 1.0, 2.996))
    assert 3600.0 - timeline.origin("up", 3600.0) == pytest.approx(up)
    assert "cut out" in timeline.title
