"""Whether the emulator was itself the trouble."""

from __future__ import annotations

import pytest

from benchkit.campaign.fitness import line_troubles, why_unfit
from benchkit.emulators.line import LineReport

TOLERANCE = 150_000


def released(late_ns: int, share: float, **counts: int) -> LineReport:
    """A report of 1000 packets of which this share was released that late, and the rest at once."""
    late = round(1000 * share)
    bins = [0] * 100
    bins[0] = 1000 - late
    bins[late_ns // 10_000] += late
    return LineReport(packets=1000, bin_ns=10_000, lateness=tuple(bins), **counts)


@pytest.mark.parametrize(
    "report",
    [
        None,
        LineReport(packets=1),  # one that keeps no count of lateness
        released(900_000, 0.05),
        released(140_000, 1.0),
        released(0, 0, lost=5, overflowed=5),  # what the model loses is no fault
    ],
)
def test_one_that_did_what_it_was_asked_is_no_trouble(report: LineReport | None) -> None:
    assert line_troubles(report, TOLERANCE) == []


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (released(0, 0, dropped=3), "lost 3 packets that the model does not lose"),
        (
            released(900_000, 0.051),
            "19 packets in 20 only within 910 µs of when they were due, tolerance 150 µs",
        ),
        (released(150_000, 1.0), "19 packets in 20 only within 160 µs of"),
        (LineReport(), "not one packet passed"),
    ],
)
def test_each_trouble_is_told_in_a_sentence(report: LineReport, words: str) -> None:
    (sentence,) = line_troubles(report, TOLERANCE)
    assert words in sentence


def test_troubles_do_not_hide_each_other() -> None:
    assert len(line_troubles(released(900_000, 0.5, dropped=1), TOLERANCE)) == 2


def test_no_path_is_told_the_trouble_of_another() -> None:
    own = "calibration of a-b-c, both: too late: netem does not hold this path here"
    late = "the userspace line released 19 packets in 20 only within 1 ms"
    assert why_unfit(["a-b", "a-b-c"], []) == {}
    assert why_unfit(["a-b", "a-b-c"], [own]) == {"a-b": "this run is unfit", "a-b-c": own}
    assert why_unfit(["a-b", "a-b-c"], [own, late]) == {"a-b": late, "a-b-c": own}
