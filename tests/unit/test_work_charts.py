"""Charts of UDP and of workloads: what they draw, what they say, and that a renderer takes them."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree as ET

from sample_records import passing

from benchkit.model.record import Estimate, Metric, RunRecord
from benchkit.model.samples import Samples, column
from benchkit.reports.brief_text import rates
from benchkit.reports.html import charts_of, render_html
from benchkit.reports.html.chart import Chart
from benchkit.reports.html.pictures import picture
from benchkit.reports.rows import Series

MS = 1_000_000
S = 1000 * MS
PATH = "guiyang-guangzhou"
UDP = Metric(
    metric="udp",
    phase="up",
    unit="Mbit/s",
    n=1000,
    lost=7,
    configured=10,
    estimate=Estimate(9.9),
    details={
        "loss_percent": 0.7,
        "dropped_by_the_receiving_host": 3,
        "duplicates": 1,
        "reordered": 2,
        "jitter_ms": 0.02,
        "pdv_p50_ms": 0.1,
        "pdv_p99_ms": 0.4,
        "pdv_p99_9_ms": 0.9,
    },
)
# An iperf3 server tells less.
TOLD_LESS = replace(
    UDP,
    phase="down",
    configured=None,
    details={"loss_percent": 0.7, "dropped_by_the_receiving_host": 0},
)
DATA = Metric(metric="completion", phase="data", unit="s", n=3, lost=1, details={"on_paper_s": 1.5})
CHECK = Metric(
    metric="completion",
    phase="check",
    unit="s",
    n=6,
    estimate=Estimate(0.5),
    details={"every_s": 1.0, "on_paper_s": 0.2, "too_late": 1},
)
ASK = Metric(metric="inference", phase="ask", unit="ms", n=4, details={"on_paper": 10.2})


def rows(kind: str, phase: str, **columns: list[int | None]) -> Samples:
    known = {
        name: column([each or 0 for each in values], [each is None for each in values])
        for name, values in columns.items()
    }
    return Samples(kind, PATH, phase, known)


def samples() -> list[Samples]:
    udp = {"start_ns": [S, S + 100 * MS], "end_ns": [S + 100 * MS, S + 200 * MS]}
    return [
        rows("goodput", "udp up", **udp, octets=[125_000, 62_500]),
        rows("goodput", "udp down", **udp, octets=[125_000, 62_500]),
        rows("files", "work data", due_ns=[S] * 3, done_ns=[3 * S, None, 2 * S], octets=[10**6] * 3),
        rows(
            "files",
            "work check",
            due_ns=[0, 0, S, S, 2 * S, 2 * S],
            done_ns=[5, S // 2, S + 1, S + S // 4, 2 * S, 2 * S + 3 * S // 2],
            octets=[500] * 6,
        ),
        rows(
            "inference",
            "work ask",
            due_ns=[0, 50 * MS, 100 * MS, 150 * MS],
            received_ns=[11 * MS, 61 * MS, None, 190 * MS],
        ),
    ]  # fmt: skip


def record() -> RunRecord:
    run = passing()
    first, *others = run.paths
    return replace(run, paths=(replace(first, metrics=(UDP, TOLD_LESS, DATA, CHECK, ASK)), *others))


def charts() -> dict[str, Chart]:
    found = charts_of(record(), samples())
    return {each.title: each for each in found if "udp" in each.key or "work" in each.key}


def test_each_has_its_chart_and_a_renderer_takes_it() -> None:
    found = charts()
    assert list(found) == [
        "UDP received over time",
        "What became of the datagrams",
        "Delay variation of the datagrams",
        "Workload data: data set",
        "Workload check: checkpoints",
        "Workload ask: inference",
    ]
    for chart in found.values():
        json.dumps(chart.spec, allow_nan=False)
        root = ET.fromstring(picture(chart, "svg"))  # noqa: S314  our own
        assert "var(--" not in ET.tostring(root, encoding="unicode")
    text = render_html(record(), samples())
    assert all(title in text for title in found)


def test_every_datagram_has_its_fate() -> None:
    chart = charts()["What became of the datagrams"]
    points = [each for each in chart.spec["datasets"]["points"] if each["s"] == "UDP, up"]
    assert {each["row"]: each["count"] for each in points} == {
        "arrived": 990,
        "lost on the path": 7,
        "dropped by the receiving host": 3,
        "overtaken": 2,
        "come more than once": 1,
    }
    assert "down, of 1000 sent: 993 arrived, 7 lost on the path" in chart.words


def test_udp_is_drawn_beside_what_was_offered() -> None:
    chart = charts()["UDP received over time"]
    up = [each["y"] for each in chart.spec["datasets"]["curves"] if each["s"] == "UDP, up"]
    assert up == [10, 5, 5]
    assert chart.spec["datasets"]["levels"][0]["y"] == 10


def test_a_data_set_grows_by_what_was_answered_for_and_says_what_was_not() -> None:
    chart = charts()["Workload data: data set"]
    points = chart.spec["datasets"]["curves"]
    assert [(each["x"], each["y"]) for each in points if each["s"] == "data"] == [
        (0, 0),
        (1, 1),
        (2, 2),
    ]
    assert (points[-1]["x"], points[-1]["y"]) == (1.5, 3)
    assert "1 of 3 files not" in chart.words


def test_a_checkpoint_takes_until_its_last_part_is_there() -> None:
    chart = charts()["Workload check: checkpoints"]
    assert [each["y"] for each in chart.spec["datasets"]["curves"]] == [0.5, 0.25, 1.5]
    assert chart.words.endswith("1 later than the next was due.")


def test_a_request_without_an_answer_is_marked_as_lost() -> None:
    chart = charts()["Workload ask: inference"]
    assert [each["lost"] for each in chart.spec["datasets"]["losses"]] == [1]
    assert "25 % lost" in chart.words


def test_nothing_is_drawn_of_what_was_not_measured() -> None:
    assert not [each for each in charts_of(passing(), samples()) if "work" in each.key]


def test_a_checkpoint_that_came_too_late_stands_in_the_usual_text_report() -> None:
    late, well = (
        replace(CHECK, details={**CHECK.details, "too_late": 3}),
        replace(CHECK, details={**CHECK.details, "too_late": 0}),
    )
    told, silent = (
        " ".join(text for line in rates([Series(each, (), ())], 200) for text, _ in line)
        for each in (late, well)
    )
    assert "3 checkpoints not done within 1 s, when the next is due" in told
    assert "not done" not in silent
