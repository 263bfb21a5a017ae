"""Charts as files: whole pictures with their words, from the specs that the page has."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from sample_records import passing
from synthetic_runs import jitter, rtt_samples, write

from benchkit.cli import cli
from benchkit.errors import AskedWronglyError
from benchkit.reports.html import charts_of
from benchkit.reports.html.pictures import file_spec, picture
from benchkit.store import write_run

SVG = "{http://www.w3.org/2000/svg}"


def test_each_kind_of_chart_is_an_svg_with_its_words() -> None:
    for chart in charts_of(passing())[:3]:
        root = ET.fromstring(picture(chart, "svg"))  # noqa: S314  our own
        assert root.find(f"{SVG}title").text == chart.title  # type: ignore[union-attr]
        assert root.find(f"{SVG}desc").text == chart.words  # type: ignore[union-attr]
        assert b"var(--" not in ET.tostring(root)


def test_a_png_is_one() -> None:
    (chart, *_) = charts_of(passing())
    assert picture(chart, "png").startswith(b"\x89PNG")


def test_a_file_of_the_map_says_what_its_places_are() -> None:
    (chart,) = [each for each in charts_of(passing()) if each.key == "map"]
    drawn = ET.fromstring(picture(chart, "svg"))  # noqa: S314  our own
    assert "Schematic: lengths are to scale, directions are not." in [
        each.text for each in drawn.iter(f"{SVG}text")
    ]


def test_a_legend_names_every_series() -> None:
    chart = next(each for each in charts_of(passing()) if each.series)
    text = picture(chart, "svg").decode()
    for name, _ in chart.series:
        assert name in text
    assert "legend" in str(file_spec(chart))


def test_the_lines_of_a_legend_are_as_dark_as_those_of_the_chart() -> None:
    rows = rtt_samples(jitter(1, n=200))
    chart = next(each for each in charts_of(passing(), [rows]) if each.title == "Latency over time")
    root = ET.fromstring(picture(chart, "svg"))  # noqa: S314  our own
    legends = [each for each in root.iter() if "role-legend-symbol" in each.get("class", "")]
    assert legends
    assert {line.get("opacity", "1") for each in legends for line in each.iter()} == {"1"}


def test_a_report_asked_for_its_charts_writes_them_and_names_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "runs", 1, jitter(1, n=200), samples=False)
    monkeypatch.setattr("benchkit.campaign.publishing.picture", lambda *_: b"drawn")
    asked = ["report", "--results", "runs", "--charts", "charts"]
    done = CliRunner().invoke(cli, asked)
    assert (done.exit_code, done.stdout) == (0, "")
    named = [line.partition(".")[0] for line in done.stderr.splitlines()]
    drawn = {str(each.relative_to(tmp_path)) for each in (tmp_path / "charts").iterdir()}
    assert drawn == {f"{name}.{kind}" for name in named for kind in ("svg", "png")}
    assert "PASS" in CliRunner().invoke(cli, [*asked, "--format", "text"]).stdout


def test_without_the_extra_the_error_says_how_to_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(AskedWronglyError, match=r"pip install vl-convert-python"):
        picture(charts_of(passing())[0], "svg")


def test_of_a_run_that_measured_nothing_no_chart_is_written_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    record = replace(passing(), paths=(), calibration=())
    write_run(Path("runs"), record, [])
    done = CliRunner().invoke(cli, ["report", "--results", "runs", "--charts", "charts"])
    assert (done.exit_code, done.stdout) == (0, "")
    (line,) = done.stderr.splitlines()
    assert line == (
        f"benchkit: {record.run}: no chart to draw, since nothing was measured; charts was not written"
    )
    assert not Path("charts").exists()
