"""A round trip in its parts: queue, network and host."""

from __future__ import annotations

import math

from harvests import (
    DWELL,
    HOST,
    MS,
    QUEUE,
    idle_rows,
)

from benchkit.stats import round_trip


def test_a_round_trip_comes_apart_into_queue_network_and_host() -> None:
    rows = idle_rows([8 * MS, 9 * MS, 10 * MS, 11 * MS], lost=[1], unstamped=[3])
    assert round_trip.network_ns(rows).tolist() == [8 * MS, None, 10 * MS, None]
    from_sched = round_trip.network_ns(rows, "t1_sched_ns")
    assert from_sched.tolist() == [8 * MS + QUEUE, None, 10 * MS + QUEUE, None]
    assert round_trip.host_ns(rows).tolist() == [DWELL + HOST, None, DWELL + HOST, None]


def test_a_lost_packet_is_infinite_and_one_without_a_stamp_is_no_latency() -> None:
    rows = idle_rows([8 * MS, 9 * MS, 10 * MS, 11 * MS], lost=[1], unstamped=[3])
    values, unstamped = round_trip.as_latencies(
        round_trip.network_ns(rows), rows.columns["received_ns"]
    )
    assert values.tolist() == [8 * MS, math.inf, 10 * MS]
    assert unstamped == 1
