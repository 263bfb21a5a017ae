"""The STAMP sender and reflector on loopback: against each other, and against far ends that misbehave."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any, get_args

import numpy as np
import pytest
import uvloop
from loopback import LOCAL, answering, free_udp_port

from benchkit.errors import MeasureError
from benchkit.linux import timestamping
from benchkit.model.far_end import FarFlags
from benchkit.model.responder_spec import ReflectorSpec
from benchkit.model.samples import (
    DUPLICATES,
    FAR_COPIES,
    FAR_FLAGS,
    FAR_SEQUENCE,
    FAR_TTL,
    RTT_COLUMNS,
    Samples,
    concatenate,
)
from benchkit.model.schedule import Pacing, Schedule
from benchkit.model.spec import StampSpec
from benchkit.model.stamp_options import FOLLOWED_UP
from benchkit.probes import batched_stamp, flight, stamp_reflector
from benchkit.probes import stamp as probe
from benchkit.probes.stamp_packet import Base
from benchkit.probes.stamp_reflector import Reflector
from benchkit.probes.stamp_time import wire_time

MS = 1_000_000
SSID = 0xBEEF
Reaction = Callable[[int, bytes], list[tuple[float, bytes]]]  # for a sequence: seconds, answer


def run(work: Awaitable[list[Samples]]) -> list[Samples]:
    """Run it, and fail where a callback of the loop has failed."""
    failed: list[dict[str, Any]] = []

    async def whole() -> list[Samples]:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
        return await work

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(whole())
    assert failed == []
    return found


def spec_of(
    port: int, count: int, *, interval_ns: int = MS, timeout_ns: int = 100 * MS
) -> StampSpec:
    return StampSpec("a-b", "idle", LOCAL, port, SSID, count, interval_ns, timeout_ns)


async def all_of(batches: AsyncIterator[Samples]) -> list[Samples]:
    return [batch async for batch in batches]


@asynccontextmanager
async def reflecting(port: int, departures: list[Samples]) -> AsyncIterator[None]:
    far_end = stamp_reflector.reflector(ReflectorSpec(LOCAL, port))
    assert await anext(far_end) is None

    async def follow() -> None:
        async for batch in far_end:
            assert batch is not None
            departures.append(batch)

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(follow())
        yield
        await asyncio.sleep(2 * stamp_reflector.FLUSH_S)
        task.cancel()


@contextmanager
def far_end(react: Reaction) -> Iterator[int]:
    """A far end that answers as told; its port."""
    loop = asyncio.get_running_loop()

    def answer(udp: socket.socket) -> None:
        payload, source = udp.recvfrom(2048)
        for seconds, reply in react(int.from_bytes(payload[:4], "big"), payload):
            if seconds:
                loop.call_later(seconds, udp.sendto, reply, source)
            else:
                udp.sendto(reply, source)

    with answering(answer) as port:
        yield port


def reply_to(
    payload: bytes, *, sequence: int | None = None, ssid: int | None = None, t2_ns: int = 5
) -> bytes:
    base = Base()
    request = base.read_request(payload)
    assert request is not None
    if sequence is not None:
        request = request._replace(sequence=sequence)
    if ssid is not None:
        request = request._replace(ssid=ssid)
    t2, t3 = wire_time(t2_ns, 1), wire_time(7, 1)
    head = base.reply(request, sequence=request.sequence, t2=t2, t3=t3, ttl=64)
    return head + payload[base.octets :]


def answered(rows: Samples) -> list[int]:
    received = rows.columns["received_ns"]
    return rows.columns["sequence"][~np.ma.getmaskarray(received)].tolist()


@pytest.mark.parametrize("pacing", get_args(Pacing))
def test_sender_and_reflector_stamp_every_packet_and_its_departure(
    monkeypatch: pytest.MonkeyPatch, pacing: Pacing
) -> None:
    monkeypatch.setattr(flight, "BATCH_S", 0.02)
    monkeypatch.setattr(stamp_reflector, "FLUSH_S", 0.02)
    departures: list[Samples] = []
    port = free_udp_port()

    async def both() -> list[Samples]:
        async with reflecting(port, departures):
            spec = spec_of(port, 40, timeout_ns=2000 * MS)
            return await all_of(probe.stamp(replace(spec, schedule=Schedule(pacing=pacing))))

    rows = concatenate(run(both()))
    assert (rows.kind, rows.path, rows.phase) == ("rtt", "a-b", "idle")
    told = {FAR_SEQUENCE, FAR_TTL, FAR_FLAGS, FAR_COPIES}
    assert set(rows.columns) == {*RTT_COLUMNS, DUPLICATES, *told}
    assert rows.columns[FAR_SEQUENCE].tolist() == list(range(40))
    assert set(rows.columns[FAR_TTL].tolist()) == {255}
    assert set(rows.columns[FAR_FLAGS].tolist()) <= {0, FarFlags.SYNCHRONISED}
    times = {name: values.filled(0).tolist() for name, values in rows.columns.items()}
    assert times["sequence"] == list(range(40))
    assert {later - earlier for earlier, later in pairwise(times["due_ns"])} == {MS}
    assert sum(times[DUPLICATES]) == 0
    left = concatenate(departures).columns
    assert set(left["ssid"].tolist()) == {SSID}
    assert sorted(left["sequence"].tolist()) == list(range(40))
    kernel_t3 = dict(zip(left["sequence"].tolist(), left["t3_ns"].tolist(), strict=True))
    for at in range(40):
        assert 0 < times["due_ns"][at] <= times["sent_ns"][at] <= times["received_ns"][at]
        stamps = [times[name][at] for name in ("t1_sched_ns", "t1_ns", "t2_ns", "t3_ns", "t4_ns")]
        stamps.insert(4, kernel_t3[at])  # the kernel sends after user space has written T3
        assert stamps[0] > 0
        assert stamps == sorted(stamps)


@pytest.mark.parametrize("pacing", ["timer", "precise"])
def test_a_far_end_that_follows_up_tells_when_its_last_answer_left_too(
    monkeypatch: pytest.MonkeyPatch, pacing: Pacing
) -> None:
    monkeypatch.setattr(flight, "BATCH_S", 0.02)
    port = free_udp_port()

    async def both() -> list[Samples]:
        async with reflecting(port, []):
            spec = spec_of(port, 20, timeout_ns=2000 * MS)
            schedule = Schedule(pacing=pacing)
            return await all_of(probe.stamp(replace(spec, schedule=schedule, options=FOLLOWED_UP)))

    found = run(both())
    rows = concatenate([each for each in found if each.kind == "rtt"])
    told = concatenate([each for each in found if each.kind == "departures"])
    assert answered(rows) == list(range(20))
    # One that leaves just behind another may be left out: an answer tells of one.
    assert 19 in told.columns["sequence"].tolist()


@pytest.mark.parametrize("pacing", ["timer", "batched"])
def test_what_counts_as_an_answer(monkeypatch: pytest.MonkeyPatch, pacing: Pacing) -> None:
    monkeypatch.setattr(flight, "BATCH_S", 0.19)
    monkeypatch.setattr(batched_stamp, "BATCH_S", 0.19)
    count = 10
    far = {
        1: lambda p: [(0, reply_to(p)), (0, reply_to(p, t2_ns=6)), (0.01, reply_to(p, t2_ns=6))],
        2: lambda _: [],
        3: lambda p: [(0.12, reply_to(p))],  # beyond the timeout, before the row is settled
        4: lambda p: [(0, reply_to(p, ssid=SSID ^ 1))],
        5: lambda p: [(0, b""), (0, b"garbage"), (0, reply_to(p)[:37]), (0, reply_to(p))],
        6: lambda p: [(0, reply_to(p, ssid=0))],  # a reflector that knows no SSID
        7: lambda p: [(0, reply_to(p, sequence=count)), (0, reply_to(p, sequence=2**32 - 1))],
        8: lambda p: [(0.03, reply_to(p))],  # after the next one's answer
    }

    async def work() -> list[Samples]:
        def react(sequence: int, payload: bytes) -> list[tuple[float, bytes]]:
            return far.get(sequence, lambda p: [(0, reply_to(p))])(payload)

        with far_end(react) as port:
            spec = spec_of(port, count, timeout_ns=90 * MS)
            return await all_of(probe.stamp(replace(spec, schedule=Schedule(pacing=pacing))))

    rows = concatenate(run(work()))
    assert answered(rows) == [0, 1, 5, 6, 8, 9]
    assert rows.columns[DUPLICATES].tolist() == [0, 2, 0, 0, 0, 0, 0, 0, 0, 0]
    assert rows.columns["t2_ns"][1] == 5  # of the first answer
    lost = np.ma.getmaskarray(rows.columns["received_ns"])
    for name in ("t2_ns", "t3_ns", "t4_ns"):
        assert (np.ma.getmaskarray(rows.columns[name]) == lost).all()
    for name in ("sequence", "due_ns", "sent_ns", "t1_ns"):
        assert np.ma.count_masked(rows.columns[name]) == 0
    assert rows.columns["sequence"].tolist() == list(range(count))


def test_rows_come_once_each_and_in_order_as_they_settle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight, "BATCH_S", 0.005)

    async def work() -> list[Samples]:
        with far_end(lambda _, payload: [(0.02, reply_to(payload))]) as port:
            return await all_of(probe.stamp(spec_of(port, 40, timeout_ns=2000 * MS)))

    batches = run(work())
    assert len(batches) > 1
    assert [at for batch in batches for at in batch.columns["sequence"].tolist()] == list(range(40))


def test_no_answer_at_all_is_told_after_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight, "BATCH_S", 0.02)
    port, batches = free_udp_port(), []

    async def work() -> list[Samples]:
        async for batch in probe.stamp(spec_of(port, 5, timeout_ns=10 * MS)):
            batches.append(batch)  # noqa: PERF401  kept one by one: an error follows
        return batches

    with pytest.raises(MeasureError, match=f"a-b: none of 5 packets to {LOCAL} UDP port {port} "):
        run(work())
    assert answered(concatenate(batches)) == []
    assert len(concatenate(batches)) == 5


def test_a_packet_that_is_refused_is_lost_and_shifts_no_stamp(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Balky(socket.socket):
        def send(self, data: bytes, flags: int = 0, /) -> int:  # type: ignore[override]
            sequence = int.from_bytes(data[:4], "big")
            if sequence in {0, 3}:
                raise OSError(105, "No buffer space available")
            return super().send(data, flags)

    def balky(family: int) -> socket.socket:
        return Balky(fileno=make(family).detach())

    make = timestamping.stamped_udp_socket
    monkeypatch.setattr(timestamping, "stamped_udp_socket", balky)
    monkeypatch.setattr(flight, "BATCH_S", 0.05)

    async def work() -> list[Samples]:
        with far_end(lambda _, payload: [(0, reply_to(payload))]) as port:
            return await all_of(probe.stamp(spec_of(port, 6, timeout_ns=70 * MS)))

    rows = concatenate(run(work()))
    assert answered(rows) == [1, 2, 4, 5]
    for name in ("t1_ns", "t1_sched_ns"):
        assert np.flatnonzero(np.ma.getmaskarray(rows.columns[name])).tolist() == [0, 3]


def test_a_departure_that_the_kernel_tells_late_is_still_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, in_a_queue = timestamping.transmit_stamps, True

    def late(udp: socket.socket) -> Iterator[timestamping.Sent]:
        return iter(()) if in_a_queue else real(udp)

    monkeypatch.setattr(timestamping, "transmit_stamps", late)
    with timestamping.stamped_udp_socket() as ours, socket.socket(type=socket.SOCK_DGRAM) as theirs:
        ours.bind((LOCAL, 0))
        theirs.connect(ours.getsockname())
        reflector = Reflector(ours, ReflectorSpec(LOCAL, 0))
        for sequence in (7, 8):
            theirs.send(Base().request(sequence, SSID, wire_time(1, 1)))
            reflector.answer()
            assert reflector.departures() is None
        in_a_queue = False
        reflector.answer()
        rows = reflector.departures()
    assert rows is not None
    assert rows.columns["sequence"].tolist() == [7, 8]
    assert reflector.departures() is None
