"""Metrics and verdicts of a path, from samples made by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from harvests import (
    MODEL,
    MS,
    goodput,
    idle_rows,
    metric,
    path,
    record_of,
    round_trips,
)
from plans import plan_of

from benchkit.campaign import summary
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.phases import WORK
from benchkit.clock import NS_PER_S
from benchkit.model.place import Budget, PathModel
from benchkit.model.samples import (
    HTTP_COLUMNS,
    HTTP_PHASES,
    Samples,
    column,
    tabulated,
)
from benchkit.model.workload import Exchange, Workload
from benchkit.probes.iperf3_meter import TOTAL_COLUMNS
from benchkit.stats.rates import loss_interval

SECOND = 1000 * MS
MIX = (Exchange(1, 1000, 1000),)
WORKLOADS = tuple(Workload(name, "inference", mix=MIX) for name in ("short", "long"))
PLAN = plan_of(SECOND, workloads=WORKLOADS)


def test_what_is_known_of_an_idle_path() -> None:
    harvest = Harvest()
    round_trips(harvest, [8 * MS + at for at in range(100)], lost=[3, 4], unstamped=[9])
    found = metric(record_of(harvest), "rtt", "idle")
    assert (found.n, found.lost, found.unstamped, found.unit) == (100, 2, 1, "ms")
    assert found.model == pytest.approx(8.00176)  # with its time on the wire, both ways
    assert found.floor == pytest.approx(7.59, abs=0.005)
    assert found.percentiles["p50"].value == pytest.approx(8.000052, abs=1e-9)
    assert found.percentiles["max"].value is None  # a lost packet


def test_under_load_the_queue_in_front_of_our_own_device_counts() -> None:
    harvest = Harvest()
    for phase in ("idle", "up", "down"):
        round_trips(harvest, [8 * MS] * 50, phase=phase)
    record = record_of(harvest)
    medians = [metric(record, "rtt", phase).percentiles["p50"].value for phase in ("up", "down")]
    assert medians == [pytest.approx(8.3), pytest.approx(8.3)]
    assert metric(record, "rtt", "idle").percentiles["p50"].value == pytest.approx(8.0)


def test_a_latency_budget_is_held_against_the_idle_path_only() -> None:
    harvest = Harvest()
    round_trips(harvest, [12 * MS] * 400, phase="up")
    budget = Budget("rtt", 10.0, "ms", "p50")
    (verdict,) = record_of(harvest, budget).verdicts
    assert (verdict.verdict, verdict.measured) == ("inconclusive", None)
    round_trips(harvest, [8 * MS] * 400)
    (verdict,) = record_of(harvest, budget).verdicts
    assert (verdict.verdict, verdict.phase) == ("pass", "idle")
    assert verdict.headroom == pytest.approx(2.0)


def test_too_many_lost_packets_fail_a_percentile_that_the_others_would_keep() -> None:
    harvest = Harvest()
    # Lost one here and one there, so that each counts as one.
    lost = np.random.default_rng(1).permutation(1000)[:100].tolist()
    round_trips(harvest, [8 * MS] * 1000, lost=lost)
    record = record_of(harvest, *(Budget("rtt", 10.0, "ms", name) for name in ("p50", "p95")))
    assert [one.verdict for one in record.verdicts] == ["pass", "fail"]
    assert record.verdict == "fail"


@pytest.mark.parametrize(
    ("limit", "verdict"), [(1.0, "fail"), (3.0, "inconclusive"), (9.0, "pass")]
)
def test_a_loss_budget_is_held_against_what_the_idle_path_lost(limit: float, verdict: str) -> None:
    harvest = Harvest()
    order = np.random.default_rng(1).permutation(1000).tolist()
    # An answer without a stamp was not lost.
    round_trips(harvest, [8 * MS] * 1000, lost=order[:30], unstamped=order[30:230])
    (found,) = record_of(harvest, Budget("loss", limit, "%", "")).verdicts
    assert found.verdict == verdict
    assert found.measured is not None
    assert found.measured.value == pytest.approx(3.0)
    assert found.measured.low is not None
    assert found.measured.low <= loss_interval(30, 1000).low


def test_losses_in_one_burst_prove_less_than_as_many_apart() -> None:
    highs = []
    for lost in (np.random.default_rng(1).permutation(1000)[:50].tolist(), range(400, 450)):
        harvest = Harvest()
        round_trips(harvest, [8 * MS] * 1000, lost=lost)
        (found,) = record_of(harvest, Budget("loss", 50.0, "%", "")).verdicts
        assert found.measured is not None
        assert found.measured.value == pytest.approx(5.0)
        highs.append(found.measured.high or math.inf)
    assert highs[1] > highs[0] + 5


def test_a_goodput_budget_is_held_against_the_worse_direction() -> None:
    harvest = Harvest()
    goodput(harvest, "up", 941.0)
    goodput(harvest, "down", 620.0)
    record = record_of(harvest, Budget("goodput", 900.0, "Mbit/s", ""))
    up, down = (metric(record, "goodput", phase) for phase in ("up", "down"))
    assert up.estimate is not None
    assert down.estimate is not None
    assert (up.estimate.value, down.estimate.value) == (pytest.approx(941), pytest.approx(620))
    assert (up.limited_by, down.limited_by) == ("rate", "unknown")
    assert (up.configured, up.n) == (1000.0, 20)
    (verdict,) = record.verdicts
    assert (verdict.verdict, verdict.phase) == ("fail", "down")


def test_a_goodput_budget_that_one_direction_leaves_open_is_not_kept_by_the_other() -> None:
    harvest = Harvest()
    goodput(harvest, "down", 925.0)
    rates = 1e6 / 80 * np.tile([400.0, 1500.0], 10)  # more on average, and nothing that is sure
    start = np.arange(20) * NS_PER_S // 10
    values = {"start_ns": start, "end_ns": start + NS_PER_S // 10, "octets": rates.astype(int)}
    columns = {name: column(one) for name, one in values.items()}
    harvest.add(Samples("goodput", "a-b", "up", columns))
    (verdict,) = record_of(harvest, Budget("goodput", 900.0, "Mbit/s", "")).verdicts
    assert (verdict.verdict, verdict.phase) == ("inconclusive", "up")
    assert "by `load_duration` of the target's plan" in verdict.reason


def inferred(harvest: Harvest, work: str, took_ns: int) -> None:
    due = np.arange(400) * 20 * MS
    columns = {"due_ns": column(due), "received_ns": column(due + took_ns)}
    harvest.add(Samples("inference", "a-b", f"{WORK}{work}", columns))


def test_a_budget_on_inference_is_held_against_the_worst_of_its_workloads() -> None:
    circumstances = summary.Circumstances(plan=PLAN)
    budgets = [Budget("inference", limit, "ms", "p95") for limit in (25.0, 50.0)]
    harvest = Harvest()
    inferred(harvest, "short", 20 * MS)
    inferred(harvest, "long", 30 * MS)
    record = summary.path_record(path(*budgets), harvest, circumstances)
    assert [one.verdict for one in record.verdicts] == ["fail", "pass"]
    assert {one.phase for one in record.verdicts} == {"long"}
    assert record.verdicts[0].measured is not None
    assert record.verdicts[0].measured.value == pytest.approx(30)


def test_a_budget_on_inference_rests_on_every_workload_that_infers() -> None:
    circumstances = summary.Circumstances(
        plan=PLAN, missing={("a-b", f"{WORK}long"): "the agent left"}
    )
    harvest = Harvest()
    inferred(harvest, "short", 20 * MS)
    budget = Budget("inference", 25.0, "ms", "p95")
    (verdict,) = summary.path_record(path(budget), harvest, circumstances).verdicts
    assert (verdict.verdict, verdict.reason) == ("inconclusive", "measured in part: the agent left")
    (verdict,) = record_of(Harvest(), budget).verdicts
    assert (verdict.verdict, verdict.reason) == ("inconclusive", "not measured")


def test_a_budget_that_no_probe_of_a_path_measures_is_left_open() -> None:
    # As on a killed run that read energy counters: its meters are told like paths.
    (verdict,) = record_of(Harvest(), Budget("ratio", 1.3, "times", "")).verdicts
    assert verdict.verdict == "inconclusive"


def test_an_emulator_that_lost_packets_is_what_limited_the_streams() -> None:
    harvest = Harvest()
    goodput(harvest, "up", 941.0)
    assert metric(record_of(harvest, drops=1), "goodput", "up").limited_by == "emulator"


def test_a_stream_of_which_nothing_arrived_was_not_measured() -> None:
    harvest = Harvest()
    goodput(harvest, "up", 0.0, intervals=0)
    record = record_of(harvest, Budget("goodput", 900.0, "Mbit/s", ""))
    assert record.metrics == ()
    (verdict,) = record.verdicts
    assert (verdict.verdict, verdict.reason) == ("inconclusive", "not measured")


def test_a_request_is_late_from_when_it_was_due() -> None:
    harvest = Harvest()
    due = np.arange(50) * 20 * MS
    lost = np.arange(50) == 7
    values = (np.arange(50), due, due + 3 * MS, due + 12 * MS, np.full(50, 200))
    holes = (False, False, False, lost, lost)
    columns = {
        name: column(one, hole)
        for name, one, hole in zip(HTTP_COLUMNS[:5], values, holes, strict=True)
    }
    columns |= {name: column(np.zeros(50), np.ones(50, dtype=bool)) for name in HTTP_PHASES}
    columns["wait_ns"] = column(np.full(50, 8 * MS), lost)
    harvest.add(Samples("http", "a-b", "http", columns))
    found = metric(record_of(harvest), "http", "idle")
    assert found.parts is not None
    means = {name: share.mean for name, share in found.parts.shares.items()}
    assert means["whole"] == pytest.approx(12)
    shares = {"late": 3, "dns": 0, "connect": 0, "tls": 0, "wait": 8, "transfer": 0, "client": 1}
    assert means == pytest.approx({"whole": 12, **shares})
    assert (found.n, found.lost, found.unstamped) == (50, 1, 0)
    assert found.percentiles["p50"].value == pytest.approx(12.0)


def test_an_unfit_machine_judges_nothing_and_still_shows_what_it_measured() -> None:
    harvest = Harvest()
    round_trips(harvest, [8 * MS] * 400)
    record = record_of(harvest, Budget("rtt", 10.0, "ms", "p50"), unfit="the clock stepped")
    assert record.verdict == "unfit"
    (verdict,) = record.verdicts
    assert (verdict.verdict, verdict.reason) == ("inconclusive", "the clock stepped")
    assert metric(record, "rtt", "idle").percentiles["p50"].value == pytest.approx(8.0)


def test_an_open_verdict_says_how_much_longer_would_do_and_by_which_option() -> None:
    harvest = Harvest()
    took = np.random.default_rng(1).integers(8 * MS, 9 * MS, 30)
    round_trips(harvest, took.tolist())
    record = record_of(harvest, Budget("rtt", 10.0, "ms", "p95"))
    (verdict,) = record.verdicts
    assert verdict.reason == (
        "p95 needs at least 72 effective samples, there were 30: measure about 3 times as long "
        "(--until-decided goes on until it is)"
    )


def test_a_path_of_which_nothing_came_has_no_metrics() -> None:
    record = record_of(Harvest(), Budget("rtt", 10.0, "ms", "p95"))
    assert (record.metrics, record.verdict) == ((), "inconclusive")
    assert [one.reason for one in record.verdicts] == ["not measured"]


def test_a_late_emulator_cannot_fail_a_budget_that_the_model_keeps() -> None:
    harvest = Harvest()
    round_trips(harvest, (8.4 * MS + np.random.default_rng(1).permutation(1000)).tolist())
    budgets = [Budget("rtt", limit, "ms", "p95") for limit in (7.9, 8.3, 8.5)]
    broken, doubtful, kept = record_of(harvest, *budgets).verdicts
    assert (broken.verdict, doubtful.verdict, kept.verdict) == ("fail", "inconclusive", "pass")
    assert doubtful.less_by == pytest.approx(0.4, abs=0.01)
    assert "the emulator's own error is 0.399 ms" in doubtful.reason


def test_a_stream_from_an_iperf3_server_says_what_that_tells() -> None:
    for resent, words in (
        (9, "that it sent 9 segments again"),
        (-1, "not even what it sent again"),
    ):
        harvest = Harvest()
        goodput(harvest, "down", 620.0)
        rows = [(1, 0, 1, 1, resent, -1, -1, -1, 1), (2, 1, 1, 1, 7, -1, -1, -1, 1)]
        harvest.add(tabulated("iperf3", "a-b", "down", TOTAL_COLUMNS, rows, hole=-1))
        down = metric(record_of(harvest), "goodput", "down")
        assert down.limited_by == f"what an iperf3 server does not tell; it says {words}"


@pytest.mark.parametrize(("model", "is_named"), [(None, True), (MODEL, False)])
def test_a_real_path_that_fails_by_losses_there_names_what_an_agent_may_have_turned_away(
    model: PathModel | None, is_named: bool
) -> None:
    chance = np.random.default_rng(1)
    rows = idle_rows(chance.integers(8 * MS, 9 * MS, 500).tolist())
    answered = chance.random(500) < 0.7
    columns = {name: column(each.data, ~answered) for name, each in rows.columns.items()}
    columns |= {name: rows.columns[name] for name in ("sequence", "due_ns", "sent_ns", "t1_ns")}
    columns["far_sequence"] = column(np.cumsum(answered) - 1, ~answered)
    columns |= {name: column(np.zeros(500)) for name in ("far_copies", "far_flags", "far_ttl")}
    told = Harvest()
    told.open_session("a-b", "idle", ours=False)
    told.add(Samples("rtt", "a-b", "idle", columns))
    budgets = [Budget("loss", 1.0, "%", ""), Budget("rtt", 20.0, "ms", "p90")]
    budgets.append(Budget("rtt", 5.0, "ms", "p50"))  # of 8 to 9 ms, whatever is lost
    real = replace(path(*budgets), model=model)
    verdicts = summary.path_record(real, told, summary.Circumstances()).verdicts
    assert [each.verdict for each in verdicts] == ["fail"] * 3
    named = ["--rate-cap" in each.reason for each in verdicts]
    assert named == [is_named, is_named, False]
