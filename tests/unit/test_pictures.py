"""Charts as files: whole pictures with their words, from the specs that the page has."""

from __future__ import annotations

import sys
from xml.etree import ElementTree as ET

import pytest
from sample_records import passing

from benchkit.errors import AskedWronglyError
from benchkit.reports.html import charts_of
from benchkit.reports.html.pictures import file_spec, picture

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


def test_a_legend_names_every_series() -> None:
    chart = next(each for each in charts_of(passing()) if each.series)
    text = picture(chart, "svg").decode()
    for name, _ in chart.series:
        assert name in text
    assert "legend" in str(file_spec(chart))


def test_without_the_extra_the_error_says_how_to_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(AskedWronglyError, match=r"pip install vl-convert-python"):
        picture(charts_of(passing())[0], "svg")
