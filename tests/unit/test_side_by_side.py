"""Any number of runs against one base: tables, CSV and the page say the same, and harm nothing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from benchkit.model.comparison import Cell, Comparison
from benchkit.model.record import Estimate, Metric
from benchkit.reports.comparison import SIDE_BY_SIDE_FORMATS, render_side_by_side
from benchkit.reports.comparison_rows import answer, headline, smallest_visible
from benchkit.reports.html import render_comparisons
from benchkit.reports.html.comparison_charts import difference_matrix, forest_chart
from benchkit.reports.sentences import series_name
from benchkit.reports.side_by_side import letters, lines_of

HOSTILE = "</script><b>|`x`"


def cell(
    path: str, statistic: str, more: float, *, word: str = "no difference seen", gated: bool = True
) -> Cell:
    return Cell(
        path=path,
        metric="rtt",
        phase="idle",
        statistic=statistic,
        unit="%" if statistic == "loss" else "ms",
        word=word,
        reason=f"{more} more",
        gated=gated,
        less_is_better=True,
        base=Estimate(8.5, 8.4, 8.6),
        candidate=Estimate(8.5 + more, 8.4 + more, 8.6 + more),
        difference=Estimate(more, more - 0.1, more + 0.1),
        floor=0.17,
        smallest_visible=0.12,
        method="blocks",
    )


def comparison(run: str, more: float, word: str = "regression") -> Comparison:
    cells = (
        cell("guiyang-shenzhen", "p95", more, word=word),
        cell("guiyang-shenzhen", "loss", 0.0),
        cell("guiyang-hangzhou", "p95", 0.01),
    )
    return Comparison(("base",), (run,), word, cells)


def mesh(sites: int) -> Comparison:
    names = [f"s{place}" for place in range(sites)]
    cells = tuple(
        cell(f"{near}-{far}", "p95", 0.001 * place)
        for place, near in enumerate(names)
        for far in names
        if near != far
    )
    return Comparison(("base",), ("candidate",), "no difference seen", cells)


BOTH = [comparison("one", 0.9), comparison("two", -0.9, "improvement")]


@pytest.mark.parametrize(
    ("form", "ending"), [("paper", "md"), ("markdown", "md"), ("csv", "csv"), ("text", "txt")]
)
def test_each_format_is_as_reviewed(
    form: str, ending: str, golden: Callable[[str, str], None]
) -> None:
    golden(f"side-by-side-{form}.{ending}", render_side_by_side(BOTH, form))


def test_every_cell_is_a_line_of_the_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(render_side_by_side(BOTH, "csv"))))
    assert len(rows) == 6
    assert {row["candidate"] for row in rows} == {"one", "two"}
    assert rows[0]["difference"] == "0.9"


def test_lines_join_cells_of_one_statistic_also_where_a_side_lacks_it() -> None:
    first, second = BOTH
    shorter = replace(second, cells=second.cells[1:])
    lines = lines_of([first, shorter])
    assert [line.cells[1] is None for line in lines] == [True, False, False]
    assert letters(BOTH) == ("A", "B")
    assert letters(BOTH[:1]) == ("",)


def test_the_page_says_which_lines_make_runs_not_comparable() -> None:
    apart = replace(BOTH[0], word="not comparable", differs=("kernel: 6.1 and 6.18",))
    page = render_side_by_side([apart, BOTH[1]], "html")
    assert "Not comparable: A: one" in page
    assert "kernel: 6.1 and 6.18" in page
    assert "--despite kernel compares them all the same." in page
    served = render_comparisons([apart, BOTH[1]], despite="/compare?despite=kernel")
    assert "--despite kernel" not in served


@pytest.mark.parametrize("form", SIDE_BY_SIDE_FORMATS)
def test_a_hostile_name_stays_text(form: str) -> None:
    hostile = replace(
        BOTH[0],
        base=(HOSTILE,),
        differs=(HOSTILE,),
        cells=(replace(BOTH[0].cells[0], path=HOSTILE, reason=HOSTILE),),
    )
    text = render_side_by_side([hostile, BOTH[1]], form)
    if form == "html":
        assert "</script><b>" not in text
        assert text.count("<script>") == 2
    if form == "json":
        assert json.loads(text)[0]["base"] == [HOSTILE]


def test_a_forest_draws_open_ends_and_no_number_that_is_not_finite() -> None:
    open_end = replace(BOTH[0].cells[0], difference=Estimate(0.9, 0.2))
    lost = replace(BOTH[0].cells[0], candidate=Estimate(), difference=None)
    chart = forest_chart("a-b", [("A", open_end), ("B", lost)], "forest")
    assert chart is not None
    assert "open above" in chart.words
    assert [each["shape"] for each in chart.spec["datasets"]["arrows"]] == ["triangle-right"]
    json.dumps(chart.spec, allow_nan=False)
    assert forest_chart("a-b", [("B", lost)], "forest") is None


def test_a_forest_keeps_points_apart_where_much_does_not_count() -> None:
    wide = [replace(each, floor=500.0) for each in (BOTH[0].cells[0], BOTH[1].cells[0])]
    chart = forest_chart("a-b", [("A", wide[0]), ("B", wide[1])], "forest")
    assert chart is not None
    points = chart.spec["datasets"]["points"]
    (low, high), *_ = (
        each["encoding"]["x"]["scale"]["domain"]
        for each in chart.spec["layer"]
        if "scale" in each["encoding"].get("x", {})
    )
    reach = max(abs(end) for point in points for end in (point["low"], point["high"]))
    assert 0 < high <= 2 * reach < min(point["floor"] for point in points)
    assert low < 0
    assert chart.spec["datasets"]["arrows"] == []
    vague = replace(wide[0], statistic="p99", difference=Estimate(0.9, -80.0, 90.0))
    chart = forest_chart("a-b", [("A", wide[0]), ("B", wide[1]), ("A", vague)], "forest")
    assert chart is not None
    assert [each["row"] for each in chart.spec["datasets"]["arrows"]] == ["RTT, idle p99 · A"] * 2


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (0.01, "no difference seen"),  # whose interval holds zero
        (0.2, "not wholly beyond 0.17 ms"),
        (1.0, "not seen among so many"),
    ],
)
def test_an_interval_that_is_passed_over_says_why(more: float, said: str) -> None:
    assert answer(cell("a-b", "p50", more)) == said
    assert answer(replace(cell("a-b", "p50", 0.11), difference=Estimate(0.11, 0.06, 0.16))) == (
        "below the 0.17 ms that count"
    )


def test_what_has_no_interval_is_not_called_unseen() -> None:
    for unsure in (Estimate(1.22), Estimate(1.22, 0.4, None)):
        vague = replace(cell("a-b", "p99", 1.22), difference=unsure, smallest_visible=None)
        assert answer(vague) == "too few samples"
        assert answer(replace(vague, word="regression")) == "regression"
        chart = forest_chart("a-b", [("", vague)], "forest")
        assert chart is not None
        assert chart.words.endswith(", too few samples.")


def test_what_is_not_comparable_is_counted_and_not_called_blind() -> None:
    doubtful = replace(cell("a-b", "p95", 1.0, word="not comparable"), smallest_visible=None)
    whole = Comparison(("base",), ("run",), "not comparable", (cell("a-b", "p50", 0.01), doubtful))
    assert headline(whole)[1] == "1 not comparable in 2 judged cells"
    gone = replace(doubtful, missing="candidate")
    whole = replace(whole, cells=(cell("a-b", "p50", 0.01), gone))
    assert headline(whole)[1] == "1 missing in 2 judged cells"
    assert smallest_visible([doubtful]) == ""


def test_what_could_not_be_seen_for_want_of_samples_is_said_apart() -> None:
    seen = cell("a-b", "p50", 0.01)
    blind = replace(cell("a-b", "p99", 0.01), smallest_visible=None)
    whole = Comparison(("base",), ("run",), "no difference seen", (seen, blind))
    assert headline(whole)[1] == (
        "in 2 judged cells; smallest visible: RTT p50 0.12 ms; not enough samples to see any of RTT p99"
    )
    assert smallest_visible([blind]) == "not enough samples to see any of RTT p99"
    partly = [replace(seen, path="a-c", smallest_visible=None), seen]
    for cells in (partly, partly[::-1]):
        assert smallest_visible(cells) == "smallest visible: RTT p50 0.12 ms in 1 of 2 cells"


def test_a_mesh_is_a_matrix_and_most_of_its_forests_are_left_out() -> None:
    chart = difference_matrix(mesh(8), "", "matrix")
    assert chart is not None
    assert len(chart.spec["datasets"]["points"]) == 56
    page = render_side_by_side([mesh(8)], "html")
    assert "44 more paths" in page


@pytest.mark.parametrize(
    ("metric", "phase", "named"),
    [
        ("http-fresh", "up", "HTTP, new connection, loaded up"),
        ("request", "idle", "TCP request, idle"),
        ("goodput", "up", "goodput, up"),
        ("ratio", "ratio", "energy ratio"),
    ],
)
@pytest.mark.parametrize("form", ["text", "markdown", "paper", "html"])
def test_a_figure_is_named_as_in_its_run_s_report(
    metric: str, phase: str, named: str, form: str
) -> None:
    one = replace(cell("a-b", "p95", 0.9), metric=metric, phase=phase)
    assert series_name(Metric(metric, phase, "ms", n=1)) == named
    whole = Comparison(("base",), ("run",), "regression", (one,))
    assert named in render_side_by_side([whole], form)


def test_the_smallest_visible_change_names_its_metric_as_a_report_does() -> None:
    one = replace(cell("a-b", "p95", 0.01), metric="connect")
    assert smallest_visible([one]) == "smallest visible: TCP connection p95 0.12 ms"
