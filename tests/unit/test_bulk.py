"""How receives wait for more, and what lent memory is."""

from __future__ import annotations

import errno
import mmap
import os
import socket
from typing import cast

import numpy as np
import pytest

from benchkit.linux import bulk, tcp

US = 1e-6
MOST = 4 << 20
GSO = 64 << 10


class Tally:
    octets = 0
    wrong = 0
    running = True

    def __init__(self, streams: int = 1) -> None:
        self.streams = streams


class Line:
    """A connection on a clock of its own, to which so many octets come in a microsecond, at most what there is room for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, per_us: float, room: int) -> None:
        self.now_s = 0.0
        self.naps: list[float] = []
        self.received: list[int] = []
        self.begins: list[int] = []
        self._whole = MOST + mmap.PAGESIZE
        self._per_s = per_us / US
        self._room = room
        self._taken = 0
        monkeypatch.setattr(bulk.time, "sleep", self._sleep)
        monkeypatch.setattr(bulk.libc, "wake_on_time", lambda: None)

    def _sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now_s += seconds

    def getsockopt(self, *_: int) -> int:
        return self._room

    def recv_into(self, room: memoryview, octets: int, flags: int) -> int:
        assert not flags
        assert len(room) >= octets
        self.begins.append(self._whole - len(room))
        self.now_s = max(self.now_s, (self._taken + GSO) / self._per_s)
        got = min(octets, round(self.now_s * self._per_s) - self._taken, self._room)
        self._taken += got
        self.received.append(got)
        return got


def after(line: Line, calls: int = 200, streams: int = 1) -> Line:
    room = mmap.mmap(-1, MOST + mmap.PAGESIZE)
    arrivals = bulk._arrivals(cast("socket.socket", line), Tally(streams), room)
    for _ in range(calls):
        next(arrivals)
    return line


def test_a_fast_stream_piles_up_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    line = after(Line(monkeypatch, per_us=6000, room=32 << 20))  # 48 Gbit/s
    assert set(line.naps) == {bulk.NAP_S}
    assert len(line.naps) == len(line.received) - 1
    assert line.received[-1] == pytest.approx(6000 * 60, rel=0.01)


def test_one_of_several_streams_takes_what_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not after(Line(monkeypatch, per_us=6000, room=32 << 20), streams=4).naps


def test_what_fills_a_buffer_is_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    line = after(Line(monkeypatch, per_us=100_000, room=64 << 20))
    fulls = line.received.count(MOST)
    assert fulls > 0
    assert len(line.naps) <= len(line.received) - fulls


def test_a_nap_never_fills_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not after(Line(monkeypatch, per_us=6000, room=256 << 10)).naps


def test_a_slow_stream_is_counted_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.GSO", 1500)
    assert not after(Line(monkeypatch, per_us=100, room=32 << 20)).naps  # 0.8 Gbit/s


def test_a_receive_begins_in_its_page_where_the_last_one_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = after(Line(monkeypatch, per_us=6000, room=32 << 20))
    ends = [
        (begin + got) % mmap.PAGESIZE for begin, got in zip(line.begins, line.received, strict=True)
    ]
    assert line.begins == [0, *ends[:-1]]
    assert len(set(ends)) > 10


def test_what_is_sent_again_and_again_lies_where_copying_is_fast() -> None:
    blocks = tcp.send_blocks()
    seen = np.frombuffer(blocks[0], dtype=np.uint8)
    assert seen.ctypes.data % mmap.PAGESIZE == mmap.PAGESIZE - 16
    assert all(len(block) == tcp.SEND_BLOCK for block in blocks)


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


def test_pages_that_cannot_be_lent_leave_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def pipe() -> tuple[int, int]:
        if made:
            raise OSError(errno.EMFILE, "Too many open files")
        made.extend(os.pipe2(os.O_CLOEXEC))
        return made[0], made[1]

    monkeypatch.setattr(bulk.os, "pipe", pipe)
    with pytest.raises(OSError, match="Too many"):
        bulk.LentPages(bulk.CALL)
    for end in made:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(end)
