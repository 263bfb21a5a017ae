"""Lines of the text report: what each kind of figure says, and what an unfit run does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sample_records import passing, unfit

from benchkit.model.record import (
    TRIED_AGAIN,
    Estimate,
    Metric,
    PathRecord,
    Verdict,
)
from benchkit.reports import render
from benchkit.reports.chart import Scale, lane
from benchkit.reports.html.overview_charts import bar_chart


def test_an_unfit_report_tells_each_miss_once_and_its_remedy_once() -> None:
    record = unfit()
    (path,) = record.paths
    other = replace(path, path="guiyang-shenzhen", metrics=())
    told = replace(path.verdicts[0], reason=record.unfit[0])
    paths = (replace(path, verdicts=(told,)), replace(other, verdicts=(told,)))
    tried = f"{record.unfit[0]}{TRIED_AGAIN}"
    record = replace(record, paths=paths, notes=(tried, "a note"))
    for form in ("text", "markdown"):
        text = " ".join(render(record, form, width=120).split())
        misses = [each.miss for each in record.calibration if not each.within]
        assert [text.count(miss) for miss in misses] == [1] * len(misses)
        assert text.count("free a core and run again") == 1
        assert "this run is unfit" in text
        assert TRIED_AGAIN not in text
        assert "a note" in text
    brief, full = (render(record, form, width=120) for form in ("text", "full"))
    assert brief.count("\nguiyang-shenzhen ─") == 0 < full.count("\nguiyang-shenzhen ─")
    whole = " ".join(full.split())
    assert all(whole.count(reason) > 0 for reason in record.unfit)
    assert tried in whole


def test_goodput_of_too_few_independent_rates_says_so() -> None:
    path = passing().paths[0]
    metrics = tuple(
        replace(one, estimate=Estimate(one.estimate.value, None, None))
        if one.metric == "goodput" and one.estimate
        else one
        for one in path.metrics
    )
    record = replace(passing(), paths=(replace(path, metrics=metrics),))
    words = "(too few independent tenths of a second for an interval)"
    assert words in " ".join(render(record, "full").split())
    assert words not in " ".join(render(passing(), "full").split())


def test_the_usual_report_says_what_became_of_datagrams() -> None:
    told = {"loss_percent": 29.31, "dropped_by_the_receiving_host": 12, "jitter_ms": 0.0123}
    udp = Metric("udp", "up", "Mbit/s", 202262, 59288, estimate=Estimate(836.7), details=told)
    path = replace(passing().paths[0], metrics=(udp,), verdicts=())

    def said(metric: Metric) -> str:
        record = replace(passing(), paths=(replace(path, metrics=(metric,)),))
        return " ".join(render(record, "text", width=200).split())

    words = "59288 of 202262 lost (29.31 %) · 12 dropped by the receiving host itself · jitter 0.0123 ms"
    assert words in said(udp)
    full = replace(udp, details={**told, "dropped_by_the_modelled_buffer": 59201})
    assert "lost (29.31 %) · 59201 found the modelled buffer full · 12 dropped by" in said(full)
    assert "0 of 100 lost" in said(Metric("udp", "up", "Mbit/s", 100, estimate=Estimate(9.5)))
    goodput = Metric("goodput", "up", "Mbit/s", 50, estimate=Estimate(836.7))
    assert "lost" not in said(goodput)


@pytest.mark.parametrize("failing", ["p50", "p90"])
def test_of_two_budgets_the_one_that_fails_is_drawn(failing: str) -> None:
    path = passing().paths[0]
    (kept,) = path.verdicts

    def held(statistic: str) -> Verdict:
        measured = path.metrics[0].percentiles[statistic]
        assert measured.value is not None
        fails = statistic == failing
        limit = measured.value - 0.5 if fails else measured.value + 90
        word = "fail" if fails else "pass"
        found = replace(kept, percentile=statistic, measured=measured, limit=limit, verdict=word)
        return replace(found, headroom=limit - measured.value)

    path = replace(path, verdicts=tuple(map(held, ("p50", "p90"))), verdict="fail")
    record = replace(passing(), paths=(path,), verdict="fail")
    said = render(record, "text", width=120)
    kept_one = "p90" if failing == "p50" else "p50"
    assert f"\n▸ {failing}" in said
    assert f"\n▹ {kept_one}" in said
    assert "over by 0.5" in said
    assert "headroom" not in said
    assert "over by 0.5" in render(record, "markdown")
    overview = bar_chart([path])
    assert overview is not None
    assert "over by 0.5" in overview.words


def test_an_interval_without_a_lower_end_is_drawn_with_an_arrow() -> None:
    scale = Scale(0.0, 30.0, 31)
    assert lane(scale, {}, Estimate(10.0, None, 20.0)) == "◀─────────●─────────┤"
    assert lane(scale, {}, Estimate(10.0, 5.0, 20.0)) == "     ├────●─────────┤"


def test_the_usual_report_shows_work_beside_what_the_path_allows_on_paper() -> None:
    run = passing()
    first, *others = run.paths
    moved = Metric(
        metric="completion",
        phase="data-set",
        unit="s",
        n=40,
        lost=0,
        estimate=Estimate(1.86),
        details={"on_paper_s": 1.775, "times_paper": 1.048},
    )
    asked = replace(
        first.metrics[0],
        metric="inference",
        phase="inference",
        details={"mean": 22.1, "on_paper": 21.27},
    )
    shown = render(
        replace(run, paths=(replace(first, metrics=(*first.metrics, moved, asked)), *others)),
        "text",
    )
    assert "1.86 s · on paper 1.775 s, 1.05 times that" in shown
    assert "inference: mean 22.10 ms · on paper 21.27 ms" in shown


def test_a_run_of_which_nothing_answered_is_not_called_inconclusive() -> None:
    why = "nothing answers at far: is it up?"
    verdict = Verdict("rtt", "p95", 2.0, "ms", "inconclusive", why)
    path = PathRecord("here-far", "here", "far", "inconclusive", (), (verdict,))
    record = replace(passing(), verdict="inconclusive", paths=(path,), notes=(why,))
    said = render(record, "text")
    assert said.startswith("NOT MEASURED: nothing was measured on 1 path: here-far\n")
    assert "here-far  NOT MEASURED  RTT p95 not known, budget 2 ms" in said
    assert (said.count(why), said.count("INCONCLUSIVE")) == (1, 0)
