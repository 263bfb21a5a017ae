"""Latencies taken apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit.model.samples import RTT_COLUMNS, Samples, column
from benchkit.stats.parts import (
    WHOLE,
    connection_parts,
    missing_stamps,
    round_trip_parts,
    summed_up,
)

US = 1_000
REALTIME = 1_700_000_000_000_000_000
Steps = st.lists(st.tuples(*[st.integers(0, 10**9)] * 6), min_size=1, max_size=30)


def packets(steps: list[tuple[int, ...]], far_clock_ns: int = 0) -> Samples:
    """One packet for each tuple: from send to SCHED, SND, T2, T3, T4 and to the program, in ns."""
    sent = np.arange(len(steps), dtype=np.int64) * 1000 * US
    at = np.cumsum(np.array(steps, dtype=np.int64), axis=1).T + sent
    values = (
        *(np.arange(len(steps)), sent, sent, at[5]),
        *(at[0] + REALTIME, at[1] + REALTIME, at[2] + far_clock_ns, at[3] + far_clock_ns),
        at[4] + REALTIME,
    )
    columns = {name: column(each) for name, each in zip(RTT_COLUMNS, values, strict=True)}
    return Samples("rtt", "a-b", "idle", columns)


@given(Steps, st.integers(-(10**15), 10**15))
def test_the_parts_of_every_packet_sum_to_its_whole_whatever_the_clocks(
    steps: list[tuple[int, ...]], far_clock_ns: int
) -> None:
    parts = round_trip_parts(packets(steps, far_clock_ns))
    rest = [part.data for name, part in parts.items() if name != WHOLE]
    assert (sum(rest) == parts[WHOLE].data).all()
    assert parts[WHOLE].tolist() == [sum(each) for each in steps]
    assert parts["local queue"].tolist() == [each[1] for each in steps]
    assert parts["network"].tolist() == [each[2] + each[4] for each in steps]
    assert parts["far host"].tolist() == [each[3] for each in steps]
    assert parts["near host"].tolist() == [each[0] + each[5] for each in steps]


def test_a_packet_without_a_stamp_is_counted_and_is_no_part_of_the_means() -> None:
    rows = packets([(1000, 2000, 3000, 4000, 5000, 6000)] * 3)
    hole = np.array([False, True, False])
    columns = dict(rows.columns)
    columns["t1_sched_ns"] = column(columns["t1_sched_ns"].data, hole)
    rows = Samples("rtt", "a-b", "idle", columns)
    found = summed_up(round_trip_parts(rows), missing_stamps(rows))
    assert found is not None
    assert (found.n, found.missing) == (2, {"t1_sched": 1})
    means = {name: share.mean for name, share in found.shares.items()}
    whole = means.pop(WHOLE)
    assert whole == pytest.approx(0.021)
    assert sum(means.values()) == pytest.approx(whole)


def test_a_far_end_that_stamps_nothing_is_part_of_the_network() -> None:
    rows = packets([(1000, 2000, 3000, 4000, 5000, 6000)])
    columns = {name: each for name, each in rows.columns.items() if name not in {"t2_ns", "t3_ns"}}
    parts = round_trip_parts(Samples("rtt", "a-b", "idle", columns))
    assert {name: part.tolist() for name, part in parts.items()} == {
        WHOLE: [21000],
        "local queue": [2000],
        "network": [12000],
        "near host": [7000],
    }


def test_without_a_whole_packet_there_are_no_parts() -> None:
    rows = packets([(1, 2, 3, 4, 5, 6)])
    columns = {name: column(each.data, [True]) for name, each in rows.columns.items()}
    assert summed_up(round_trip_parts(Samples("rtt", "a-b", "idle", columns)), {}) is None


def test_what_this_host_adds_to_a_connection_stands_beside_its_handshake() -> None:
    names = ("due_ns", "sent_ns", "received_ns", "network_ns")
    values = ([100, 200, 300], [130, 210, 300], [230, 320, 0], [60, 0, 0])
    columns = {name: column(each) for name, each in zip(names, values, strict=True)}
    for name, holes in (("received_ns", [False, False, True]), ("network_ns", [False, True, True])):
        columns[name] = column(columns[name].data, holes)
    parts = connection_parts(Samples("rtt", "a-b", "connect", columns))
    assert {name: each.compressed().tolist()[0] for name, each in parts.items()} == {
        WHOLE: 130,
        "late": 30,
        "network": 60,
        "near host": 40,
    }
    assert parts["near host"].count() == 1, "of a SYN that was sent again nothing can be told apart"
    found = summed_up(parts, {})
    assert found is not None
    assert found.n == 1
