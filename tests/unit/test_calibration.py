"""Asked against got, from samples made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchkit.campaign import calibration, calibration_words, following, phases
from benchkit.campaign.harvest import Harvest
from benchkit.model.impairment import Bursts, Trace
from benchkit.model.place import Direction, Path, PathModel
from benchkit.model.record import Calibration
from benchkit.model.samples import DUPLICATES, RTT_COLUMNS, Samples, column

MS = 1_000_000
N = 2000
START = 1_700_000_000_000_000_000


def path(forward: Direction, backward: Direction | None = None, rate: int | None = None) -> Path:
    return Path("a-b", "a", "b", PathModel(forward, backward or forward, rate))


def round_trips(
    harvest: Harvest,
    phase: str,
    there: np.ndarray,
    back: np.ndarray,
    lost: np.ndarray | None = None,
) -> None:
    """Put packets into the harvest that took so long in each direction, one a millisecond."""
    count = len(there)
    gone = np.zeros(count, dtype=bool) if lost is None else lost
    t1 = START + np.arange(count) * MS
    t2 = t1 + there
    t3 = t2 + 1000
    t4 = t3 + back
    times = {"t1_ns": t1, "t2_ns": t2, "t3_ns": t3, "t4_ns": t4, "received_ns": t4}
    columns = {name: column(times.get(name, t1), gone) for name in RTT_COLUMNS}
    columns |= {name: column(t1) for name in ("due_ns", "sent_ns", "t1_sched_ns", "t1_ns")}
    columns["sequence"] = column(np.arange(count))
    columns[DUPLICATES] = column(np.zeros(count))
    ssid = harvest.open_session("a-b", phase)
    harvest.add(Samples("rtt", "a-b", phase, columns))
    departed = {"ssid": np.full(count, ssid), "sequence": np.arange(count), "t3_ns": t3}
    harvest.add(Samples("departures", "", "", {key: column(v) for key, v in departed.items()}))


def harvest_of(there: float, back: float, *, floor: float = 0.02, noise: float = 0.0) -> Harvest:
    generator = np.random.default_rng(1)
    harvest = Harvest()
    still = np.full(N, floor * MS, dtype=np.int64)
    round_trips(harvest, phases.FLOOR, still, still)
    spread = (generator.normal(0, noise * MS, N)).astype(np.int64) if noise else 0
    sent = np.arange(N) * MS
    in_order = np.maximum.accumulate(sent + round(there * MS) + spread) - sent
    back_ns = np.full(N, back * MS, dtype=np.int64)
    round_trips(harvest, phases.CALIBRATION, in_order, back_ns)
    return harvest


def by_name(found: list[Calibration]) -> dict[tuple[str, str], Calibration]:
    return {(one.direction, one.quantity): one for one in found}


def test_each_direction_is_held_by_itself() -> None:
    asked = path(Direction(3 * MS), Direction(9 * MS))
    found = by_name(calibration.calibrations([asked], harvest_of(3.01, 9.5), 150_000))
    assert found["forward", "delay"].within
    assert found["backward", "delay"].got == pytest.approx(9.5)
    assert not found["backward", "delay"].within
    assert not found["both", "delay"].within
    assert found["both", "delay"].floor == pytest.approx(0.04)
    (first, _) = calibration_words.out_of_tolerance(list(found.values()), "netem")
    assert "9.000 ms" in first
    assert "9.500 ms" in first


def test_too_little_jitter_is_out_of_tolerance() -> None:
    asked = path(Direction(5 * MS, 1 * MS), Direction(5 * MS))
    whole = by_name(calibration.calibrations([asked], harvest_of(5, 5, noise=1.0), 150_000))
    none = by_name(calibration.calibrations([asked], harvest_of(5, 5), 150_000))
    assert whole["forward", "jitter"].within
    assert not none["forward", "jitter"].within


def lossy(share: float) -> Harvest:
    harvest = harvest_of(5, 5)
    harvest.forget(phases.CALIBRATION)
    lost = np.arange(N) < share * N
    still = np.full(N, 5 * MS, dtype=np.int64)
    round_trips(harvest, phases.CALIBRATION, still, still, lost)
    return harvest


@pytest.mark.parametrize(
    ("got", "within"), [(0.010, True), (0.016, True), (0.03, False), (0, False)]
)
def test_loss_may_be_off_by_chance_alone(got: float, within: bool) -> None:
    asked = path(Direction(5 * MS, loss=0.01), Direction(5 * MS))
    (row,) = [
        one
        for one in calibration.calibrations([asked], lossy(got), 150_000)
        if one.quantity == "loss"
    ]
    assert row.asked == pytest.approx(1.0)
    assert row.got == pytest.approx(100 * got)
    assert row.within == within


def test_bursts_may_be_off_by_more() -> None:
    asked = path(Direction(5 * MS, bursts=Bursts(0.001, 0.1)), Direction(5 * MS))
    found = by_name(calibration.calibrations([asked], lossy(0.03), 150_000))
    assert found["both", "loss"].within


def test_a_delay_below_the_floor_is_told_with_both_numbers() -> None:
    asked = path(Direction(20_000), Direction(5 * MS))
    found = calibration.calibrations([asked], harvest_of(0.11, 5, floor=0.1), 150_000)
    (said,) = calibration_words.below_the_floor([asked], found)
    assert "0.020 ms" in said
    assert "0.100 ms" in said


def test_no_delay_at_all_is_given_whatever_the_wire_takes() -> None:
    asked = path(Direction(0), rate=100_000_000)
    found = calibration.calibrations([asked], harvest_of(0.11, 0.11, floor=0.1), 150_000)
    assert found[0].asked == pytest.approx(0.0088)
    assert calibration_words.below_the_floor([asked], found) == []


def test_a_rate_is_told_as_it_is_on_the_wire() -> None:
    harvest = harvest_of(5, 5)
    octets = round(1e9 / 8 * 0.1 * 1448 / 1538)
    edges = np.arange(11) * 100 * MS
    columns = {"start_ns": edges[:-1], "end_ns": edges[1:], "octets": np.full(10, octets)}
    rows = {key: column(values) for key, values in columns.items()}
    harvest.add(Samples("goodput", "a-b", phases.RATE_UP, rows))
    asked = path(Direction(5 * MS), rate=1_000_000_000)
    found = by_name(calibration.calibrations([asked], harvest, 150_000))
    assert found["forward", "rate"].got == pytest.approx(1000, rel=1e-3)
    assert found["forward", "rate"].within
    faster = path(Direction(5 * MS), rate=2_000_000_000)
    assert not by_name(calibration.calibrations([faster], harvest, 150_000))[
        "forward", "rate"
    ].within


def test_a_trace_is_followed_or_not() -> None:
    trace = Trace((0, 500 * MS, 1000 * MS), (5 * MS, 8 * MS, 6 * MS))
    asked = path(Direction(5 * MS, trace=trace), Direction(4 * MS))
    steps = np.repeat([5 * MS, 8 * MS, 6 * MS, 6 * MS], 500)
    back = np.full(N, 4 * MS, dtype=np.int64)
    good, bad = Harvest(), Harvest()
    round_trips(good, phases.IDLE, steps, back)
    round_trips(bad, phases.IDLE, np.full(N, 5 * MS), back)
    followed = following.followed(asked, good, START, 150_000)
    ignored = following.followed(asked, bad, START, 150_000)
    assert followed is not None
    assert followed.within
    assert ignored is not None
    assert not ignored.within
    assert following.followed(path(Direction(5 * MS)), good, START, 150_000) is None


def test_a_trace_that_ends_before_the_measurement_is_told() -> None:
    short = path(Direction(5 * MS, trace=Trace((0, 500 * MS), (5 * MS, 8 * MS))), Direction(4 * MS))
    (said,) = following.outlasted([short], 3000 * MS)
    assert said.startswith("a-b: its trace ends after 1 s, and 3 s were measured")
    assert list(following.outlasted([short, path(Direction(5 * MS))], 1000 * MS)) == []


def test_jitter_on_a_trace_is_the_models_and_not_the_emulators() -> None:
    trace = Trace((0, 500 * MS), (5 * MS, 8 * MS))
    asked = path(Direction(5 * MS, 1 * MS, trace=trace), Direction(4 * MS))
    sent, steps = np.arange(N) * MS, np.repeat([5 * MS, 8 * MS, 8 * MS, 8 * MS], 500)
    drawn = np.random.default_rng(1).normal(0, MS, N).astype(np.int64)
    jittery, back = np.maximum.accumulate(sent + steps + drawn) - sent, np.full(N, 4 * MS)
    good, bad = Harvest(), Harvest()
    round_trips(good, phases.IDLE, jittery, back)
    round_trips(bad, phases.IDLE, jittery + 3 * MS, back)
    found = [following.followed(asked, each, START, 150_000) for each in (good, bad)]
    assert [each.within for each in found if each is not None] == [True, False]


def test_of_bursts_that_did_not_come_nothing_is_said() -> None:
    rare = Direction(5 * MS, bursts=Bursts(0.0001, 0.3))
    found = by_name(calibration.calibrations([path(rare)], harvest_of(5, 5), 150_000))
    assert found["both", "loss"].within
    assert ("both", "loss after a loss") not in found


def test_too_few_packets_are_told_as_such() -> None:
    few = replace(calibration.calibrations([path(Direction(5 * MS))], harvest_of(5, 5), 150_000)[0])
    (said,) = calibration_words.out_of_tolerance([replace(few, n=16, within=False)], "userspace")
    assert said.endswith(
        "from 16 packets, tolerance 0.150 ms: too few to tell, 50 would do: measure longer, by `calibration` of the target's plan"
    )


def test_packets_that_catch_up_are_told() -> None:
    asked = path(Direction(30 * MS, 8 * MS))
    found = calibration.calibrations([asked], harvest_of(40, 40, noise=8.0), 150_000)
    (said,) = calibration_words.caught_up([asked], found, 1000)
    assert "a-b: at 1000/s packets catch up with each other" in said
    assert said.endswith("and not 60.00 ms")


def test_nothing_measured_calibrates_nothing() -> None:
    assert calibration.calibrations([path(Direction(5 * MS))], Harvest(), 150_000) == []
    assert calibration_words.out_of_tolerance([], "netem")
