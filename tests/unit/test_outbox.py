"""What a site has to tell is fetched in order, again where it did not arrive, and never more than it may hold."""

from __future__ import annotations

import asyncio
import pickle
import threading
import time

from benchkit.testbeds import outbox as outboxes
from benchkit.testbeds.outbox import Outbox


def fetched(outbox: Outbox, number: int, seconds: float = 0.0) -> tuple[int, list[object]]:
    first, frames = asyncio.run(outbox.after(number, seconds))
    return first, [pickle.loads(frame) for frame in frames]  # noqa: S301  our own bytes


def test_frames_come_again_until_they_have_arrived() -> None:
    outbox = Outbox()
    assert [outbox.put(word) for word in "abc"] == [True] * 3
    assert fetched(outbox, 0) == (1, ["a", "b", "c"])
    assert fetched(outbox, 0) == (1, ["a", "b", "c"])
    assert fetched(outbox, 2) == (3, ["c"])
    assert fetched(outbox, 3) == (4, [])
    outbox.put("d")
    assert fetched(outbox, 3) == (4, ["d"])


def test_whoever_waits_is_woken_by_the_next_frame() -> None:
    outbox = Outbox()
    threading.Timer(0.05, outbox.put, ["late"]).start()
    began = time.monotonic()
    assert fetched(outbox, 0, 30.0) == (1, ["late"])
    assert time.monotonic() - began < 20


def test_what_finds_no_room_is_told_so_and_room_comes_back() -> None:
    outbox = Outbox(most_octets=1000)
    assert outbox.put(b"x" * 800)
    assert not outbox.put(b"x" * 800)
    fetched(outbox, 1)
    assert outbox.put(b"x" * 800)


def test_one_fetch_takes_no_more_than_crosses_at_once() -> None:
    outbox = Outbox()
    for _ in range(3):
        outbox.put(b"x" * (outboxes.MOST_AT_ONCE_OCTETS // 2))
    first, frames = fetched(outbox, 0)
    assert (first, len(frames)) == (1, 1)
