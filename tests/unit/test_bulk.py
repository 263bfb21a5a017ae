"""How receives wait for more, and what lent memory is."""

from __future__ import annotations

import socket
from itertools import pairwise
from typing import cast

import pytest

from benchkit.linux import bulk

US = 1_000
MOST = 4 << 20


class Tally:
    streams = 1
    octets = 0
    wrong = 0
    running = True


class Line:
    """A connection on a clock of its own: octets come at a rate, after those that have piled up."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, per_us: float, piled: int = 0) -> None:
        self.now_ns = 0
        self.asked: list[tuple[int, bool]] = []
        self._per_us = per_us
        self._piled = piled
        self._fresh = 0.0
        monkeypatch.setattr(bulk, "monotonic_ns", lambda: self.now_ns)

    def recv_into(self, _: bytearray, octets: int, flags: int) -> int:
        waits = bool(flags & bulk.MSG_WAITALL)
        self.asked.append((octets, waits))
        there = self._piled or 1500
        got = min(octets, there)
        self._piled = max(0, self._piled - got)
        took = 1.0 if there > 1500 else got / self._per_us
        if waits and got < octets:
            took += (octets - got) / self._per_us
            got = octets
        self.now_ns += round(took * US)
        return got


def asked_of(line: Line, calls: int) -> list[tuple[int, bool]]:
    arrivals = bulk._arrivals(cast("socket.socket", line), Tally(), bytearray(), MOST)
    for _ in range(calls):
        next(arrivals)
    return line.asked


def test_a_slow_stream_is_counted_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asked_of(Line(monkeypatch, per_us=100), 200)  # 0.8 Gbit/s
    assert set(asked) == {(MOST, False)}


def test_a_fast_stream_is_waited_for_half_a_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asked_of(Line(monkeypatch, per_us=2000), 200)  # 16 Gbit/s
    assert asked[0] == (MOST, False)
    assert asked[-1] == (pytest.approx(1_000_000, rel=0.01), True)


def test_what_had_piled_up_says_little_of_how_fast_more_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = Line(monkeypatch, per_us=100, piled=3 * MOST)
    asked = asked_of(line, 30)
    # Each waits for twice as much as the one before at most, and while much is there that takes no time.
    for (before, _), (after, waits) in pairwise(asked):
        assert not waits or after <= 2 * before
    assert asked[-1] == (MOST, False)


@pytest.mark.parametrize("octets", [bulk.CALL, bulk.MOST_LENT])
def test_lent_memory_is_sent_again_and_again(octets: int) -> None:
    pages = bulk.LentPages(octets)
    near, far = socket.socketpair()
    near.setblocking(False)
    with near, far:
        received = 0
        for _ in range(100):
            sent = pages.send(near.fileno(), 100_000)
            assert 0 < sent <= 100_000
            while sent:
                sent -= len(far.recv(sent))
                received += 1
    pages.close()
    assert received
