"""One of several streams keeps to a core, and a lone one does not."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress

import pytest

from benchkit.linux import host
from benchkit.probes import stream_flow
from benchkit.probes.stream_flow import StreamFlow
from benchkit.probes.stream_terms import StreamTerms


def test_each_number_has_a_core_of_those_that_the_thread_may_use() -> None:
    allowed = sorted(os.sched_getaffinity(0))
    found: list[set[int]] = []

    def keep(number: int) -> None:
        host.keep_to_core(number)
        found.append(os.sched_getaffinity(0))

    for number in range(len(allowed) + 1):
        thread = threading.Thread(target=keep, args=(number,))
        thread.start()
        thread.join()
    assert found == [{core} for core in allowed] + [{allowed[0]}]
    assert sorted(os.sched_getaffinity(0)) == allowed


@pytest.mark.parametrize(("streams", "kept"), [(1, []), (3, [2])])
def test_one_of_several_streams_keeps_to_the_core_of_its_number(
    monkeypatch: pytest.MonkeyPatch, streams: int, kept: list[int]
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(stream_flow.host, "keep_to_core", asked.append)
    near, far = socket.socketpair()
    with near, far:
        flow = StreamFlow(2, near, StreamTerms("up", 1, streams, "copy", "cubic"), sends=True)
        flow.running = False
        flow.move()
    assert asked == kept


def test_both_ends_of_a_test_name_the_same_cores_and_two_tests_mostly_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(stream_flow.host, "keep_to_core", asked.append)
    terms = StreamTerms("up", 1, 2, "copy", "cubic")
    near, far = socket.socketpair()
    with near, far:
        for token in ("one", "one", "two"):
            for number in range(2):
                flow = StreamFlow(number, near, terms, sends=True, token=token)
                flow.running = False
                with suppress(OSError):  # what is shut down already
                    flow.move()
    first, second = asked[:2], asked[2:4]
    assert first == second == [first[0], first[0] + 1]
    assert asked[4] != first[0]
