"""Workloads: on paper, as phases and jobs, and what came of them."""

from __future__ import annotations

import pytest
from plans import plan_of

from benchkit.campaign import phases, workloads
from benchkit.campaign.phases import WORK, Phase
from benchkit.model.bulk_spec import FilesSpec
from benchkit.model.place import Direction, Path, PathModel
from benchkit.model.samples import Samples, column
from benchkit.model.spec import HttpSpec
from benchkit.model.workload import Exchange, Workload
from benchkit.planning.framing import Framing
from benchkit.planning.workloads import exchange_s, mean_exchange_s, transfer_s

MS, S = 1_000_000, 1_000_000_000
GIGABIT = 1e9
FRAMING = Framing()
DATA_SET = Workload("data", "data set", octets=100_000_001, files=10, streams=2)
CHECKPOINT = Workload("check", "checkpoint", octets=1000, streams=2, every_ns=S, rounds=3)
MIX = (Exchange(3, 1000, 2000), Exchange(1, 100_000, 1000))
INFERENCE = Workload("ask", "inference", mix=MIX, rate_per_s=50.0, duration_ns=2 * S)
PLAN = plan_of(S, probes=("workload",), workloads=(DATA_SET, CHECKPOINT, INFERENCE))
PATH = Path("a-b", "a", "b", PathModel(Direction(5 * MS), Direction(5 * MS), 1_000_000_000))
FREE = Path("a-b", "a", "b", None)
TO = ("192.0.2.1", 8620)
URL = "http://192.0.2.1:8080/"


def test_a_transfer_takes_no_less_than_the_line_needs() -> None:
    one = Workload("x", "data set", octets=117_687_500, files=1)  # a second of goodput
    ideal = one.octets * 8 / FRAMING.goodput_bps(GIGABIT)
    assert transfer_s(one, GIGABIT, 0.0001, FRAMING) == pytest.approx(ideal, rel=0.01)
    assert transfer_s(one, GIGABIT, 0.1, FRAMING) > ideal + 0.1


def test_answers_cost_a_round_trip_for_each_file_of_a_connection() -> None:
    def seconds(files: int, streams: int) -> float:
        work = Workload("x", "data set", octets=1_000_000, files=files, streams=streams)
        return transfer_s(work, GIGABIT, 0.01, FRAMING)

    assert seconds(100, 1) == pytest.approx(1.0, abs=0.15)
    assert seconds(100, 10) == pytest.approx(0.1, abs=0.08)
    assert seconds(100, 1) > seconds(100, 10) > seconds(1, 1)


def test_a_checkpoint_over_grown_connections_is_its_data_and_one_round_trip() -> None:
    work = Workload("x", "checkpoint", octets=117_687_500, streams=4, every_ns=S, rounds=3)
    ideal = work.octets * 8 / FRAMING.goodput_bps(GIGABIT)
    assert transfer_s(work, GIGABIT, 0.1, FRAMING) == pytest.approx(ideal + 0.1)


def test_an_exchange_is_a_round_trip_and_its_octets() -> None:
    small = exchange_s(Exchange(1, 100, 100), GIGABIT, 0.01, FRAMING)
    assert small == pytest.approx(0.01, abs=0.0001)
    large = exchange_s(Exchange(1, 1000, 1_000_000), GIGABIT, 0.01, FRAMING)
    assert large == pytest.approx(0.01 + 0.0085, abs=0.0001)
    mean = mean_exchange_s(INFERENCE, GIGABIT, 0.01, FRAMING)
    each = [exchange_s(one, GIGABIT, 0.01, FRAMING) for one in MIX]
    assert mean == pytest.approx((3 * each[0] + each[1]) / 4)


def test_each_workload_is_a_phase_and_a_job() -> None:
    found = phases.measuring_phases(PLAN, (PATH,))
    assert [one.name for one in found] == ["work data", "work check", "work ask"]
    data, check, ask = (workloads.job(PATH, one, PLAN, TO, URL) for one in found)
    assert data is not None
    assert isinstance(data[1], FilesSpec)
    sizes = [octets for _, _, octets in data[1].files]
    assert (len(sizes), sum(sizes), max(sizes) - min(sizes)) == (10, 100_000_001, 1)
    assert check is not None
    assert isinstance(check[1], FilesSpec)
    due = [due for _, due, _ in check[1].files]
    assert due == [0, 0, S, S, 2 * S, 2 * S]
    assert check[1].limit_ns > 3 * S
    assert ask is not None
    assert isinstance(ask[1], HttpSpec)
    assert (ask[1].count, ask[1].mix) == (100, ((3, 1000, 2000), (1, 100_000, 1000)))
    assert workloads.job(PATH, Phase("up", "", (PATH,), S, 0), PLAN, TO, URL) is None


def files(done: list[int | None], due: list[int]) -> Samples:
    values = [0 if each is None else each for each in done]
    columns = {
        "number": column(list(range(len(due)))),
        "due_ns": column(due),
        "sent_ns": column(due),
        "done_ns": column(values, [each is None for each in done]),
        "octets": column([500] * len(due)),
    }
    return Samples("files", "a-b", f"{WORK}check", columns)


def test_a_checkpoint_is_done_when_its_last_part_is() -> None:
    due = [0, 0, S, S, 2 * S, 2 * S]
    done = [5, S // 2, S + 1, S + S // 4, 2 * S, 2 * S + 3 * S // 2]
    ((metric, _),) = workloads.metrics(PATH, {"files": files([*done], due)}, "work check", PLAN)
    assert metric.estimate is not None
    assert metric.estimate.value == pytest.approx(0.5)
    assert (metric.metric, metric.phase, metric.unit, metric.lost) == (
        "completion",
        "check",
        "s",
        0,
    )
    assert metric.details["longest_s"] == pytest.approx(1.5)
    assert metric.details["too_late"] == 1
    assert metric.details["times_paper"] > 1
    assert metric.setup == "0.001 MB every 1000 ms, 3 times, 2 connections"


def test_what_is_missing_has_no_time() -> None:
    due = [0, 0, S, S, 2 * S, 2 * S]
    rows = files([5, 5, S + 5, None, 2 * S + 5, 2 * S + 5], due)
    ((metric, _),) = workloads.metrics(FREE, {"files": rows}, "work check", PLAN)
    assert (metric.estimate, metric.lost) == (None, 1)
    assert metric.details["too_late"] == 1
    assert "on_paper_s" not in metric.details


def test_inference_is_a_latency_beside_its_figure_on_paper() -> None:
    times = [at * 20 * MS for at in range(100)]
    columns = {
        "due_ns": column(times),
        "received_ns": column([each + 20 * MS for each in times]),
    }
    rows = Samples("inference", "a-b", "work ask", columns)
    ((metric, intervals),) = workloads.metrics(PATH, {"inference": rows}, "work ask", PLAN)
    assert (metric.metric, metric.phase, metric.n) == ("inference", "ask", 100)
    assert intervals["p50"].value == pytest.approx(20)
    assert metric.details["on_paper"] == pytest.approx(metric.model)
