"""Clocks that step by 5 s, ours and the far end's: in no round trip."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from flights import arrivals, flown, lost, run
from loopback import answering

from benchkit.clock import NS_PER_S, realtime_ns
from benchkit.linux import timestamping
from benchkit.model.samples import Samples
from benchkit.probes import flight, near_clock
from benchkit.probes.stamp_packet import Base
from benchkit.probes.stamp_time import wire_time
from benchkit.stats.round_trip import as_latencies, network_ns


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight, "BATCH_S", 0.05)


class SteppedClock:
    """CLOCK_REALTIME of our own host, stepped by 5 s after so many of its readings by the kernel."""

    STEP_NS = 5 * NS_PER_S

    def __init__(self, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
        self._left = after
        self._receive, self._transmit = timestamping.receive, timestamping.transmit_stamps
        self._real = near_clock.realtime_ns
        self._offset = near_clock.realtime_offset_ns
        monkeypatch.setattr(near_clock, "realtime_ns", lambda: self._real() + self.shift)
        monkeypatch.setattr(near_clock, "realtime_offset_ns", lambda: self._offset() + self.shift)
        monkeypatch.setattr(flight.timestamping, "transmit_stamps", self._sent)
        monkeypatch.setattr(flight.timestamping, "receive", self._received)

    @property
    def shift(self) -> int:
        return self.STEP_NS if self._left <= 0 else 0

    def _sent(self, udp: socket.socket) -> Iterator[timestamping.Sent]:
        for each in self._transmit(udp):
            self._left -= 1
            yield each._replace(stamp_ns=each.stamp_ns + self.shift)

    def _received(self, udp: socket.socket, largest: int = 2048) -> Iterator[timestamping.Received]:
        for each in self._receive(udp, largest):
            self._left -= 1
            yield each._replace(stamp_ns=each.stamp_ns + self.shift)


@pytest.mark.parametrize("after", [100, 101, 102, 103])
def test_a_step_of_our_clock_by_5_s_is_in_no_round_trip(
    monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    async def work() -> Samples:
        with silent_reflector() as port:
            SteppedClock(monkeypatch, after)
            return await flown(port, 100, 1000)

    rows = run(work())
    assert lost(rows) == set()
    values = rows.columns["t4_ns"] - rows.columns["t1_ns"]
    seen = rows.columns["received_ns"] - rows.columns["sent_ns"]
    assert np.ma.count_masked(values) == 0
    assert (values > 0).all()
    assert (values <= seen).all()
    assert (np.diff(rows.columns["t1_ns"]) < NS_PER_S).all()


def test_a_step_of_the_far_ends_clock_by_5_s_is_in_no_round_trip() -> None:
    """Between its T2 and T3 of one packet: that one has no dwell. Before and after all is well."""

    def odd(number: int) -> tuple[int, int]:
        step = 5 * NS_PER_S
        return (0, 0) if number < 50 else (0, step) if number == 50 else (step, step)

    async def work() -> Samples:
        with silent_reflector(odd) as port:
            return await flown(port, 100, 1000)

    rows = run(work())
    values, unstamped = as_latencies(network_ns(rows), rows.columns["received_ns"])
    assert lost(rows) == set()
    assert unstamped == 1
    assert len(values) == 99
    assert (values >= 0).all()
    assert (values < NS_PER_S).all()


@contextmanager
def silent_reflector(steps: Callable[[int], tuple[int, int]] = lambda _: (0, 0)) -> Iterator[int]:
    """A stateless far end of few words, whose T2 and T3 are off by so much for each number; its port."""
    base = Base()

    def answer(udp: socket.socket) -> None:
        for payload, source in arrivals(udp):
            request = base.read_request(payload)
            assert request is not None
            now, (first, second) = realtime_ns(), steps(request.sequence)
            t2, t3 = wire_time(now + first, 1), wire_time(now + 1000 + second, 1)
            reply = base.reply(request, sequence=request.sequence, t2=t2, t3=t3, ttl=255)
            udp.sendto(reply, source)

    with answering(answer) as port:
        yield port
