"""The HTML report: pure, whole, closed to the network, and harmless whatever a name holds."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from drawn_samples import MS, PATH, goodput_samples, rtt_samples
from sample_records import SAMPLE_RECORDS, passing, unfit

from benchkit.model.record_json import significant
from benchkit.model.samples import Samples, column
from benchkit.reports.figures import clean
from benchkit.reports.html import charts_of, render_html
from benchkit.reports.html.matrix import CROSS, NONE, OPEN, budget_matrix
from benchkit.reports.html.palette import LIGHT, painted
from benchkit.reports.html.rate_charts import _info_points
from benchkit.reports.html.tables import Cell, overview_table
from benchkit.reports.html.timeline import Timeline
from benchkit.reports.repeating import repeating
from benchkit.reports.rows import rows_of
from benchkit.reports.unfit import marked

VOID = {"meta", "link", "br", "img", "input", "hr"}
HOSTILE = "</script><img src=x onerror=alert(1)>&\"'"
LOADING = ("src", "href", "action", "data", "poster", "srcset")


class Page(HTMLParser):
    """What a browser would see: tags balanced, attributes, text of table cells, JSON blocks."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.specs: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" in self.open and self.tags[-1][1].get("type") == "application/json":
            self.specs.append(data)
        elif not {"script", "style"} & set(self.open):
            self.texts.append(data.strip())


def test_several_streams_are_one_curve() -> None:
    columns = {
        "stream": [0, 1, 0, 1],
        "at_ns": [0, 1, 100 * MS, 100 * MS + 1],
        "rtt_us": [10_000, 20_000, 30_000, 50_000],
        "window_segments": [10, 20, 30, 40],
        "segment_octets": [1024] * 4,
        "retransmits": [0, 1, 2, 3],
    }
    rows = Samples("tcp_info", PATH, "up", {name: column(each) for name, each in columns.items()})
    found = _info_points(rows, "up", Timeline("path", (), ""))
    assert [
        (point["x"], point["window"], point["retransmits"], point["rtt"]) for point in found
    ] == [
        (0.0, 30.0, 1, 15.0),
        (0.1, 70.0, 5, 40.0),
    ]


def whole() -> list[Samples]:
    spread = [8.5 + 0.01 * (place % 17) for place in range(3000)]
    return [
        rtt_samples([*spread, None, 42.0, 8.5]),
        rtt_samples([0.02] * 50, "floor"),
        rtt_samples([13.0 + place % 5 for place in range(100)], "up"),
        *goodput_samples(),
    ]


@pytest.mark.parametrize("name", SAMPLE_RECORDS)
def test_every_kind_of_run_is_a_page_with_its_verdict_first_and_every_figure_in_it(
    name: str,
) -> None:
    record = SAMPLE_RECORDS[name]()
    page = Page(render_html(record, whole()))
    texts = set(page.texts)
    for row in rows_of(record):
        for value in (row.estimate.value, row.estimate.low, row.estimate.high):
            assert value is None or repr(significant(value)) in texts
        assert row.verdict is None or clean(row.verdict.verdict) in texts
    first = next(
        text for text in page.texts if text and text in {"PASS", "FAIL", "UNFIT", "INTERRUPTED"}
    )
    verdicts = {
        "passing": "PASS",
        "failing": "FAIL",
        "unfit": "UNFIT",
        "interrupted": "INTERRUPTED",
    }
    assert first == verdicts[name]


def test_the_file_asks_the_network_for_nothing() -> None:
    text = render_html(passing(), whole())
    page = Page(text)
    for tag, attributes in page.tags:
        assert tag not in {"link", "iframe", "object", "embed", "base"}
        for name in LOADING:
            value = attributes.get(name)
            assert value is None or value.startswith("#")
        assert not any(name.startswith("on") for name in attributes)
    policy = next(
        each["content"] or "" for tag, each in page.tags if tag == "meta" and "http-equiv" in each
    )
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy
    assert "http" not in policy
    assert not re.search(r"@import|url\(", text.split("</style>")[0])


def test_a_hostile_name_stays_text() -> None:
    record = passing()
    path = replace(record.paths[0], path=HOSTILE, near=HOSTILE)
    hostile = replace(
        record, title=HOSTILE, name=HOSTILE, command=HOSTILE, notes=(HOSTILE,), paths=(path,)
    )
    samples = [replace(rows, path=HOSTILE) for rows in whole()]
    text = render_html(hostile, samples)
    page = Page(text)
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert clean(HOSTILE) in page.texts
    assert text.count("<script>") == 2
    assert [json.loads(spec) for spec in page.specs]


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("benchkit run 'my lines/a.toml' --for 5", "benchkit run 'my lines/a.toml' --for 5"),
        ("benchkit run '/home/ann/my lines/a.toml'", "benchkit run '…/a.toml'"),
        ("benchkit run --results ~/runs", "benchkit run --results '…/runs'"),
        ("benchkit run 'open", "benchkit run guizhou"),
    ],
)
def test_a_page_says_how_to_repeat_the_run_but_not_where_its_files_lay(
    command: str, shown: str
) -> None:
    record = replace(passing(), command=command, target="guizhou")
    assert repeating(record, elsewhere=True) == shown
    assert shown in Page(render_html(record, whole())).texts


def test_every_chart_has_words_and_draws_no_number_that_is_not_finite() -> None:
    charts = charts_of(passing(), whole())
    keys = [chart.key for chart in charts]
    assert len(set(keys)) == len(keys) > 8
    for chart in charts:
        assert len(chart.words) > 40
        json.dumps(chart.spec, allow_nan=False)
    page = Page(render_html(passing(), whole()))
    images = [each for _, each in page.tags if each.get("role") == "img"]
    assert len(images) == len(page.specs)
    assert all(each["aria-label"] for each in images)


def test_without_samples_the_page_says_so_and_keeps_the_figures() -> None:
    page = Page(render_html(passing()))
    assert any("raw samples" in text for text in page.texts)
    assert "8.952" in page.texts


def test_a_mesh_names_a_few_broken_paths_and_shows_all_as_a_matrix() -> None:
    model, *_ = passing().paths
    names = [f"s{place}" for place in range(7)]
    broken = [replace(each, verdict="fail") for each in model.verdicts]
    mesh = tuple(
        replace(model, path=f"{a}-{b}", near=a, far=b, verdict="fail", verdicts=tuple(broken))
        for a in names
        for b in names
        if a != b
    )
    record = replace(passing(), paths=mesh, verdict="fail")
    page = Page(render_html(record))
    assert any("and 34 more" in text for text in page.texts)
    (matrix,) = [chart for chart in charts_of(record) if chart.key == "matrix"]
    assert len(matrix.spec["datasets"]["points"]) == 42
    assert {point["mark"] for point in matrix.spec["datasets"]["points"]} == {CROSS}
    assert charts_of(record)[0].key == "matrix"  # before the bars of the worst


def test_a_matrix_tells_cells_that_are_open_or_missing_from_those_that_are_known() -> None:
    model, *_ = passing().paths
    left_open = [replace(each, verdict="inconclusive") for each in model.verdicts]
    missing = [replace(each, measured=None, reason="site s2 was lost") for each in left_open]
    shown = [replace(model, path=name, near=name[0], far=name[2]) for name in ("a-b", "b-c", "c-a")]
    shown[1] = replace(shown[1], verdict="inconclusive", verdicts=tuple(left_open))
    shown[2] = replace(shown[2], verdict="inconclusive", verdicts=tuple(missing), metrics=())
    chart = budget_matrix(shown)
    assert chart is not None
    points = chart.spec["datasets"]["points"]
    assert [point["mark"] for point in points] == ["", OPEN, NONE]
    assert "site s2 was lost" in points[2]["words"]
    assert f"2 measured, 1 left open (marked ?), 1 not measured (marked {NONE});" in chart.words
    assert budget_matrix(shown[2:]) is None


def test_of_very_many_lines_of_calibration_those_out_of_tolerance_are_shown() -> None:
    line, *_ = passing().calibration
    wrong = replace(line, path="wrong", within=False)
    page = Page(render_html(replace(passing(), calibration=(*[line] * 700, wrong))))
    assert any("700 lines within tolerance" in text for text in page.texts)
    assert page.texts.count("OUT") == 1


def test_long_names_do_not_squeeze_one_axis_of_the_map() -> None:
    (chart,) = [each for each in charts_of(passing(), whole()) if each.key == "map"]
    assert chart.spec["width"] == chart.spec["height"]
    assert chart.spec["autosize"]["type"] == "pad"


def test_a_small_matrix_has_its_figures_and_no_green_where_the_run_is_unfit() -> None:
    (path, *_) = passing().paths
    shown = [replace(path, path=f"{a}-{b}", near=a, far=b) for a, b in ("ab", "ba")]
    chart = budget_matrix(shown)
    assert chart is not None
    points = chart.spec["datasets"]["points"]
    assert {point["color"] for point in points} == {"var(--pass)"}
    assert all(float(point["text"]) for point in points)
    assert "green within it, red beyond" in chart.title
    chart = budget_matrix([replace(each, verdict="unfit") for each in shown])
    assert chart is not None
    assert {each["color"] for each in chart.spec["datasets"]["points"]} == {"var(--unfit)"}
    assert "violet: unfit" in chart.title
    assert "2 unfit" in chart.words


def test_a_chart_outside_of_the_page_has_colours_for_roles() -> None:
    for chart in charts_of(passing(), whole()):
        assert "var(--" not in json.dumps(painted(chart.spec, LIGHT))


def test_the_page_of_an_unfit_run_says_no_other_word_of_its_budgets() -> None:
    (path, *_) = unfit().paths
    # As runs are kept: the path is unfit, and each budget on it left open.
    left = tuple(replace(each, verdict="inconclusive") for each in path.verdicts)
    record = replace(unfit(), paths=(replace(path, verdicts=left),))
    assert overview_table(marked(record)).rows[0][1] == Cell("UNFIT", verdict="unfit")
    page = render_html(record, ())
    assert '<td class="v-unfit">UNFIT</td>' in page
    assert "INCONCLUSIVE" not in page
    assert marked(passing()) == passing()
