"""A path held against its model: what is said where the machine, not the model, is the trouble."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from benchkit.campaign import agreement, recording
from benchkit.campaign.agreement import Agreement, compare, out_of_reach, see_reachable
from benchkit.campaign.events import Event, PhaseBegan
from benchkit.campaign.reach import Reach
from benchkit.campaign.recording import MeasurementTask, Recorded
from benchkit.cli.record import _check, record
from benchkit.emulators.line import LineReport
from benchkit.errors import MeasureError, UnfitError
from benchkit.model.place import Direction, PathModel

TOLERANCE = 150_000
TASK = MeasurementTask("192.0.2.1", 10**9, 500.0)
LATENCIES = np.random.default_rng(1).normal(8e6, 2e4, 500)
RECORDED = Recorded("STAMP", LATENCIES, PathModel(Direction(4_000_000), Direction(4_000_000)))


def unwatched(_: Event) -> None:
    """Nobody looks on."""


@pytest.fixture
def emulated(monkeypatch: pytest.MonkeyPatch) -> Callable[[NDArray[np.float64], float], None]:
    """Have the emulator give these latencies, with such a share of its packets a millisecond late."""

    def give(latencies_ns: NDArray[np.float64], late: float) -> None:
        lateness = (round(1000 * (1 - late)), *[0] * 498, round(1000 * late))
        report = LineReport(packets=1000, bin_ns=2000, lateness=lateness, realtime=True)
        monkeypatch.setattr(agreement, "_emulated", lambda *_: (latencies_ns, report))

    return give


def test_a_busy_machine_is_named_where_the_model_comes_out_otherwise(
    emulated: Callable[[NDArray[np.float64], float], None],
) -> None:
    emulated(LATENCIES + 1e6, 0.06)
    with pytest.raises(
        UnfitError, match=r"released 19 packets in 20 only within 1000 µs of.+too busy"
    ):
        compare(RECORDED, TASK, TOLERANCE, unwatched)
    for late in (0.0, 0.04):
        emulated(LATENCIES + 1e6, late)
        assert "record longer" in out_of_reach(compare(RECORDED, TASK, TOLERANCE, unwatched))[0]
    emulated(LATENCIES, 0.06)
    assert not out_of_reach(compare(RECORDED, TASK, TOLERANCE, unwatched))


def test_a_tail_that_the_emulator_made_is_not_the_models(
    emulated: Callable[[NDArray[np.float64], float], None],
) -> None:
    tailed = LATENCIES + np.where(np.arange(len(LATENCIES)) % 25 == 0, 9e6, 0)
    emulated(tailed, 0.01)
    with pytest.raises(UnfitError, match=r"199 packets in 200 only within 1000 µs of.+too busy"):
        compare(RECORDED, TASK, TOLERANCE, unwatched)
    emulated(tailed, 0.0)
    assert out_of_reach(compare(RECORDED, TASK, TOLERANCE, unwatched))[0].startswith("p99:")


def test_a_path_shorter_than_what_is_emulated_with_no_delay_is_told_as_that() -> None:
    floor = np.full(50, 102_000.0)
    with pytest.raises(
        UnfitError, match=r"0\.009 ms was asked for, and packets take 0\.102 ms here"
    ):
        see_reachable("192.0.2.1", np.array([9_000.0, 8_000.0, np.inf, 9_500.0]), floor)
    see_reachable("192.0.2.1", LATENCIES, floor)
    see_reachable("192.0.2.1", LATENCIES, np.full(50, np.inf))


def test_how_long_it_takes_is_said_before_it_is_measured_and_before_it_is_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reach = Reach("here", "127.0.0.1", port=862)
    answered: list[object] = []

    def measured(spec: object, *_: object) -> None:
        answered.append(spec)
        raise MeasureError("stop")

    monkeypatch.setattr(recording, "_what_answers", lambda *_: reach)
    monkeypatch.setattr(recording, "measured", measured)
    told: list[Event] = []
    with pytest.raises(MeasureError, match="stop"):
        recording.record_path(replace(TASK, address="127.0.0.1"), told.append)
    assert told == [PhaseBegan("127.0.0.1: 500 packets, 500/s", 0, 2, 1.0, 2.0)]
    monkeypatch.setattr(agreement, "compare", lambda *words: words[-1](TASK.began(1)) or [])
    _check(RECORDED, TASK)
    assert "2/2 the model, to see that it is the same, 1 s" in capsys.readouterr().err


def test_a_way_that_is_silent_in_two_forms_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object) -> None:
        raise MeasureError(": nothing answers")

    ways = [Reach("here", "192.0.2.1", port=862)] * 2
    monkeypatch.setattr(recording, "_ways", lambda *_: iter(ways))
    monkeypatch.setattr(recording, "measured", silent)
    told: list[Event] = []
    with pytest.raises(MeasureError, match="is it up"):
        recording._what_answers(TASK, ["192.0.2.1"], None, None, told.append)  # type: ignore[arg-type]
    assert len(told) == 1


def test_a_percentile_that_is_a_lost_packet_is_told_as_in_reports(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [Agreement("p99", "ms", np.inf, np.inf, 0.15), Agreement("p95", "ms", 8.5, np.inf, 0.15)]
    monkeypatch.setattr(agreement, "compare", lambda *_: rows)
    with pytest.raises(UnfitError, match=r"path had 8\.500 ms, the model gives a lost packet"):
        _check(RECORDED, TASK)
    told = [line.split()[2:4] for line in capsys.readouterr().err.splitlines()[-2:]]
    assert told == [["lost", "lost"], ["8.500", "lost"]]


def test_that_a_record_does_not_tell_the_directions_apart_is_said_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recording, "record_path", lambda *_: RECORDED)
    done = CliRunner().invoke(record, ["192.0.2.1", "--no-check"])
    assert (done.exit_code, done.stderr.count("tell the two directions apart")) == (0, 1)
