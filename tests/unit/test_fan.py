"""Many sessions over one socket, and the reflector that gathers: the same rows as from one session, and honest losses."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import numpy as np
import pytest
from fan_sessions import COUNT, GATHER_NS, INTERVAL_NS, run, session
from loopback import LOCAL

from benchkit.errors import MeasureError
from benchkit.linux import quiet, timestamping
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
from benchkit.model.schedule import Schedule
from benchkit.model.spec import FanSpec
from benchkit.probes import fan as probe
from benchkit.probes.fan_turns import staggered
from benchkit.probes.stamp_gathering import GatheringReflector, gathering
from benchkit.probes.stamp_packet import Base, Request
from benchkit.probes.stamp_time import wire_time


@pytest.fixture(autouse=True)
def _usual_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe has a process of its own; here it would take all tests along."""
    monkeypatch.setattr(quiet, "take_priority", lambda *_: False)


@asynccontextmanager
async def far_ends(count: int) -> AsyncIterator[list[int]]:
    """The ports of so many gathering reflectors, in this process."""
    sockets, contexts = [], []
    try:
        for _ in range(count):
            udp = timestamping.stamped_udp_socket()
            sockets.append(udp)
            udp.bind((LOCAL, 0))
            far_end = GatheringReflector(udp, ReflectorSpec(LOCAL, 0))
            context = gathering(udp, far_end, GATHER_NS)
            context.__enter__()
            contexts.append(context)
        yield [udp.getsockname()[1] for udp in sockets]
    finally:
        for context in contexts:
            context.__exit__(None, None, None)
        for udp in sockets:
            udp.close()


def measured(
    make: Callable[[list[int]], FanSpec], ends: int
) -> tuple[dict[str, Samples], Exception | None]:
    """The rows of each session, and what the fan raised at last."""
    parts: dict[str, list[Samples]] = {}

    async def whole() -> None:
        async with far_ends(ends) as ports:
            async for rows in probe.fan(make(ports)):
                parts.setdefault(rows.path, []).append(rows)

    error = None
    try:
        run(whole())
    except MeasureError as raised:
        error = raised
    return {name: concatenate(own) for name, own in parts.items()}, error


def several(ports: list[int]) -> FanSpec:
    return FanSpec(tuple(session(f"p{at}", port, 100 + at) for at, port in enumerate(ports)))


def test_every_packet_of_every_session_has_its_row_with_every_stamp() -> None:
    found, error = measured(several, 5)
    assert error is None
    assert sorted(found) == [f"p{at}" for at in range(5)]
    for rows in found.values():
        assert set(rows.columns) == {
            *RTT_COLUMNS, DUPLICATES, FAR_SEQUENCE, FAR_TTL, FAR_FLAGS, FAR_COPIES,
        }  # fmt: skip
        assert rows.columns["sequence"].tolist() == list(range(COUNT))
        answered = ~np.ma.getmaskarray(rows.columns["received_ns"])
        assert answered.sum() >= COUNT - 1  # a kernel begins to stamp a moment after it is asked
        assert (rows.columns[FAR_TTL].compressed() == 255).all()
        assert rows.columns[FAR_SEQUENCE].tolist() == list(range(COUNT))
        assert not rows.columns[DUPLICATES].any()


def test_stamps_are_in_the_order_of_a_round_trip() -> None:
    found, _ = measured(several, 3)
    for rows in found.values():
        columns = rows.columns
        order = ("t1_sched_ns", "t1_ns", "t2_ns", "t3_ns", "t4_ns")
        for one, other in pairwise(order):
            gap = (columns[other] - columns[one]).compressed()
            assert len(gap) > COUNT // 2
            assert (gap >= -1000).all()  # NTP's fraction rounds
        late = columns["sent_ns"] - columns["due_ns"]
        assert (late >= 0).all()


def test_packets_keep_their_schedule_and_sessions_take_turns() -> None:
    found, _ = measured(several, 4)
    due = {name: rows.columns["due_ns"].data for name, rows in found.items()}
    for own in due.values():
        assert (np.diff(own) == INTERVAL_NS).all()
    firsts = [int(own[0]) for own in due.values()]
    assert len(set(firsts)) > 1
    assert max(firsts) - min(firsts) < INTERVAL_NS


def test_a_session_that_nobody_answers_is_told_at_the_end_and_its_rows_are_lost() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind((LOCAL, 0))

        def make(ports: list[int]) -> FanSpec:
            silent = session("silent", deaf.getsockname()[1], 9)
            return FanSpec((session("p", ports[0], 8), silent))

        found, error = measured(make, 1)
    assert error is not None
    assert str(error).startswith("silent: none of 20 packets was answered")
    assert np.ma.getmaskarray(found["silent"].columns["received_ns"]).all()
    assert not np.ma.getmaskarray(found["p"].columns["received_ns"])[2:].any()


def test_poisson_sessions_draw_moments_of_their_own() -> None:
    poisson = Schedule("poisson", seed=7)
    sessions = [session(f"p{at}", 862, at + 1, schedule=poisson) for at in range(2)]
    one, other = staggered(tuple(sessions), 0)
    assert (one != other).all()
    again = staggered(tuple(sessions), 0)
    assert (again[0] == one).all()


def test_sessions_take_turns_in_telling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "ENOUGH_ROWS", 40)
    sessions = tuple(session(f"p{at}", 862, at + 1, count=1000) for at in range(4))
    with timestamping.stamped_udp_socket() as udp:
        flight = probe._Fan(sessions, udp)
        monkeypatch.setattr(flight, "collect", lambda: None)
        monkeypatch.setattr(flight, "_read", lambda: None)
        told = []
        for answered in range(0, 90, 10):
            flight._columns["received_ns"][:, :answered] = 1
            told.append([(rows.path, len(rows)) for rows in flight.settle()])
    first = [[(f"p{at}", 10 + 10 * at)] for at in range(4)]
    again = [[(f"p{at}", 40)] for at in range(4)]
    assert told == [[], *first, *again]


def test_a_fan_that_is_broken_off_tells_what_it_knows() -> None:
    told: list[Samples] = []

    async def whole() -> None:
        async with far_ends(1) as ports:
            spec = FanSpec((session("p", ports[0], 7, count=1000),))

            async def note() -> None:
                async for rows in probe.fan(spec):
                    told.append(rows)  # noqa: PERF401  as they come, for it is broken off

            task = asyncio.get_running_loop().create_task(note())
            await asyncio.sleep(0.5)
            assert not told
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()

    run(whole())
    rows = concatenate(told)
    assert 10 <= len(rows) < 100
    assert not np.ma.getmaskarray(rows.columns["received_ns"]).any()


def answers_of(kind: str, payload: bytes) -> list[bytes]:
    """What a far end that misbehaves makes of a request."""
    base = Base()
    request = base.read_request(payload)
    assert request is not None
    now = wire_time(10**18, 0)
    if kind == "unknown session":
        request = request._replace(ssid=request.ssid + 1)
    if kind == "echo forged":
        request = Request(request.sequence, bytes(10), request.ssid)
    whole = base.reply(request, sequence=request.sequence, t2=now, t3=now, ttl=9)
    return {"short": [whole[:40]], "copy": [whole, whole]}.get(kind, [whole])


async def answered_by(kind: str, found: list[Samples]) -> None:
    """Put into `found` what a session makes of such a far end."""
    loop = asyncio.get_running_loop()
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    udp.bind((LOCAL, 0))

    def answer() -> None:
        payload, sender = udp.recvfrom(2048)
        for one in answers_of(kind, payload):
            udp.sendto(one, sender)

    loop.add_reader(udp.fileno(), answer)
    try:
        async for rows in probe.fan(FanSpec((session("p", udp.getsockname()[1], 5),))):
            found.append(rows)  # noqa: PERF401  kept where it raises at last
    finally:
        loop.remove_reader(udp.fileno())
        udp.close()


@pytest.mark.parametrize("kind", ["echo forged", "short", "unknown session"])
def test_what_answers_no_packet_of_ours_is_no_answer(kind: str) -> None:
    found: list[Samples] = []
    with pytest.raises(MeasureError):
        run(answered_by(kind, found))
    assert np.ma.getmaskarray(concatenate(found).columns["received_ns"]).all()


def test_an_answer_that_comes_twice_counts_once_and_is_counted() -> None:
    found: list[Samples] = []
    run(answered_by("copy", found))
    rows = concatenate(found)
    assert not np.ma.getmaskarray(rows.columns["received_ns"]).any()
    assert (rows.columns[DUPLICATES].data == 1).all()
    assert not rows.columns[FAR_COPIES].any()
    assert (rows.columns[FAR_FLAGS].data & FarFlags.NO_DWELL).all()
