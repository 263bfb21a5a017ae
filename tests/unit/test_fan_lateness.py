"""Which answers of a fan are in time: what its own process did late is no loss of the path."""

from __future__ import annotations

import numpy as np
import pytest
from fan_sessions import COUNT, INTERVAL_NS, TIMEOUT_NS, session

from benchkit.clock import NS_PER_MS, monotonic_ns
from benchkit.linux import timestamping
from benchkit.model.samples import Samples
from benchkit.probes.fan import _Fan

SENT_LATE_NS = 300 * NS_PER_MS
ROUND_TRIP_NS = TIMEOUT_NS - 100 * NS_PER_MS


def settled(
    *, read_late_ns: int = 0, round_trip_ns: int = ROUND_TRIP_NS, stamped: bool = True
) -> Samples:
    """One session, all of it over, whose packets were sent late and whose answers lay unread."""
    with timestamping.stamped_udp_socket() as udp:
        fan = _Fan((session("here-there", 9, 1),), udp)
        fan._due -= 2 * TIMEOUT_NS + COUNT * INTERVAL_NS + read_late_ns
        sent = fan._due + SENT_LATE_NS
        fan._columns["sent_ns"][:] = sent
        if stamped:
            fan._columns["t1_ns"][:] = sent
            fan._columns["t4_ns"][:] = sent + round_trip_ns
        fan._columns["received_ns"][:] = sent + round_trip_ns + read_late_ns
        (rows,) = fan.settle()
    return rows


@pytest.mark.parametrize("read_late_ns", [0, TIMEOUT_NS])
def test_what_was_sent_or_read_late_was_answered_in_time(read_late_ns: int) -> None:
    rows = settled(read_late_ns=read_late_ns)
    assert not rows.columns["received_ns"].mask.any()
    assert not rows.columns["t4_ns"].mask.any()


def test_an_answer_after_the_timeout_is_lost() -> None:
    assert settled(round_trip_ns=TIMEOUT_NS + 1).columns["received_ns"].mask.all()


def test_without_stamps_an_answer_counts_from_when_its_packet_was_sent() -> None:
    assert not settled(stamped=False).columns["received_ns"].mask.any()
    assert settled(stamped=False, read_late_ns=TIMEOUT_NS).columns["received_ns"].mask.all()


def test_a_packet_that_was_sent_late_is_waited_for_from_then_on() -> None:
    with timestamping.stamped_udp_socket() as udp:
        fan = _Fan((session("here-there", 9, 1),), udp)
        fan._due[:] = monotonic_ns() - TIMEOUT_NS - NS_PER_MS
        fan._columns["sent_ns"][:] = fan._due + SENT_LATE_NS
        assert list(fan.settle()) == []
        fan._columns["sent_ns"][:] = 0  # it never left
        (rows,) = fan.settle()
        assert np.ma.getmaskarray(rows.columns["received_ns"]).all()
