"""A verdict's sentence names the metric where more than round trips is judged, and stands beneath its own figures."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sample_records import passing

from benchkit.model.record import Estimate, RunRecord, Verdict
from benchkit.reports import render
from benchkit.reports.html import render_html
from benchkit.reports.reasons import reasons

LOST = (
    "too many packets were lost: p95 is a lost packet with 95 % confidence, beyond the 1 ms budget"
)


def of(metric: str, percentile: str, reason: str, verdict: str = "pass") -> Verdict:
    return Verdict(metric, percentile, 1.0, "ms", verdict, reason, phase="idle")


def judged(*verdicts: Verdict) -> RunRecord:
    """One path on which idle round trips and TCP requests were measured."""
    run = passing()
    path = run.paths[0]
    rtt = path.metrics[0]
    request = replace(rtt, metric="request", percentiles={"p95": Estimate(0.27, 0.26, 0.28)})
    return replace(
        run, paths=(replace(path, metrics=(rtt, request), verdicts=verdicts, verdict="pass"),)
    )


BOTH = (of("rtt", "p95", "p95 is 8.57 ms"), of("request", "p95", "p95 is 0.27 ms"))


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (of("request", "p95", "p95 is 0.27 ms, at most 0.28 ms"), "TCP request p95 is 0.27 ms, at"),
        (of("http", "p99", "p99 needs at least 368 effective"), "HTTP p99 needs at least 368"),
        (of("http", "max", "max is 4 ms so far"), "HTTP max is 4 ms so far"),
        (of("connect", "p95", LOST), "lost: TCP connection p95 is a lost packet"),
        (of("connect", "p95", "not measured"), "TCP connection p95: not measured ["),
        (of("loss", "", "not measured: add --probe rtt"), "loss: not measured: add --probe rtt ["),
        (
            replace(of("goodput", "", "goodput is 9 Mbit/s"), phase="down"),
            "goodput, down is 9 Mbit",
        ),
        (of("loss", "", "loss is 0 %, at most 0.08 %"), "loss is 0 %, at most 0.08 % ["),
        (of("rtt", "p95", "this machine was busy"), "this machine was busy ["),
    ],
)
def test_a_verdict_names_its_metric_once(verdict: Verdict, said: str) -> None:
    other = of("goodput", "", "goodput is 941 Mbit/s")
    (path,) = judged(verdict, other).paths
    (_, found), _ = reasons(path)
    assert said in found
    assert found.startswith(said) or verdict.reason == LOST


def test_what_was_not_measured_says_of_which_budget() -> None:
    (path,) = judged(*(of("rtt", name, "not measured: x") for name in ("p50", "max"))).paths
    assert [said.partition(" [")[0] for _, said in reasons(path)] == [
        "RTT p50: not measured: x",
        "RTT max: not measured: x",
    ]


def test_where_round_trips_alone_are_judged_nothing_else_could_be_meant() -> None:
    (path,) = judged(BOTH[0]).paths
    ((_, said),) = reasons(path)
    assert said.startswith("p95 is 8.57 ms [")


@pytest.mark.parametrize("form", ["text", "full", "markdown", "github-summary"])
def test_every_report_names_the_metric_of_each_verdict(form: str) -> None:
    said = " ".join(render(judged(*BOTH), form).split())
    assert "RTT p95 is 8.57 ms" in said
    assert "TCP request p95 is 0.27 ms" in said


def test_each_verdict_stands_beneath_its_own_figures() -> None:
    text = render(judged(*reversed(BOTH)), "text", width=120)
    lines = ("  RTT, idle: ", "PASS: RTT p95", "  TCP request, idle: ", "PASS: TCP request p95")
    places = [text.index(line) for line in lines]
    assert places == sorted(places)


def test_the_page_names_them_too() -> None:
    page = render_html(judged(*BOTH), [])
    assert "RTT p95 is 8.57 ms" in page
    assert "TCP request p95 is 0.27 ms" in page
