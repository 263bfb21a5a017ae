"""Faults of a path and of a far end, injected where they are known exactly, and found again exactly.

A relay between sender and reflector gives each packet its fate, by its number: how many copies go on each way,
and how long each takes. Times are bounded loosely: a busy machine may add to them, and take nothing away.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from typing import Any

import numpy as np
import pytest
import uvloop

from benchkit.clock import NS_PER_MS, NS_PER_S, realtime_ns
from benchkit.linux import timestamping
from benchkit.model.responder_spec import ReflectorSpec
from benchkit.model.samples import DUPLICATES, FAR_COPIES, Samples, concatenate
from benchkit.model.spec import StampSpec
from benchkit.probes import flight, near_clock
from benchkit.probes.stamp import stamp
from benchkit.probes.stamp_packet import Base
from benchkit.probes.stamp_reflector import Reflector, reflecting
from benchkit.probes.stamp_time import wire_time
from benchkit.stats.arrival_order import ArrivalOrder, arrival_order
from benchkit.stats.loss_direction import LossByDirection, loss_by_direction
from benchkit.stats.round_trip import as_latencies, network_ns

LOCAL = "127.0.0.1"
Copies = tuple[float, ...]  # one for each, the seconds it is held up
Fate = Callable[[int], Copies]
ONCE: Copies = (0.0,)
LOST: Copies = ()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight, "BATCH_S", 0.05)


def run(work: Coroutine[Any, Any, Samples]) -> Samples:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def as_ever(_: int) -> Copies:
    return ONCE


class Relay:
    """Passes packets on between two sockets. It tells them by the sender's number in them."""

    def __init__(self, near_side: socket.socket, far_side: socket.socket) -> None:
        self._near, self._far = near_side, far_side
        self._sender: Any = None

    def go(self, there: Fate) -> None:
        for payload, source in _arrivals(self._near):
            self._sender = source
            _send_on(there(int.from_bytes(payload[:4], "big")), self._forward, payload)

    def come(self, back: Fate) -> None:
        for payload, _ in _arrivals(self._far):
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


def _arrivals(udp: socket.socket) -> Iterator[tuple[bytes, Any]]:
    while True:
        try:
            yield udp.recvfrom(2048)
        except BlockingIOError:
            return
        except ConnectionRefusedError:
            continue


@asynccontextmanager
async def far_end(port: int = 0) -> AsyncIterator[int]:
    with timestamping.stamped_udp_socket() as udp:
        udp.bind((LOCAL, port))
        with reflecting(udp, Reflector(udp, ReflectorSpec(LOCAL, 0))):
            yield int(udp.getsockname()[1])


async def flown(port: int, count: int, rate: int, *, timeout_ns: int = NS_PER_S) -> Samples:
    spec = StampSpec("a-b", "idle", LOCAL, port, 7, count, NS_PER_S // rate, timeout_ns)
    return concatenate([rows async for rows in stamp(spec) if rows.kind == "rtt"])


async def through(there: Fate, back: Fate, count: int, rate: int) -> Samples:
    async with far_end() as port:
        with relaying(port, there, back) as relay:
            return await flown(relay, count, rate)


def lost(rows: Samples) -> set[int]:
    return set(np.flatnonzero(np.ma.getmaskarray(rows.columns["received_ns"])).tolist())


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
    loop, base = asyncio.get_running_loop(), Base()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((LOCAL, 0))
        udp.setblocking(False)

        def answer() -> None:
            for payload, source in _arrivals(udp):
                request = base.read_request(payload)
                assert request is not None
                now, (first, second) = realtime_ns(), steps(request.sequence)
                t2, t3 = wire_time(now + first, 1), wire_time(now + 1000 + second, 1)
                reply = base.reply(request, sequence=request.sequence, t2=t2, t3=t3, ttl=255)
                udp.sendto(reply, source)

        loop.add_reader(udp, answer)
        try:
            yield int(udp.getsockname()[1])
        finally:
            loop.remove_reader(udp)
