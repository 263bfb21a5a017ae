"""What probes send home finds its place, in whatever order it comes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchkit.campaign.harvest import Harvest
from benchkit.model.samples import Samples, column

USER_T3 = 5  # what the reflector's user space wrote: never to be taken for the kernel's


def answers(sequences: Sequence[int], lost: Sequence[int] = (), phase: str = "idle") -> Samples:
    gone = np.isin(np.array(sequences, dtype=np.int64), lost)
    columns = {
        "sequence": column(sequences),
        "t3_ns": column([USER_T3] * len(sequences), gone),
        "t4_ns": column([9] * len(sequences), gone),
    }
    return Samples("rtt", "a-b", phase, columns)


def departures(ssid: int, sequences: Sequence[int], first: int = 1000) -> Samples:
    columns = {
        "ssid": column([ssid] * len(sequences)),
        "sequence": column(sequences),
        "t3_ns": column([first + sequence for sequence in sequences]),
    }
    return Samples("departures", "", "", columns)


def t3_of(harvest: Harvest, phase: str = "idle") -> list[int | None]:
    rows = harvest.samples("rtt", "a-b", phase)
    assert rows is not None
    found: list[int | None] = rows.columns["t3_ns"].tolist()
    return found


def test_departures_join_their_answers_and_no_others() -> None:
    harvest = Harvest()
    ssid = harvest.open_session("a-b", "idle")
    other = harvest.open_session("a-b", "up")
    assert ssid != other
    harvest.add(answers([0, 1, 2], lost=[1]))
    harvest.add(departures(other, [0, 1, 2], first=7000))
    assert t3_of(harvest) == [None, None, None]
    # The answer to 1 left over there, and was lost on its way back; 3 was never asked.
    harvest.add(departures(ssid, [2, 1, 0, 3]))
    assert t3_of(harvest) == [1000, None, 1002]
    rows = harvest.samples("rtt", "a-b", "idle")
    assert rows is not None
    assert rows.columns["t4_ns"].tolist() == [9, None, 9]


def test_beside_a_load_the_far_ends_own_queue_is_part_of_a_real_paths_answer() -> None:
    harvest = Harvest()
    for phase, kept in (("down", USER_T3), ("idle", 1000)):
        ssid = harvest.open_session("a-b", phase, ours=False)
        harvest.add(answers([0], phase=phase))
        harvest.add(departures(ssid, [0]))
        assert t3_of(harvest, phase) == [kept]
        assert harvest.is_counted("a-b", phase)
    ssid = harvest.open_session("a-b", "up")
    harvest.add(answers([0], phase="up"))
    harvest.add(departures(ssid, [0]))
    assert t3_of(harvest, "up") == [1000]  # one of ours, with no queue of its own


def test_what_was_due_after_a_load_had_died_is_cut_off() -> None:
    harvest = Harvest()
    harvest.open_session("a-b", "up", ours=False)
    rows = answers([0, 1, 2], phase="up")
    due = {"due_ns": column([10, 20, 30])}
    harvest.add(Samples("rtt", "a-b", "up", {**rows.columns, **due}))
    harvest.cut_off("up", "a-b", 25)
    found = harvest.samples("rtt", "a-b", "up")
    assert found is not None
    assert found.columns["due_ns"].tolist() == [10, 20]
    harvest.forget("up", {"a-b"})
    assert harvest.samples("rtt", "a-b", "up") is None


@given(st.permutations(range(6)))
def test_the_order_in_which_batches_come_matters_only_among_answers(order: list[int]) -> None:
    harvest = Harvest()
    ssid = harvest.open_session("a-b", "idle")
    # Answers in their order, as one probe sends them; departures anywhere between.
    parts = iter([answers([0, 1]), answers([2]), answers([3, 4], lost=[3])])
    left = iter([departures(ssid, [1, 0]), departures(ssid, [4]), departures(ssid, [2])])
    for index in order:
        harvest.add(next(parts) if index % 2 else next(left))
        harvest.samples("rtt", "a-b", "idle")  # what was asked before something came is asked anew
    assert t3_of(harvest) == [1000, 1001, 1002, None, 1004]
    assert not harvest.awaits_departures("a-b", "idle")


def test_departures_are_awaited_packet_by_packet() -> None:
    harvest = Harvest()
    ssid = harvest.open_session("a-b", "idle")
    assert not harvest.awaits_departures("a-b", "idle")
    harvest.add(answers([0, 1, 2], lost=[0]))
    assert harvest.awaits_departures("a-b", "idle")
    # Two answers came and two departures are known, but one of these is of the answer that was lost.
    harvest.add(departures(ssid, [0, 1]))
    assert harvest.awaits_departures("a-b", "idle")
    harvest.add(departures(ssid, [2]))
    assert not harvest.awaits_departures("a-b", "idle")


def test_a_far_end_without_stamps_of_its_own_is_not_waited_for() -> None:
    harvest = Harvest()
    columns = {"sequence": column([0]), "t4_ns": column([9])}
    harvest.add(Samples("rtt", "a-b", "idle", columns))
    assert not harvest.awaits_departures("a-b", "idle")
    rows = harvest.samples("rtt", "a-b", "idle")
    assert rows is not None
    assert "t3_ns" not in rows.columns


def test_a_departure_told_twice_is_one() -> None:
    harvest = Harvest()
    ssid = harvest.open_session("a-b", "idle")
    harvest.add(answers([0, 1]))
    harvest.add(departures(ssid, [0]))
    harvest.add(departures(ssid, [0]))
    assert harvest.awaits_departures("a-b", "idle")
    assert t3_of(harvest) == [1000, None]


def test_a_phase_measured_again_starts_with_nothing() -> None:
    harvest = Harvest()
    first = harvest.open_session("a-b", "calibration")
    harvest.add(answers([0, 1], phase="calibration"))
    harvest.add(departures(first, [0, 1]))
    harvest.add(answers([0], phase="idle"))
    harvest.forget("calibration")
    assert not harvest.has("rtt", "a-b", "calibration")
    assert harvest.samples("rtt", "a-b", "calibration") is None
    assert harvest.has("rtt", "a-b", "idle")
    second = harvest.open_session("a-b", "calibration")
    harvest.add(answers([0], phase="calibration"))
    # What left in the first attempt says nothing of the second.
    assert t3_of(harvest, "calibration") == [None]
    harvest.add(departures(second, [0], first=2000))
    assert t3_of(harvest, "calibration") == [2000]


def test_only_the_paths_that_are_measured_again_are_forgotten() -> None:
    harvest = Harvest()
    harvest.add(answers([0], phase="calibration"))
    harvest.forget("calibration", {"a-c"})
    assert harvest.has("rtt", "a-b", "calibration")
    harvest.forget("calibration", {"a-b", "a-c"})
    assert not harvest.has("rtt", "a-b", "calibration")


def test_session_numbers_are_those_an_ssid_can_have() -> None:
    harvest = Harvest()
    numbers = [harvest.open_session("a-b", str(index)) for index in range(65_536)]
    assert set(numbers) == set(range(1, 65_536))
    assert numbers[-1] == numbers[0]


def test_everything_is_each_kind_path_and_phase_whole() -> None:
    harvest = Harvest()
    assert harvest.everything() == []
    octets = Samples("goodput", "a-b", "up", {"octets": column([7])})
    for batch in (answers([0]), octets, answers([1])):
        harvest.add(batch)
    found = harvest.everything()
    assert [(one.kind, one.phase, len(one)) for one in found] == [
        ("rtt", "idle", 2),
        ("goodput", "up", 1),
    ]
