"""Differences with intervals: what chance alone does is no change, and what is changed is found."""

from __future__ import annotations

import json
import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sample_records import passing
from scipy import stats

from benchkit.campaign.comparing import StoredRun, compare_runs, record_replicates
from benchkit.cli.comparing import ASPECTS as CLI_ASPECTS
from benchkit.model.comparison import Cell, Comparison
from benchkit.model.comparison_json import dump_comparison
from benchkit.model.record import Estimate, Metric
from benchkit.reports.comparison import COMPARISON_FORMATS, render_comparison
from benchkit.stats.block_bootstrap import bootstrap_percentiles
from benchkit.stats.comparable import ASPECTS
from benchkit.stats.comparison import FLOORS, Floor, Question, Rule, gravest, judge_cells
from benchkit.stats.difference import difference
from benchkit.stats.replicates import (
    Replicate,
    loss_replicate,
    percentile_replicates,
    recorded_replicate,
)
from benchkit.stats.student import student_tail

WANTED = ("p50", "p95", "p99")
NO_FLOOR = Rule({kind: Floor(0.0, 0.0) for kind in FLOORS})


def normal(seed: int, n: int = 2000) -> NDArray[np.float64]:
    """A path of 8.5 ms with a jitter of 0.05 ms."""
    return 8.5 + 0.05 * np.random.default_rng(seed).standard_normal(n)


def correlated(seed: int, n: int = 2000, phi: float = 0.9) -> NDArray[np.float64]:
    """The same jitter, each packet's much like the one before."""
    noise = np.random.default_rng(seed).standard_normal(n) * 0.05 * math.sqrt(1 - phi**2)
    for index in range(1, n):
        noise[index] += phi * noise[index - 1]
    return 8.5 + noise


def question(
    base: list[Replicate], candidate: list[Replicate], statistic: str = "p95", *, gated: bool = True
) -> Question:
    return Question("a-b", "rtt", "idle", statistic, "ms", "rtt", gated, True, base, candidate)


def questions(
    base: list[NDArray[np.float64]], candidate: list[NDArray[np.float64]]
) -> list[Question]:
    ours, theirs = (
        [percentile_replicates(run, WANTED, seed) for seed, run in enumerate(side, first)]
        for side, first in ((base, 0), (candidate, 100))
    )
    return [question([run[w] for run in ours], [run[w] for run in theirs], w) for w in WANTED]


def level(value: float, error: float = 0.01) -> Replicate:
    return Replicate(value, error, error)


def goodput(value: float) -> Replicate:
    return Replicate(value, 1.0, 1.0)


@pytest.mark.parametrize("freedom", [1, 2, 4.5, 8, 100, 1e7])
@pytest.mark.parametrize("t", [-2.0, 0.0, 0.7, 3.0, 9.0])
def test_the_tail_of_student_is_that_of_scipy(t: float, freedom: float) -> None:
    assert student_tail(t, freedom) == pytest.approx(stats.t.sf(t, freedom), rel=1e-3)


def test_a_bootstrap_of_independent_samples_has_the_error_that_theory_has() -> None:
    found = bootstrap_percentiles(normal(1, 20_000), [0.5, 0.95, 0.99], 1.0, seed=1)
    shares = np.array([0.5, 0.95, 0.99])
    density = stats.norm.pdf(stats.norm.ppf(shares)) / 0.05
    assert found.std(axis=0) == pytest.approx(
        np.sqrt(shares * (1 - shares) / 20_000) / density, rel=0.2
    )


def test_a_bootstrap_of_correlated_samples_has_a_larger_error() -> None:
    alike, apart = (
        bootstrap_percentiles(values, [0.5], size, seed=1).std()
        for values, size in ((correlated(1), 19.0), (normal(1), 1.0))
    )
    # The mean of AR(1) 0.9 varies as that of a nineteenth of the samples; its median a little less.
    assert 2.5 < alike / apart < 6


def test_a_bootstrap_repeats_itself_from_its_seed() -> None:
    once, again, other = (bootstrap_percentiles(normal(1), [0.99], 1.0, seed) for seed in (1, 1, 2))
    assert (once == again).all()
    assert (once != other).any()


@given(
    st.lists(st.floats(0, 100) | st.just(math.inf), min_size=1, max_size=60),
    st.floats(1, 30),
)
@settings(max_examples=60, deadline=None)
def test_replicates_are_among_the_samples(values: list[float], size: float) -> None:
    found = bootstrap_percentiles(np.array(values), [0.5, 0.99], size, seed=0, replicates=20)
    assert set(found.ravel()) <= set(values)


def test_a_path_held_against_itself_shows_no_difference() -> None:
    cells = judge_cells(questions([normal(1)], [normal(2)]))
    assert [cell.word for cell in cells] == ["no difference seen"] * 3
    assert gravest(cells) == "no difference seen"
    for cell in cells:
        assert cell.smallest_visible is not None
        assert cell.floor is not None
        assert cell.smallest_visible > cell.floor


def test_a_slower_path_is_a_regression_and_a_faster_one_an_improvement() -> None:
    slow = normal(2) + 0.5
    assert {cell.word for cell in judge_cells(questions([normal(1)], [slow]))} == {"regression"}
    assert {cell.word for cell in judge_cells(questions([slow], [normal(1)]))} == {"improvement"}


def test_more_goodput_is_an_improvement() -> None:
    ask = Question(
        *("a-b", "goodput", "up", "mean", "Mbit/s", "goodput", True, False),
        base=[goodput(900.0)],
        candidate=[goodput(940.0)],
    )
    assert judge_cells([ask])[0].word == "improvement"
    turned = Question(
        *("a-b", "goodput", "up", "mean", "Mbit/s", "goodput", True, False),
        base=[goodput(940.0)],
        candidate=[goodput(900.0)],
    )
    assert judge_cells([turned])[0].word == "regression"


def test_a_tail_that_a_test_of_ranks_does_not_see_is_found() -> None:
    slow = normal(2)
    slow[np.random.default_rng(3).random(slow.size) < 0.02] += 2
    assert stats.mannwhitneyu(normal(1), slow).pvalue > 0.05
    by_name = {cell.statistic: cell.word for cell in judge_cells(questions([normal(1)], [slow]))}
    assert by_name["p50"] == "no difference seen"
    assert by_name["p99"] == "regression"


def test_a_sure_change_below_the_floor_is_no_regression() -> None:
    cells = judge_cells(questions([normal(1)], [normal(2) + 0.1]))
    assert {cell.word for cell in cells} == {"no difference seen"}
    assert "within the" in cells[0].reason
    stricter = judge_cells(questions([normal(1)], [normal(2) + 0.1]), NO_FLOOR)
    assert {cell.word for cell in stricter} == {"regression"}


def test_the_floor_is_the_greater_of_share_and_figure() -> None:
    floor = Floor(0.02, 0.1)
    assert floor.of(1.0) == 0.1
    assert floor.of(100.0) == 2.0
    assert floor.of(math.inf) == 0.1


def test_what_is_sure_alone_may_be_chance_among_many() -> None:
    # Three standard errors: sure by itself, one of a hundred cells is so by chance.
    doubtful = question([level(10.0, 0.1)], [level(10.43, 0.1)])
    quiet = question([level(10.0)], [level(10.0)])
    assert judge_cells([doubtful], NO_FLOOR)[0].word == "regression"
    among = judge_cells([doubtful, *[quiet] * 99], NO_FLOOR)
    assert among[0].word == "no difference seen"
    assert "not among so many cells" in among[0].reason


def test_cells_that_are_not_gated_cost_the_others_nothing() -> None:
    doubtful = question([level(10.0, 0.1)], [level(10.43, 0.1)])
    beside = question([level(10.0)], [level(11.0)], gated=False)
    cells = judge_cells([doubtful, *[beside] * 99], NO_FLOOR)
    assert cells[0].word == "regression"
    assert cells[1].word == "regression"
    assert gravest(cells[1:]) == "not comparable"


def test_three_runs_on_a_side_make_the_run_the_replicate() -> None:
    # Runs half a millisecond apart, each sure of itself to 10 us: the next one may be anywhere among them.
    base = [level(value) for value in (10.0, 10.5, 9.5, 10.2, 9.8)]
    found = difference(base, [level(10.6)])
    assert found.method == "runs"
    assert found.interval(0.95).low < 0
    blocks = difference(base[:1], [level(10.6)])
    assert blocks.method == "blocks"
    assert blocks.interval(0.95).low > 0.5


@pytest.mark.parametrize("count", [4, 5])
def test_runs_against_runs_are_student_where_equally_many_and_welch_else(count: int) -> None:
    ours, theirs = [10.0, 10.1, 10.4, 9.9], [10.5, 10.4, 11.0, 10.9, 10.2][:count]
    found = difference([level(v, 1e-9) for v in ours], [level(v, 1e-9) for v in theirs])
    test = stats.ttest_ind(theirs, ours, equal_var=count == 4)
    expected = test.confidence_interval(0.95)
    got = found.interval(0.95)
    assert (got.low, got.high) == pytest.approx((expected.low, expected.high), rel=1e-3)
    assert found.chance_above(0) == pytest.approx(test.pvalue / 2, rel=1e-3)


def test_one_run_against_many_is_a_prediction_interval() -> None:
    ours = [10.0, 10.1, 10.4, 9.9]
    got = difference([level(v, 1e-9) for v in ours], [level(10.3, 1e-9)]).interval(0.95)
    half = stats.t.ppf(0.975, 3) * np.std(ours, ddof=1) * math.sqrt(1 + 1 / 4)
    assert got.high - got.value == pytest.approx(half, rel=1e-3)


def test_runs_that_agree_too_well_are_no_surer_than_their_packets() -> None:
    found = difference([level(10.0, 0.1)] * 5, [level(10.0, 0.1)])
    half = stats.norm.ppf(0.975) * math.sqrt(0.1**2 + 0.1**2 / 5)
    assert found.interval(0.95).high == pytest.approx(half, rel=1e-3)


def test_a_percentile_lost_for_sure_is_a_regression_without_a_figure() -> None:
    lost = normal(2)
    lost[::20] = math.inf
    cells = {cell.statistic: cell for cell in judge_cells(questions([normal(1)], [lost]))}
    assert cells["p99"].word == "regression"
    assert "lost packet" in cells["p99"].reason
    assert cells["p99"].difference == Estimate()
    assert cells["p50"].word == "no difference seen"


def test_a_percentile_lost_by_a_hair_is_left_to_the_loss() -> None:
    lost = normal(2)
    lost[:21] = math.inf
    cell = judge_cells(questions([normal(1)], [lost]))[2]
    assert cell.word == "no difference seen"
    assert cell.smallest_visible is None
    assert "loss is judged by itself" in cell.reason


def test_a_record_says_the_same_as_the_samples_as_far_as_it_goes() -> None:
    whole = percentile_replicates(normal(1), WANTED, 1)["p50"]
    estimate = whole.estimate()
    read = recorded_replicate(estimate, lost=0, n=2000, size=2000, share=0.5)
    assert read.value == whole.value
    assert read.error_up == pytest.approx(whole.error_up)


def test_loss_differs_by_its_own_interval() -> None:
    rng = np.random.default_rng(1)
    one, other = (loss_replicate(rng.random(5000) < share) for share in (0.001, 0.03))
    ask = Question("a-b", "rtt", "idle", "loss", "%", "loss", True, True, [one], [other])
    assert judge_cells([ask])[0].word == "regression"
    same = Question("a-b", "rtt", "idle", "loss", "%", "loss", True, True, [one], [one])
    assert judge_cells([same])[0].word == "no difference seen"


def test_a_missing_cell_is_named_and_gated_only_where_the_candidate_lacks_it() -> None:
    gone, new = judge_cells([question([level(10)], []), question([], [level(10)])])
    assert (gone.word, gone.missing, gone.gated) == ("not comparable", "candidate", True)
    assert (new.word, new.missing, new.gated) == ("not comparable", "base", False)
    assert gravest([gone]) == "not comparable"


def test_what_is_not_comparable_gives_no_word_about_a_change() -> None:
    cells = judge_cells(questions([normal(1)], [normal(2) + 5]), not_comparable="what differs: x")
    assert {cell.word for cell in cells} == {"not comparable"}
    assert cells[0].difference is not None
    assert cells[0].difference.value == pytest.approx(5, abs=0.1)


def test_a_visible_change_is_found_four_times_in_five() -> None:
    rng = np.random.default_rng(5)
    visible = difference([level(10.0, 0.1)], [level(10.0, 0.1)]).smallest_visible(
        0.2, 0.01, upwards=True
    )
    assert visible is not None
    found = 0
    for _ in range(2000):
        ours, theirs = 10 + 0.1 * rng.standard_normal(2)
        drawn = difference([level(ours, 0.1)], [level(theirs + visible, 0.1)])
        found += drawn.chance_above(0.2) <= 0.01
    assert 0.77 < found / 2000 < 0.83


def test_correlated_packets_are_no_false_alarm() -> None:
    false = 0
    for seed in range(40):
        asked = questions([correlated(2 * seed)], [correlated(2 * seed + 1)])
        false += gravest(judge_cells(asked, NO_FLOOR)) == "regression"
    # A rank test calls half of these a change; the default level allows 1 in 100, and 4 in 40 is beyond any doubt.
    assert false < 4


@pytest.mark.parametrize("form", COMPARISON_FORMATS)
def test_every_format_says_the_word_and_the_runs(form: str) -> None:
    cells = judge_cells(questions([normal(1)], [normal(2) + 0.5]))
    comparison = Comparison(("one",), ("two",), gravest(cells), cells)
    text = render_comparison(comparison, form)
    assert "regression" in text.lower()
    assert "one" in text
    assert "two" in text
    assert text.endswith("\n")


def test_the_json_has_no_key_for_what_is_absent() -> None:
    cell = Cell(
        "a-b", "rtt", "idle", "p99", "ms", "not comparable", "x", True, True, missing="base"
    )
    written = json.loads(dump_comparison(Comparison(("a",), ("b",), "not comparable", (cell,))))
    assert next(iter(written)) == "schema"
    assert written["cells"][0]["missing"] == "base"
    assert "difference" not in written["cells"][0]


def test_names_cannot_break_a_table() -> None:
    cell = Cell("a|b\x1b[31m", "rtt", "idle", "p99", "ms", "regression", "a\nb", True, True)
    text = render_comparison(Comparison(("a",), ("b",), "regression", (cell,)), "markdown")
    assert "\x1b" not in text
    assert "a\\|b" in text


def test_the_command_offers_what_the_statistics_know() -> None:
    assert CLI_ASPECTS == ASPECTS


def test_a_million_packets_a_side_are_compared_in_seconds() -> None:
    rng = np.random.default_rng(1)
    sides = [8.5 + 0.05 * rng.pareto(1.5, 1_000_000) for _ in range(2)]
    started = time.perf_counter()
    judge_cells(questions([sides[0]], [sides[1]]))
    assert time.perf_counter() - started < 5


def in_turns(
    turns: int, more: float, wander: float, seed: int
) -> tuple[list[Replicate], list[Replicate]]:
    """Runs of both sides in turns of base, candidate, candidate, base, on a machine that wanders from turn to turn."""
    rng = np.random.default_rng(seed)
    base, candidate = [], []
    for _ in range(turns):
        middle = 8.5 + wander * rng.standard_normal()
        first, second, third, fourth = middle + 0.02 * rng.standard_normal(4)
        base += [level(first), level(fourth)]
        candidate += [level(second + more), level(third + more)]
    return base, candidate


def test_what_changes_from_turn_to_turn_costs_an_interleaved_comparison_nothing() -> None:
    sides = in_turns(5, 0.4, wander=1.0, seed=1)
    alternated, apart = difference(*sides, turns=5), difference(*sides)
    assert (alternated.method, apart.method) == ("interleaved", "runs")
    found, unaware = alternated.interval(0.95), apart.interval(0.95)
    assert found.value == unaware.value == pytest.approx(0.4, abs=0.03)
    assert 5 * (found.high - found.low) < unaware.high - unaware.low


def test_an_interleaved_comparison_of_a_thing_with_itself_keeps_its_level() -> None:
    wrong = sum(
        not found.low <= 0 <= found.high
        for seed in range(1000)
        if (found := difference(*in_turns(3, 0.0, wander=1.0, seed=seed), turns=3).interval(0.95))
    )
    assert 25 <= wrong <= 75


def test_turns_that_are_not_whole_are_compared_run_by_run() -> None:
    base, candidate = in_turns(3, 0.0, wander=0.0, seed=1)
    assert difference(base[1:], candidate, turns=3).method == "runs"
    assert difference(base[:2], candidate[:2], turns=1).method == "blocks"


def test_where_nothing_changed_the_headline_says_what_could_have_been_seen() -> None:
    judged = questions([normal(1)], [normal(2)])
    text = render_comparison(
        Comparison(("a",), ("b",), "no difference seen", judge_cells(judged)), "text", width=300
    )
    first = text.splitlines()[0]
    assert first.startswith("NO DIFFERENCE SEEN: in 3 judged cells; smallest visible: RTT p50 0.")
    assert first.count(" ms") == 3
    shown = float(first.partition("RTT p99 ")[2].partition(" ms")[0])
    assert shown == pytest.approx(judge_cells(judged)[2].smallest_visible, rel=0.05)


@pytest.mark.parametrize("loss", [None, Estimate(0.0, 0.0, 0.0767)])
def test_a_run_that_lost_nothing_knows_its_loss_however_alike_its_packets_are(
    loss: Estimate | None,
) -> None:
    alike = Metric(
        "rtt", "idle", "ms", 5000, effective_n=1, percentiles={"p50": Estimate(8.5)}, loss=loss
    )
    found = record_replicates(alike)["loss"]
    assert (found.value, found.error_down) == (0, 0)
    assert found.error_up == pytest.approx(0.0767 / 1.96, rel=0.01)


def udp(rate: float, lost: int, jitter: float) -> Metric:
    return Metric(
        metric="udp",
        phase="up",
        unit="Mbit/s",
        n=1000,
        lost=lost,
        estimate=Estimate(rate, rate - 0.1, rate + 0.1),
        details={"jitter_ms": jitter, "dropped_by_the_receiving_host": 100},
    )


def stored(number: int, *metrics: Metric) -> StoredRun:
    made = passing()
    path = replace(made.paths[0], metrics=metrics, verdicts=())
    run = f"20261126T00000{number}Z-x-0000"
    return StoredRun(replace(made, run=run, paths=(path,)), Path(run))


def test_datagrams_and_completion_are_compared_like_the_rest() -> None:
    """Their rate by its interval, from one run; what has none within a run, by how runs differ."""

    def completion(seconds: float) -> Metric:
        return Metric("completion", "train", "s", n=3, estimate=Estimate(seconds))

    def side(first: int, rate: float, lost: int, seconds: float, runs: int) -> list[StoredRun]:
        return [
            stored(first + at, udp(rate, lost, 0.02), completion(seconds + 0.01 * at))
            for at in range(runs)
        ]

    alone = compare_runs(side(0, 10, 0, 2.0, 1), side(5, 8, 90, 4.0, 1))
    words = {(cell.metric, cell.statistic): (cell.word, cell.gated) for cell in alone.cells}
    assert words["udp", "mean"] == ("regression", True)
    assert words["udp", "loss"] == ("no difference seen", False)
    assert words["completion", "mean"] == ("no difference seen", False)
    many = compare_runs(side(0, 10, 0, 2.0, 3), side(5, 10, 90, 4.0, 3))
    found = {(cell.metric, cell.statistic): cell for cell in many.cells}
    assert found["udp", "mean"].word == "no difference seen"
    assert found["udp", "loss"].word == "regression"
    assert found["udp", "loss"].unit == "%"
    loss = found["udp", "loss"].candidate
    assert loss is not None
    assert loss.value == 10.0  # of 900: the host dropped the rest
    assert found["udp", "jitter"].unit == "ms"
    assert not found["udp", "jitter"].gated
    assert (found["completion", "mean"].word, found["completion", "mean"].gated) == ("regression", True)  # fmt: skip
    text = render_comparison(many, "text")
    assert "UDP, up, Mbit/s" in text
    assert "completion, train, s" in text
    assert "jitter, ms" in text


def test_a_workload_that_did_not_end_is_missing_and_fails_a_gate() -> None:
    ended = Metric("completion", "train", "s", n=3, estimate=Estimate(2.0))
    base = [stored(at, ended) for at in range(3)]
    (cell,) = compare_runs(base, [stored(5, replace(ended, lost=1, estimate=None))]).cells
    assert (cell.missing, cell.gated) == ("candidate", True)
