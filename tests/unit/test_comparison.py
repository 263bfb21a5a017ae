"""Differences with intervals: what chance alone does is no change, and what is changed is found."""

from __future__ import annotations

import math

import numpy as np
import pytest
from comparisons import WANTED, correlated, goodput, level, normal, question, questions
from scipy import stats

from benchkit.campaign.comparing import record_replicates
from benchkit.cli.comparing import ASPECTS as CLI_ASPECTS
from benchkit.model.comparison import Cell, Comparison
from benchkit.model.record import Estimate, Metric
from benchkit.reports.comparison_rows import blocks_of, told
from benchkit.stats.comparable import ASPECTS
from benchkit.stats.comparison import FLOORS, CellQuestion, Floor, Rule, gravest, judge_cells
from benchkit.stats.difference import difference
from benchkit.stats.replicates import loss_replicate, percentile_replicates, recorded_replicate

NO_FLOOR = Rule({kind: Floor(0.0, 0.0) for kind in FLOORS})


def test_a_path_held_against_itself_shows_no_difference() -> None:
    cells = judge_cells(questions([normal(1)], [normal(2)]))
    assert [cell.word for cell in cells] == ["no difference seen"] * 3
    assert gravest(cells) == "no difference seen"
    for cell in cells:
        assert cell.smallest_visible is not None
        assert cell.floor is not None
        assert cell.smallest_visible > cell.floor


def test_a_change_too_small_to_count_says_what_would() -> None:
    cells = judge_cells([question([level(8.5, 0.001)], [level(8.55, 0.001)])])
    (block,) = blocks_of(Comparison(("a",), ("b",), gravest(cells), cells))["a-b"]
    assert {cell.word for cell in cells} == {"no difference seen"}
    assert block.rows[0][1][-1] == "below the 0.17 ms that count"


def test_a_slower_path_is_a_regression_and_a_faster_one_an_improvement() -> None:
    slow = normal(2) + 0.5
    assert {cell.word for cell in judge_cells(questions([normal(1)], [slow]))} == {"regression"}
    assert {cell.word for cell in judge_cells(questions([slow], [normal(1)]))} == {"improvement"}


def test_more_goodput_is_an_improvement() -> None:
    ask = CellQuestion(
        *("a-b", "goodput", "up", "mean", "Mbit/s", "goodput", True, False),
        base=[goodput(900.0)],
        candidate=[goodput(940.0)],
    )
    assert judge_cells([ask])[0].word == "improvement"
    turned = CellQuestion(
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
    ask = CellQuestion("a-b", "rtt", "idle", "loss", "%", "loss", True, True, [one], [other])
    assert judge_cells([ask])[0].word == "regression"
    same = CellQuestion("a-b", "rtt", "idle", "loss", "%", "loss", True, True, [one], [one])
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


def test_the_command_offers_what_the_statistics_know() -> None:
    assert CLI_ASPECTS == ASPECTS


def test_a_million_packets_a_side_that_are_alike_are_not_called_different() -> None:
    rng = np.random.default_rng(1)
    sides = [8.5 + 0.05 * rng.pareto(1.5, 1_000_000) for _ in range(2)]
    judged = judge_cells(questions([sides[0]], [sides[1]]))
    assert {cell.word for cell in judged} == {"no difference seen"}


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


def test_as_many_cells_are_listed_as_missing_as_are_counted() -> None:
    def cell(name: str, *, gated: bool) -> Cell:
        return Cell(
            name,
            "rtt",
            "idle",
            "p99",
            "ms",
            "not comparable",
            "x",
            gated,
            True,
            missing="candidate",
        )

    listed = told([cell("judged", gated=True), cell("not-judged", gated=False)])
    assert [word for _, word, _ in listed] == ["missing"]
    assert told([cell("judged", gated=True)], ["target: base a; candidate b"]) == ()
