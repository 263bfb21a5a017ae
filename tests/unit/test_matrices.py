"""A mesh in reports: matrices of what was judged, in signs, numbers and colours."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from mesh_targets import mesh_of
from sample_records import passing

from benchkit.model.record import Estimate, Metric, PathRecord, RunRecord, Verdict
from benchkit.reports import render
from benchkit.reports.html import charts_of
from benchkit.reports.mesh import is_mesh, matrices


def record_of(count: int, *, budget: bool = True) -> RunRecord:
    """A mesh whose path from s2 to s0 breaks its promise, and whose path from s0 to s1 lost all."""
    paths = []
    for path in mesh_of(count):
        number = int(path.near[1:]) + int(path.far[1:])
        value = None if path.name == "s0-s1" else number / 2
        found = Estimate(value, value, value)
        word = "fail" if path.name == "s2-s0" else "pass"
        verdicts = (Verdict("rtt", "p95", 9.0, "ms", word, "why", measured=found, phase="idle"),)
        metrics = (
            Metric("rtt", "idle", "ms", n=100, percentiles={"p50": found, "p95": found}),
            Metric("goodput", "up", "Mbit/s", n=9, estimate=Estimate(float(number))),
        )
        paths.append(
            PathRecord(
                path.name, path.near, path.far, word if budget else "none", metrics,
                verdicts if budget else (),
            )
        )  # fmt: skip
    return replace(passing(), paths=tuple(paths), verdict="fail" if budget else "none")


def test_a_mesh_is_known_by_paths_that_go_both_ways() -> None:
    assert is_mesh(record_of(3))
    assert not is_mesh(passing())
    one_way = record_of(4)
    assert not is_mesh(replace(one_way, paths=one_way.paths[1:]))


def test_matrices_have_what_was_judged_first() -> None:
    rtt, goodput = matrices(record_of(4))
    assert (rtt.words, rtt.unit) == ("RTT, idle, p95", "ms")
    assert rtt.cells["s2", "s0"].verdict == "fail"
    assert goodput.words == "goodput"


def test_the_csv_matrix_has_a_row_for_each_site() -> None:
    text = render(record_of(4), "matrix")
    block = text.split("\n\n")[0]
    header, *rows = csv.reader(io.StringIO(block))
    assert header == ["RTT, idle, p95, ms", "s0", "s1", "s2", "s3"]
    assert rows[0] == ["s0", "", "inf", "1.0", "1.5"]
    assert rows[3] == ["s3", "1.5", "2.0", "2.5", ""]


def test_a_small_mesh_is_shown_in_numbers() -> None:
    text = render(record_of(5), "text", width=80)
    assert "RTT, idle, p95, ms, from the row's site to the column's" in text
    assert "3.50" in text
    assert "lost" in text
    assert "s2-s0  FAIL" in text
    assert "s3-s4  PASS" not in text


def test_what_is_not_told_of_a_mesh_is_said_to_be_elsewhere() -> None:
    some = " ".join(render(record_of(3), "text").split())
    assert "1 of the 6 paths is told above; --format full tells each of the 6 paths" in some
    kept = tuple(replace(path, verdict="pass") for path in record_of(3).paths)
    none = " ".join(render(replace(record_of(3), paths=kept), "text").split())
    assert "told above" not in none
    assert "--format full tells each of the 6 paths, csv and html too" in none


def test_47_sites_fit_in_80_columns() -> None:
    text = render(record_of(47), "text", width=80)
    assert max(map(len, text.splitlines())) <= 80
    rows = [line for line in text.splitlines() if line.startswith("   1 s0") or " 47 s46" in line]
    assert rows
    assert "\N{MULTIPLICATION SIGN}" in text
    assert "a digit counts" in text
    assert len(text.splitlines()) < 200


@pytest.mark.parametrize("sites", [5, 47])
def test_a_cell_without_a_figure_is_explained(sites: int) -> None:
    whole = record_of(sites)
    first, *rest = whole.paths
    holed = replace(whole, paths=(replace(first, metrics=()), *rest))
    assert "a blank has no figure" not in render(whole, "text", width=80)
    said = " ".join(render(holed, "text", width=80).split())
    assert "a blank has no figure, 1 of them" in said


def test_the_page_of_a_mesh_without_budgets_has_its_figures_as_matrices() -> None:
    charts = charts_of(record_of(6, budget=False))
    titles = [chart.title for chart in charts if chart.key.startswith("matrix")]
    assert titles == [
        "RTT, idle, p95, ms: the fuller the larger",
        "goodput, Mbit/s: the fuller the larger",
    ]
