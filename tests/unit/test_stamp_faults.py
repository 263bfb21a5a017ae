"""Faults of a path and of a far end, injected where they are known exactly, and found again exactly.

A relay between sender and reflector gives each packet its fate, by its number: how many copies go on each way,
and how long each takes. Times are bounded loosely: a busy machine may add to them, and take nothing away.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import numpy as np
import pytest
from flights import arrivals, far_end, flown, lost, run
from loopback import LOCAL

from benchkit.clock import NS_PER_MS, NS_PER_S
from benchkit.model.samples import DUPLICATES, FAR_COPIES, Samples
from benchkit.probes import flight
from benchkit.stats.arrival_order import ArrivalOrder, arrival_order
from benchkit.stats.loss_direction import LossByDirection, loss_by_direction
from benchkit.stats.round_trip import as_latencies, network_ns

Copies = tuple[float, ...]  # one for each, the seconds it is held up
Fate = Callable[[int], Copies]
ONCE: Copies = (0.0,)
LOST: Copies = ()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight, "BATCH_S", 0.05)


def as_ever(_: int) -> Copies:
    return ONCE


class Relay:
    """Passes packets on between two sockets. It tells them by the sender's number in them."""

    def __init__(self, near_side: socket.socket, far_side: socket.socket) -> None:
        self._near, self._far = near_side, far_side
        self._sender: Any = None

    def go(self, there: Fate) -> None:
        for payload, source in arrivals(self._near):
            self._sender = source
            _send_on(there(int.from_bytes(payload[:4], "big")), self._forward, payload)

    def come(self, back: Fate) -> None:
        for payload, _ in arrivals(self._far):
            _send_on(back(int.from_bytes(payload[24:28], "big")), self._return, payload)

    def _forward(self, payload: bytes) -> None:
        with suppress(ConnectionRefusedError):  # of an earlier one; this one is lost too, then
            self._far.send(payload)

    def _return(self, payload: bytes) -> None:
        self._near.sendto(payload, self._sender)


def _send_on(copies: Copies, send: Callable[[bytes], None], payload: bytes) -> None:
    for seconds in copies:
        if seconds:
            asyncio.get_running_loop().call_later(seconds, send, payload)
        else:
            send(payload)


@contextmanager
def relaying(far: int, there: Fate, back: Fate) -> Iterator[int]:
    """A relay to the far end's port; its own."""
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        near_side, far_side = (
            stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(2)
        )
        for side in (near_side, far_side):
            side.bind((LOCAL, 0))
            side.setblocking(False)
        far_side.connect((LOCAL, far))
        relay = Relay(near_side, far_side)
        for side, pass_on, fate in ((near_side, relay.go, there), (far_side, relay.come, back)):
            loop.add_reader(side, pass_on, fate)
            stack.callback(loop.remove_reader, side)
        yield int(near_side.getsockname()[1])


async def through(there: Fate, back: Fate, count: int, rate: int) -> Samples:
    async with far_end() as port:
        with relaying(port, there, back) as relay:
            return await flown(relay, count, rate)


@pytest.mark.parametrize("per_mille", [1, 10, 100])
def test_losses_are_found_each_and_by_direction(per_mille: int) -> None:
    # All ends are in one process: it may stand still for half a second before a buffer runs over.
    count, rate = 1000, 500
    chosen = random.Random(per_mille).sample(range(count - 1), count * per_mille // 1000)
    there, back = set(chosen[::2]), set(chosen[1::2])

    rows = run(
        through(
            lambda number: LOST if number in there else ONCE,
            lambda number: LOST if number in back else ONCE,
            count,
            rate,
        )
    )
    assert lost(rows) == there | back
    assert loss_by_direction(rows, stateful=True) == LossByDirection(len(there), len(back))


def test_duplicates_are_counted_where_they_were_made() -> None:
    there, back = {3, 50, 51}, {10, 50, 99}
    gone = {20, 60}

    rows = run(
        through(
            lambda number: (0.0,) * (3 if number in there else 1),
            lambda number: LOST if number in gone else (0.0,) * (2 if number in back else 1),
            200,
            1000,
        )
    )
    # Of packet 50 three copies arrived there, and each answer was doubled on its way back.
    wanted = {3: 2, 10: 1, 50: 5, 51: 2, 99: 1}
    found = {at: number for at, number in enumerate(rows.columns[DUPLICATES].tolist()) if number}
    assert found == wanted
    copies = {at: number for at, number in enumerate(rows.columns[FAR_COPIES].tolist()) if number}
    assert set(copies) == there
    assert arrival_order(rows) == ArrivalOrder(duplicated=5, reordered=0)
    assert lost(rows) == gone
    assert loss_by_direction(rows, stateful=True) == LossByDirection(0, 2)


def test_packets_that_were_overtaken_are_late_and_not_lost() -> None:
    held = set(range(10, 190, 20))
    rows = run(through(lambda number: (0.03,) if number in held else ONCE, as_ever, 200, 500))
    assert lost(rows) == set()
    received = rows.columns["received_ns"].tolist()
    overtaken = {at for at in range(199) if received[at] > min(received[at + 1 :])}
    assert held <= overtaken
    values = network_ns(rows)
    assert all(values[at] >= 25 * NS_PER_MS for at in held)
    assert arrival_order(rows) == ArrivalOrder(duplicated=0, reordered=len(held))
    assert loss_by_direction(rows, stateful=True) == LossByDirection(0, 0)


def test_a_stall_of_400_ms_is_seen_by_every_packet_that_was_due_in_it() -> None:
    rate, begin = 500, 300
    stalled = range(begin, begin + 200)

    def there(number: int) -> Copies:
        # What comes in while the path stands still is let go when it ends.
        return (0.4 - (number - begin) / rate,) if number in stalled else ONCE

    rows = run(through(there, as_ever, 1000, rate))
    assert lost(rows) == set()
    due, sent = rows.columns["due_ns"].data, rows.columns["sent_ns"].data
    assert (np.diff(due) == NS_PER_S // rate).all()
    # Open loop: the stall held up no send. A closed loop would have sent one packet in it.
    assert np.count_nonzero(sent[begin + 1 : begin + 200] < due[begin] + 400 * NS_PER_MS) > 150
    values, _ = as_latencies(network_ns(rows), rows.columns["received_ns"])
    assert float(np.percentile(values, 99)) > 300 * NS_PER_MS
    assert np.count_nonzero(values > NS_PER_MS) >= 190


def test_a_far_end_that_dies_and_comes_back_costs_what_was_sent_meanwhile() -> None:
    count, rate = 600, 1000

    async def work() -> Samples:
        async with asyncio.TaskGroup() as tasks:
            async with far_end() as port:
                flying = tasks.create_task(flown(port, count, rate))
                await asyncio.sleep(0.2)
            await asyncio.sleep(0.1)
            async with far_end(port):
                return await flying

    rows = run(work())
    gone = sorted(lost(rows))
    assert 50 <= len(gone) <= count - 100
    assert gone == list(range(gone[0], gone[-1] + 1))
    assert gone[0] > 0
    assert gone[-1] < count - 1
    split = loss_by_direction(rows, stateful=True)
    # While nobody counted, nobody can tell where they were lost: not one is said to be of either way.
    assert split == LossByDirection(0, 0)
