"""The CI formats against their readers' own rules; whole texts are golden files, see test_reports."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from ci_records import RECORDS, action_rows, detailed, every_record
from sample_records import failing, interrupted, passing, unfit

from benchkit.model.record import Estimate, RunRecord
from benchkit.reports import render


def suites(record: RunRecord) -> list[ET.Element]:
    root = ET.fromstring(render(record, "junit"))  # noqa: S314  our own
    assert root.tag == "testsuites"
    return list(root)


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
