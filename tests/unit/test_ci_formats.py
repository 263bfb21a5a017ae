"""The CI formats against their readers' own rules; whole texts are golden files, see test_reports."""

from __future__ import annotations

import io
import json
import math
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from prometheus_client.openmetrics.parser import text_fd_to_metric_families
from sample_records import SAMPLE_RECORDS, failing, interrupted, passing, unfit

from benchkit.model.record import Estimate, Metric, RunRecord, Verdict
from benchkit.reports import render
from benchkit.reports.github import render_summary

DETAILS = {"mean": 8.6, "stddev": 0.05, "min": 8.4, "q1": 8.45, "q3": 8.55}
HOSTILE = 'a|b\nc%`*<script>&\x1b[31m\x00,"d"\u202e::error::\\'


def detailed() -> RunRecord:
    """A passing run whose latencies have what pytest-benchmark's readers want."""
    whole = passing()
    return replace(whole, paths=tuple(_detailed(path) for path in whole.paths))


def _detailed(path: Any) -> Any:
    idle, *rest = path.metrics
    return replace(path, metrics=(replace(idle, details=DETAILS), *rest))


def hostile() -> RunRecord:
    """A failing run in which every name is out to break a format."""
    whole = failing()
    path = whole.paths[1]
    verdict = replace(path.verdicts[0], reason=HOSTILE, fact=HOSTILE)
    metric = replace(path.metrics[0], phase=HOSTILE, details=DETAILS)
    only = replace(path, path=HOSTILE, verdicts=(verdict, verdict), metrics=(metric, metric))
    return replace(whole, paths=(only,), target=HOSTILE, run=HOSTILE, name=HOSTILE)


RECORDS = {**SAMPLE_RECORDS, "detailed": detailed, "hostile": hostile}
every_record = pytest.mark.parametrize("name", RECORDS)


def suites(record: RunRecord) -> list[ET.Element]:
    root = ET.fromstring(render(record, "junit"))  # noqa: S314  our own
    assert root.tag == "testsuites"
    return list(root)


# JUnit


@every_record
def test_junit_counts_what_it_holds_and_names_no_case_twice(name: str) -> None:
    for suite in suites(RECORDS[name]()):
        cases = suite.findall("testcase")
        assert suite.get("tests") == str(len(cases)) != "0"
        for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert suite.get(key) == str(len(suite.findall(f"testcase/{tag}")))
        named = [(case.get("classname"), case.get("name")) for case in cases]
        assert len(set(named)) == len(named)
        for case in cases:
            assert float(case.get("time", "nan")) >= 0
            assert len(case) == 1
            # GitLab shows the text, others the message.
            assert case[0].get("message", case[0].text) == case[0].text


def outcomes(record: RunRecord) -> dict[str, str]:
    return {suite.get("name", ""): suite.findall("testcase")[0][0].tag for suite in suites(record)}


def test_junit_tells_failed_from_open_and_from_unfit() -> None:
    assert outcomes(failing()) == {
        "benchkit.guiyang-guangzhou": "system-out",
        "benchkit.guiyang-shenzhen": "failure",
        "benchkit.guiyang-hangzhou": "skipped",
    }
    assert set(outcomes(unfit()).values()) == {"error"}
    assert list(outcomes(interrupted()).values()) == ["skipped", "error"]
    root = ET.fromstring(render(failing(), "junit"))  # noqa: S314  our own
    skipped = root.find(".//skipped")
    assert skipped is not None
    assert "no upper end" in (skipped.text or "")


def test_junit_takes_a_budget_that_nothing_was_measured_for_as_an_error() -> None:
    whole = passing()
    bare = replace(whole.paths[0].verdicts[0], verdict="inconclusive", measured=None)
    path = replace(whole.paths[0], verdicts=(bare,))
    assert set(outcomes(replace(whole, paths=(path,))).values()) == {"error"}


def test_junit_times_sum_up_to_the_run() -> None:
    record = failing()
    times = [float(suite.get("time", "nan")) for suite in suites(record)]
    assert sum(times) == pytest.approx(record.duration_s, abs=0.01)


# GitHub

COMMAND = re.compile(r"::(error|warning|notice) title=([^:,\r\n]*)::([^\r\n]*)")


def annotations(record: RunRecord) -> list[tuple[str, str, str]]:
    lines = render(record, "github-annotations").splitlines()
    found = [COMMAND.fullmatch(line) for line in lines]
    assert None not in found, lines
    return [(each[1], each[2], each[3]) for each in found if each is not None]


@every_record
def test_annotations_are_commands_that_no_name_can_break(name: str) -> None:
    found = annotations(RECORDS[name]())
    assert found
    for _, title, words in found:
        escapes = re.findall("%(..)", title + words)
        assert set(escapes) <= {"25", "0A", "0D", "3A", "2C"}


def test_one_annotation_for_each_path_that_did_not_pass() -> None:
    kinds = [(kind, title) for kind, title, _ in annotations(failing())]
    assert kinds == [
        ("error", "benchkit%3A guiyang-shenzhen"),
        ("warning", "benchkit%3A guiyang-hangzhou"),
    ]
    assert [kind for kind, *_ in annotations(passing())] == ["notice"]
    assert [kind for kind, *_ in annotations(unfit())] == ["error"]
    assert annotations(interrupted())[0][0] == "warning"


@pytest.mark.parametrize(("paths", "shown"), [(9, 9), (10, 10), (11, 10), (300, 10)])
def test_no_more_than_ten_annotations_of_a_kind(paths: int, shown: int) -> None:
    failed = failing().paths[1]
    many = tuple(replace(failed, path=f"path-{index}") for index in range(paths))
    found = annotations(replace(failing(), paths=many))
    assert Counter(kind for kind, *_ in found) == {"error": shown}
    if paths > shown:
        assert f"path-{paths - 1}" in found[-1][2]


def test_the_summary_begins_with_the_worst_path() -> None:
    text = render(failing(), "github-summary")
    places = [text.index(f"### {name}") for name in (r"guiyang-shenzhen", "guiyang-hangzhou")]
    assert places == sorted(places)
    assert places[1] < text.index("### guiyang-guangzhou")


def test_a_summary_stays_below_what_github_takes() -> None:
    path = passing().paths[0]
    many = tuple(replace(path, path=f"贵阳-{index}") for index in range(800))
    text = render(replace(passing(), paths=many), "github-summary")
    assert 850 * 1024 < len(text.encode()) <= 900 * 1024
    assert text.splitlines()[-1].startswith("Cut here: `benchkit report ")
    assert render_summary(passing(), 1 << 20) == render(passing(), "github-summary")


# github-action-benchmark


def action_rows(record: RunRecord) -> list[dict[str, Any]]:
    both = ("benchmark-action-smaller", "benchmark-action-bigger")
    return [row for form in both for row in json.loads(render(record, form))]


@every_record
def test_action_rows_are_numbers_and_never_null(name: str) -> None:
    rows = action_rows(RECORDS[name]())
    names = [row["name"] for row in rows]
    assert len(set(names)) == len(names)
    for row in rows:
        assert row.keys() <= {"name", "unit", "value", "range", "extra"}
        assert isinstance(row["value"], float)
        assert math.isfinite(row["value"])
        assert isinstance(row["unit"], str)
        assert isinstance(row["extra"], str)
        assert re.fullmatch(r"± [0-9.e+-]+", row.get("range", "± 1"))


def test_each_direction_has_its_own_file() -> None:
    smaller = json.loads(render(passing(), "benchmark-action-smaller"))
    bigger = json.loads(render(passing(), "benchmark-action-bigger"))
    assert {row["unit"] for row in smaller} == {"ms"}
    assert {row["unit"] for row in bigger} == {"Mbit/s"}
    judged = next(row for row in smaller if row["name"] == "guiyang-guangzhou/rtt_p95")
    assert judged["extra"] == "n=5000\nci95=[8.65,8.73]\nbudget=10\nverdict=pass"
    assert judged["range"] == "± 0.048"


def test_what_was_lost_or_has_no_upper_end_raises_no_alarm() -> None:
    names = {row["name"] for row in action_rows(failing())}
    # Its p95 is judged and has a value; p99 was lost, and no path's max has an upper end.
    assert "guiyang-hangzhou/rtt_p95" in names
    assert "guiyang-hangzhou/rtt_p99" not in names
    assert not [name for name in names if name.endswith("_max")]


# Bencher


@every_record
def test_bencher_has_two_levels_of_keys_and_numbers_below(name: str) -> None:
    for benchmark, measures in json.loads(render(RECORDS[name](), "bencher")).items():
        assert 0 < len(benchmark) <= 1024
        for measure, figures in measures.items():
            assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", measure)
            assert len(measure) <= 64
            assert "value" in figures
            assert figures.keys() <= {"value", "lower_value", "upper_value"}
            assert all(isinstance(figure, float) for figure in figures.values())


def test_bencher_has_slugs_of_our_own_in_base_units() -> None:
    found = json.loads(render(passing(), "bencher"))["guiyang-guangzhou"]
    assert found["rtt-p95"] == {"value": 8.682, "lower_value": 8.65, "upper_value": 8.73}
    assert found["goodput-up-bps"]["value"] == 941_200_000
    assert found["loss-ratio"] == {"value": 0.0}
    assert found["rtt-up-loss-ratio"] == {"value": 0.003}
    # `latency` and `throughput` are Bencher's own, in nanoseconds and operations.
    assert not {"latency", "throughput"} & found.keys()


# pytest-benchmark


def test_pytest_benchmark_itself_compares_our_file(tmp_path: Path) -> None:
    file = tmp_path / "0001_benchkit.json"
    file.write_text(render(detailed(), "pytest-benchmark"))
    columns = "min,max,mean,stddev,median,iqr,outliers,ops,rounds,iterations"
    words = ["-m", "pytest_benchmark", "compare", str(file), "--columns", columns]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("rtt") >= 3
    assert "8.6000" in done.stdout


def test_pytest_benchmark_gets_seconds_and_the_rest_beside() -> None:
    found = json.loads(render(detailed(), "pytest-benchmark"))
    assert {"node", "machine", "cpu", "system"} <= found["machine_info"].keys()
    first = found["benchmarks"][0]
    assert first["fullname"] == "guiyang-guangzhou/rtt"
    stats = first["stats"]
    assert stats["mean"] == 0.0086
    assert stats["ops"] == pytest.approx(1 / 0.0086, rel=1e-5)
    assert stats["min"] <= stats["q1"] <= stats["median"] <= stats["max"]
    assert stats["iqr"] == pytest.approx(0.0001)
    assert stats["rounds"] == 5000
    assert first["extra_info"]["p95"] == {"value": 0.008682, "low": 0.00865, "high": 0.00873}
    assert first["extra_info"]["verdicts"] == ["p95 within 10 ms: pass"]


def test_pytest_benchmark_leaves_out_what_it_would_have_to_make_up() -> None:
    assert json.loads(render(passing(), "pytest-benchmark"))["benchmarks"] == []
    whole = detailed()
    idle = whole.paths[0].metrics[0]
    lossy = replace(idle, lost=5, percentiles={**idle.percentiles, "max": Estimate()})
    only = replace(whole.paths[0], metrics=(lossy,))
    assert json.loads(render(replace(whole, paths=(only,)), "pytest-benchmark"))["benchmarks"] == []


# HdrHistogram


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


# OpenMetrics


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
