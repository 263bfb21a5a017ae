"""Figures for other tools' eyes: HdrHistogram's files and OpenMetrics."""

from __future__ import annotations

import io
import json
import math
import re
from dataclasses import replace

import pytest
from ci_records import RECORDS, action_rows, detailed, every_record
from prometheus_client.openmetrics.parser import text_fd_to_metric_families
from sample_records import failing, passing

from benchkit.model.record import Estimate, Metric, RunRecord, Verdict
from benchkit.reports import render


def plotted(section: str) -> list[tuple[float, float]]:
    """As HdrHistogram's plotter reads it: rows of four numbers, the first and the last of which it draws."""
    rows = [line.split() for line in section.splitlines() if not line.startswith("#")]
    full = [row for row in rows if len(row) == 4 and row[0] != "Value"]
    return [(float(row[3]), float(row[0])) for row in full]


@every_record
def test_hgrm_sections_rise_and_count_up(name: str) -> None:
    text = render(RECORDS[name](), "hgrm")
    for section in text.split("#[Series = ")[1:]:
        points = plotted(section)
        assert points == sorted(points)
        counts = [
            int(line.split()[2])
            for line in section.splitlines()
            if re.match(r" +[0-9.]+ [01]\.[0-9]{12} ", line)
        ]
        assert counts == sorted(counts)
        assert counts


def test_hgrm_has_the_points_of_the_record() -> None:
    section = render(detailed(), "hgrm").split("#[Series = ")[1]
    assert section.startswith("guiyang-guangzhou rtt idle, Unit = ms]")
    assert plotted(section)[2:] == [(20.0, 8.682), (100.0, 8.772), (1000.0, 8.862)]
    assert "#[Mean    =        8.600, StdDeviation   =        0.050]" in section
    assert "#[Max     =        8.952, Total count    =         5000]" in section


@every_record
def test_openmetrics_is_what_prometheus_parses(name: str) -> None:
    text = render(RECORDS[name](), "openmetrics")
    families = {each.name: each for each in text_fd_to_metric_families(io.StringIO(text))}
    assert families["benchkit_run"].type == "info"
    assert text.endswith("# EOF\n")
    states = families["benchkit_run_verdict"].samples
    assert sum(sample.value for sample in states) == 1


def sample_of(record: RunRecord, family: str, **labels: str) -> float:
    text = render(record, "openmetrics")
    families = {each.name: each for each in text_fd_to_metric_families(io.StringIO(text))}
    (found,) = [
        sample.value
        for sample in families[family].samples
        if labels.items() <= sample.labels.items()
    ]
    return float(found)


def test_openmetrics_is_in_base_units_and_sees_losses() -> None:
    where = {"path": "guiyang-guangzhou", "phase": "idle", "percentile": "p95"}
    assert sample_of(passing(), "benchkit_latency_seconds", **where) == pytest.approx(0.008682)
    assert sample_of(passing(), "benchkit_budget_seconds", path="guiyang-guangzhou") == 0.01
    up = {"path": "guiyang-guangzhou", "phase": "up"}
    assert sample_of(passing(), "benchkit_goodput_bits_per_second", **up) == 941.2e6
    lost = {"path": "guiyang-hangzhou", "percentile": "p99"}
    assert math.isinf(sample_of(failing(), "benchkit_latency_seconds", **lost))
    fail = {"path": "guiyang-shenzhen", "benchkit_verdict": "fail"}
    assert sample_of(failing(), "benchkit_verdict", **fail) == 1


def test_openmetrics_tells_what_a_receiving_host_dropped_from_what_was_lost() -> None:
    details = {"loss_percent": 7.0, "dropped_by_the_receiving_host": 3.0}
    udp = Metric("udp", "up", "Mbit/s", 1003, 70, estimate=Estimate(9.0), details=details)
    record = replace(passing(), paths=(replace(passing().paths[0], metrics=(udp,), verdicts=()),))
    assert sample_of(record, "benchkit_lost", metric="udp") == 70
    assert sample_of(record, "benchkit_dropped_by_the_receiving_host", metric="udp") == 3


def test_a_loss_budget_is_a_share_in_openmetrics_and_bencher() -> None:
    whole = passing()
    loss = Verdict(
        "loss", "loss", 0.1, "%", "pass", "kept", measured=Estimate(0.02, 0.01, 0.05), phase="idle"
    )
    path = replace(whole.paths[0], verdicts=(*whole.paths[0].verdicts, loss))
    record = replace(whole, paths=(path,))
    assert json.loads(render(record, "bencher"))[path.path]["loss-ratio"]["value"] == 0.0002
    assert sample_of(record, "benchkit_budget_ratio") == 0.001
    names = [row["name"] for row in action_rows(record)]
    assert "guiyang-guangzhou/loss" in names


def test_a_metric_that_nobody_knows_is_shown_all_the_same() -> None:
    whole = passing()
    novel = Metric("jitter µs", "idle", "us", n=3, estimate=Estimate(1.5, 1.0, 2.0))
    record = replace(whole, paths=(replace(whole.paths[0], metrics=(novel,), verdicts=()),))
    assert sample_of(record, "benchkit_jitter__s") == 1.5
    assert json.loads(render(record, "bencher"))["guiyang-guangzhou"]["jitter-s"]["value"] == 1.5
