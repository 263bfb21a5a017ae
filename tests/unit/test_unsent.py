"""Packets that this host sent late, or never: no path has lost them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from round_trip_rows import MS, answers

from benchkit.campaign import fitness
from benchkit.campaign.harvest import Harvest
from benchkit.campaign.latencies import Circumstances, latencies
from benchkit.model.place import Path
from benchkit.model.samples import Samples, column
from benchkit.model.spec import StampSpec
from benchkit.probes import flight_rows
from benchkit.probes.flight_rows import Answer, Rows
from benchkit.reports.accounts import accounts
from benchkit.reports.sentences import counts
from benchkit.stats.round_trip import that_left

SPEC = StampSpec("a-b", "idle", "127.0.0.1", 862, 1, 3, 10 * MS, 100 * MS)


def unsent(rows: Samples, every: int) -> Samples:
    """The same, but that this host never came to send one in so many."""
    never = np.arange(len(rows)) % every == 0
    columns = {
        name: values
        if name in {"sequence", "due_ns"}
        else column(values.data, np.ma.getmaskarray(values) | never)
        for name, values in rows.columns.items()
    }
    return replace(rows, columns=columns)


def test_an_answer_is_waited_for_from_when_its_packet_was_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0]
    monkeypatch.setattr(flight_rows, "monotonic_ns", lambda: now[0])
    rows = Rows(SPEC, np.arange(1, 4) * 10 * MS, ())
    for index, sent in enumerate((10 * MS, 95 * MS)):
        rows.times["sent_ns"][index] = rows.times["t1_ns"][index] = sent
    rows.note(Answer(0), 12 * MS, 12 * MS)
    now[0] = 140 * MS  # 100 ms after all were due, and 45 after the second was sent
    first = rows.settle()
    assert first is not None
    assert first.columns["sequence"].tolist() == [0]
    rows.note(Answer(1), 150 * MS, 150 * MS)
    now[0] = 151 * MS
    rest = rows.settle()
    assert rest is not None
    assert rest.columns["sent_ns"].tolist() == [95 * MS, None]
    assert rest.columns["received_ns"].tolist() == [150 * MS, None]
    assert rows.finished


def test_what_never_left_is_left_out() -> None:
    rows = answers("a-b", 100)
    assert that_left(rows) is rows
    assert that_left(unsent(rows, 4)).columns["sequence"].tolist() == [
        number for number in range(100) if number % 4
    ]


def test_what_never_left_is_told_and_not_lost() -> None:
    harvest = Harvest()
    harvest.open_session(
        "a-b", "idle", ours=False
    )  # its own stamps are all that is known of its departures
    harvest.add(unsent(answers("a-b", 200), 20))
    (metric, _), *_ = latencies(Path("a-b", "a", "b", None), harvest, Circumstances())
    assert (metric.n, metric.unsent, metric.lost) == (190, 10, 20)
    assert "190 sent of 200 due, 20 lost" in counts(metric)
    assert accounts(metric)[0].startswith("10 of 200 that were due were never sent")
    assert metric.percentiles["p50"].value == pytest.approx(8.0)


def test_too_many_that_never_left_make_a_machine_unfit() -> None:
    rows = answers("a-b", 1000)
    assert fitness.unsent_troubles([rows, unsent(rows, 100)]) == []
    (trouble,) = fitness.unsent_troubles([unsent(rows, 50)])
    assert trouble.startswith("20 of 1000 packets that were due on a-b were never sent")


def test_packets_that_left_after_a_standstill_are_told_by_the_path_with_the_latest() -> None:
    def late(path: str, every: int, milliseconds: int) -> Samples:
        rows = answers(path, 1000)
        sent = rows.columns["due_ns"].data.copy()
        sent[::every] += milliseconds * MS
        return replace(rows, columns={**rows.columns, "sent_ns": column(sent)})

    few, short = late("a-b", 200, 900), late("a-b", 50, 90)
    assert fitness.late_remark([]) is None
    assert fitness.late_remark([few, short]) is None
    told = fitness.late_remark([short, late("a-c", 50, 930), late("a-d", 50, 200)])
    assert told is not None
    assert told.startswith("1 packet in 100 on a-c, idle, left more than 930 ms after it was due")
