"""What was not wholly measured says how much of how much there is, and never passes."""

from __future__ import annotations

import numpy as np
import pytest
from round_trip_rows import answers

from benchkit.campaign.harvest import Harvest
from benchkit.campaign.latencies import Circumstances
from benchkit.campaign.ledger import Ledger
from benchkit.campaign.meshes import stand_ins
from benchkit.campaign.phases import DOWN, HTTP, IDLE, UP, Phase
from benchkit.campaign.summary import path_record
from benchkit.model.place import Budget, Path
from benchkit.model.samples import Samples, column

S = 1_000_000_000
BUDGETS = (Budget("rtt", 10.0, "ms", "p50"), Budget("goodput", 50.0, "Mbit/s", ""))
PATH, OTHER = Path("a-b", "a", "b", None, BUDGETS), Path("a-c", "a", "c", None, BUDGETS)
ROUND = Phase(IDLE, "idle", (PATH, OTHER), S, 400)
LOADS = [Phase(name, name, (PATH,), 5 * S, 10) for name in (UP, DOWN)]


def harvested(count: int, *loads: str, seconds: int = 5) -> Harvest:
    """So many round trips of each path, and 100 Mbit/s in these directions."""
    harvest = Harvest()
    for path in ("a-b", "a-c"):
        harvest.open_session(path, IDLE, ours=False)
        if count:
            harvest.add(answers(path, count))
    start = np.arange(10 * seconds) * S // 10
    octets = np.full(len(start), 1_250_000)
    values = {"start_ns": start, "end_ns": start + S // 10, "octets": octets}
    for load in loads:
        columns = {name: column(one) for name, one in values.items()}
        harvest.add(Samples("goodput", "a-b", load, columns))
    return harvest


def planned(*phases: Phase) -> Ledger:
    ledger = Ledger()
    for phase in phases:
        ledger.plan_phase(phase)
    return ledger


def verdicts(
    ledger: Ledger, harvest: Harvest, *, interrupted: bool = True
) -> list[tuple[str, str]]:
    under = Circumstances(missing=ledger.missing(harvest, interrupted=interrupted))
    return [(one.verdict, one.reason) for one in path_record(PATH, harvest, under).verdicts]


def test_what_is_whole_passes_whatever_is_interrupted_later() -> None:
    ledger = planned(ROUND, *LOADS)
    for phase in (ROUND, *LOADS):
        ledger.close_phase(phase)
    found = verdicts(ledger, harvested(400, UP, DOWN))
    assert [verdict for verdict, _ in found] == ["pass", "pass"]


def test_a_cell_that_is_cut_short_never_passes_and_says_how_much_there_is() -> None:
    found = verdicts(planned(ROUND, *LOADS), harvested(300))
    assert found[0] == (
        "inconclusive",
        "measured in part: 300 of 400 packets; the run was interrupted",
    )
    assert found[1] == ("inconclusive", "the run was interrupted before this was measured")


def test_a_further_round_that_is_cut_short_cuts_the_cell() -> None:
    ledger = planned(ROUND)
    ledger.plan_phase(ROUND)
    ledger.close_phase(ROUND)
    assert "600 of 800 packets" in verdicts(ledger, harvested(600))[0][1]


def test_all_that_came_and_was_not_looked_at_does_not_pass() -> None:
    verdict, reason = verdicts(planned(ROUND), harvested(400))[0]
    assert (verdict, reason) == (
        "inconclusive",
        "measured in part: the run was interrupted before this was looked at",
    )


@pytest.mark.parametrize(
    ("loads", "closed", "words"),
    [
        ((UP,), (UP,), "the run was interrupted before this was measured"),
        ((UP, DOWN), (UP,), "5.0 of 5 s; the run was interrupted"),
    ],
)
def test_one_direction_of_two_does_not_pass(
    loads: tuple[str, ...], closed: tuple[str, ...], words: str
) -> None:
    ledger = planned(*LOADS)
    for phase in LOADS:
        if phase.name in closed:
            ledger.close_phase(phase)
    verdict, reason = verdicts(ledger, harvested(0, *loads))[1]
    assert (verdict, reason) == ("inconclusive", f"measured in part: {words}")


def test_what_a_part_proves_broken_is_broken() -> None:
    harvest = Harvest()
    harvest.open_session("a-b", IDLE, ours=False)
    harvest.add(answers("a-b", 300))  # of 8 ms
    missing = planned(ROUND).missing(harvest, interrupted=True)
    path = Path("a-b", "a", "b", None, (Budget("rtt", 5.0, "ms", "p50"),))
    (found,) = path_record(path, harvest, Circumstances(missing=missing)).verdicts
    assert found.verdict == "fail"


def test_what_nobody_was_there_to_answer_fails_no_path() -> None:
    harvest = harvested(400)
    ledger = planned(ROUND)
    ledger.close_phase(ROUND)
    ledger.lose_far_end([("a-b", IDLE)], "site b was lost")
    under = Circumstances(
        missing=ledger.missing(harvest, interrupted=False), without_far_end=ledger.without_far_end
    )
    budgets = [Budget("rtt", limit, "ms", "p50") for limit in (5.0, 10.0)]  # of 8 ms
    path = Path("a-b", "a", "b", None, tuple(budgets))
    broken, kept = path_record(path, harvest, under).verdicts
    assert (broken.verdict, broken.reason) == (
        "inconclusive",
        "its far end fell silent meanwhile: site b was lost",
    )
    assert kept.verdict == "pass"


def test_rows_that_never_came_home_are_missed_though_nobody_complained() -> None:
    ledger = planned(ROUND)
    ledger.close_phase(ROUND)
    verdict, reason = verdicts(ledger, harvested(399), interrupted=False)[0]
    assert (verdict, reason) == (
        "inconclusive",
        "measured in part: 399 of 400 packets; the rest was never told",
    )


def test_the_trouble_of_a_part_is_its_reason() -> None:
    ledger = planned(ROUND)
    ledger.blame([("a-b", IDLE)], "site a was lost")
    ledger.blame([("a-b", IDLE)], "and this came of it")
    ledger.close_phase(ROUND)
    assert "300 of 400 packets; site a was lost" in verdicts(ledger, harvested(300))[0][1]
    assert verdicts(ledger, harvested(0))[0][1] == "site a was lost"
    assert verdicts(ledger, harvested(400))[0][0] == "pass"  # all that was due had come by then


def test_requests_are_counted_as_packets_are() -> None:
    path = Path("a-b", "a", "b", None, (Budget("http", 100.0, "ms", "p50"),))
    ledger = planned(Phase(HTTP, "http", (path,), S, 200))
    harvest = Harvest()
    rows = answers("a-b", 150, phase=HTTP)
    harvest.add(Samples("http", "a-b", HTTP, {**rows.columns, "status": column(np.full(150, 200))}))
    under = Circumstances(missing=ledger.missing(harvest, interrupted=True))
    (found,) = path_record(path, harvest, under).verdicts
    assert found.verdict == "inconclusive"
    assert "150 of 200 requests" in found.reason


def test_the_way_back_of_a_loaded_path_is_judged_by_it() -> None:
    budget = Budget("goodput", 50.0, "Mbit/s", "")
    mesh = [
        Path(f"{near}-{far}", near, far, None, (budget,), in_mesh=True)
        for near, far in (("a", "b"), ("b", "a"))
    ]
    ledger = planned(*LOADS)
    for phase in LOADS:
        ledger.close_phase(phase)
    harvest = harvested(0, UP, DOWN)
    under = Circumstances(
        missing=ledger.missing(harvest, interrupted=False), stand_ins=stand_ins(mesh)
    )
    there, back = (path_record(path, harvest, under) for path in mesh)
    assert (there.verdict, back.verdict) == ("pass", "pass")
    assert {there.verdicts[0].phase, back.verdicts[0].phase} == {UP, DOWN}
    assert not any(metric.metric == "goodput" for metric in back.metrics)
    cut = Circumstances(
        missing=planned(*LOADS).missing(harvest, interrupted=True), stand_ins=stand_ins(mesh)
    )
    assert path_record(mesh[1], harvest, cut).verdict == "inconclusive"
