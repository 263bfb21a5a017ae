"""Many sessions over one socket, and the reflector that gathers: the same rows as from one session, and honest losses."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from benchkit.clock import NS_PER_MS, NS_PER_S
from benchkit.errors import MeasureError
from benchkit.linux import quiet, timestamping
from benchkit.linux.gathered import Datagrams, Volley
from benchkit.linux.stamped_batches import name_of
from benchkit.model.far_end import FarEnd
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
from benchkit.model.spec import FanSpec, StampSpec
from benchkit.probes import fan as probe
from benchkit.probes.stamp_columns import (
    OCTETS,
    REPLY,
    REQUEST,
    from_ntp_columns,
    to_ntp_columns,
)
from benchkit.probes.stamp_gathering import GatheringReflector, gathering, gathering_reflector
from benchkit.probes.stamp_packet import Base, Request
from benchkit.probes.stamp_time import from_ntp, to_ntp, wire_time
from benchkit.stats.round_trip import network_ns

LOCAL = "127.0.0.1"
COUNT, INTERVAL_NS, TIMEOUT_NS = 20, 10 * NS_PER_MS, NS_PER_S
GATHER_NS = 5 * NS_PER_MS


@pytest.fixture(autouse=True)
def _usual_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe has a process of its own; here it would take all tests along."""
    monkeypatch.setattr(quiet, "take_priority", lambda *_: False)


def session(name: str, port: int, ssid: int, **changes: object) -> StampSpec:
    spec = StampSpec(name, "idle", LOCAL, port, ssid, COUNT, INTERVAL_NS, TIMEOUT_NS)
    return replace(spec, **changes)  # type: ignore[arg-type]


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


def run(work: Awaitable[None]) -> None:
    async def whole() -> None:
        await work

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(whole())


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
    one, other = probe.staggered(tuple(sessions), 0)
    assert (one != other).all()
    again = probe.staggered(tuple(sessions), 0)
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
    assert (rows.columns[FAR_FLAGS].data & FarEnd.NO_DWELL).all()


def test_a_gathering_reflector_tells_when_its_answers_left() -> None:
    told: list[Samples] = []

    async def whole() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe_socket:
            probe_socket.bind((LOCAL, 0))
            port = probe_socket.getsockname()[1]
        ready = asyncio.Event()

        async def reflect() -> None:
            async for rows in gathering_reflector(ReflectorSpec(LOCAL, port, gather_ns=GATHER_NS)):
                if rows is None:
                    ready.set()
                else:
                    told.append(rows)

        task = asyncio.get_running_loop().create_task(reflect())
        await ready.wait()
        async for rows in probe.fan(FanSpec((session("p", port, 77),))):
            assert len(network_ns(rows)) == len(rows)
        await asyncio.sleep(0.7)
        task.cancel()
        await asyncio.wait([task])

    run(whole())
    departures = concatenate(told)
    assert set(departures.columns["ssid"].tolist()) == {77}
    assert len(departures) >= COUNT - 1
    assert max(departures.columns["sequence"].tolist()) == COUNT - 1


def test_what_is_no_plain_request_is_not_answered() -> None:
    with (
        timestamping.stamped_udp_socket() as udp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        udp.bind((LOCAL, 0))
        sender.settimeout(0.1)
        far_end = GatheringReflector(udp, ReflectorSpec(LOCAL, 0))
        for payload in (b"", b"x" * 43, b"x" * 44, bytes(45), bytes(1400)):
            sender.sendto(payload, udp.getsockname())
        far_end.answer()
        with pytest.raises(TimeoutError):
            sender.recv(2048)


def test_a_stateful_reflector_counts_and_a_stateless_one_repeats() -> None:
    for stateful, expected in ((True, [0, 1]), (False, [7, 9])):
        with (
            timestamping.stamped_udp_socket() as udp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        ):
            udp.bind((LOCAL, 0))
            sender.settimeout(2)
            far_end = GatheringReflector(udp, ReflectorSpec(LOCAL, 0, stateful=stateful))
            for number in (7, 9):
                packet = Base().request(number, 3, wire_time(10**18, 0))
                sender.sendto(packet, udp.getsockname())
            far_end.answer()
            replies = [Base().read_reply(sender.recv(2048)) for _ in range(2)]
            assert [reply.sequence for reply in replies if reply] == expected
            assert [reply.sender_sequence for reply in replies if reply] == [7, 9]


def test_an_intake_that_is_full_leaves_the_rest_to_the_kernel() -> None:
    with (
        timestamping.stamped_udp_socket() as udp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        udp.bind((LOCAL, 0))
        intake = Datagrams(udp, 4, OCTETS)
        for number in range(6):
            sender.sendto(bytes([number]) * OCTETS, udp.getsockname())
        assert (intake.fill(), intake.fill()) == (4, 0)
        first = intake.take()
        assert (intake.fill(), intake.take().payloads[:, 0].tolist()) == (2, [4, 5])
        assert first.payloads[:, 0].tolist() == [0, 1, 2, 3]
        assert (first.lengths == OCTETS).all()


def test_a_volley_leaves_out_what_the_kernel_refuses() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        there.bind((LOCAL, 0))
        good, bad = name_of(udp, *there.getsockname()), name_of(udp, "255.255.255.255", 9)
        names = np.frombuffer(b"".join([good, bad, good]), np.uint8).reshape(3, 16).copy()
        packets = np.arange(3, dtype=np.uint8).repeat(OCTETS).reshape(3, OCTETS)
        assert Volley(udp, packets, names).send(0, 3) == [0, 2]
        assert [there.recv(100)[0] for _ in range(2)] == [0, 2]


@given(st.lists(st.integers(0, 2**32 * NS_PER_S), min_size=1, max_size=20))
def test_columns_of_ntp_time_are_what_one_time_is(times_ns: list[int]) -> None:
    times = np.array(times_ns, np.int64)
    words = to_ntp_columns(times)
    assert words.tolist() == [high << 32 | low for high, low in map(to_ntp, times_ns)]
    back = from_ntp_columns(words, times)
    singles = [from_ntp(*to_ntp(time), time) for time in times_ns]
    assert back.tolist() == singles


def test_the_columns_lie_where_the_packets_have_their_fields() -> None:
    time = wire_time(1_700_000_000_123_456_789, 0x8A0B)
    request = np.frombuffer(Base().request(0xDEADBEEF, 0x1234, time), REQUEST)[0]
    assert (request["sequence"], request["ssid"]) == (0xDEADBEEF, 0x1234)
    assert request["time"] == time.high << 32 | time.low
    assert request["error_estimate"] == 0x8A0B
    asked = Base().read_request(request.tobytes())
    assert asked is not None
    packed = Base().reply(asked, sequence=5, t2=wire_time(10**18, 0), t3=time, ttl=63)
    reply = np.frombuffer(packed, REPLY)[0]
    assert (reply["sequence"], reply["sender_sequence"], reply["ttl"]) == (5, 0xDEADBEEF, 63)
    assert reply["t3"] == reply["sender_time"] == request["time"]
    high, low = to_ntp(10**18)
    assert reply["t2"] == high << 32 | low
    assert reply["sender_estimate"] == 0x8A0B
