"""STAMP many packets at a time: the same words, rows and answers as one by one."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from benchkit.clock import realtime_ns
from benchkit.errors import AskedWronglyError, MeasureError
from benchkit.linux import timestamping
from benchkit.linux.address import family_of
from benchkit.linux.timestamping import Received
from benchkit.model.responder_spec import ReflectorSpec
from benchkit.model.samples import DUPLICATES, FAR_FLAGS, FAR_SEQUENCE, Samples, concatenate
from benchkit.model.schedule import Schedule
from benchkit.model.spec import StampSpec
from benchkit.model.stamp_options import BASE_OCTETS, FOLLOWED_UP, PLAIN, StampOptions
from benchkit.probes.batched_stamp import batched_stamp, can_be_batched, goes_in_batches
from benchkit.probes.flight_rows import Answer
from benchkit.probes.stamp import stamp
from benchkit.probes.stamp_batches import Replies
from benchkit.probes.stamp_packet import Base
from benchkit.probes.stamp_reflector import FEW_PACKETS, Reflector, reflecting
from benchkit.probes.stamp_sending import Packets
from benchkit.probes.stamp_time import from_ntp, ntp_times, ntp_words, to_ntp, wire_time

LOCAL = "127.0.0.1"
MS, S = 1_000_000, 1_000_000_000
WORD = st.integers(0, 2**32 - 1)
# Times whose error estimate says NTP.
ESTIMATES = st.integers(0, 2**16 - 1).map(lambda bits: bits & ~0x4000)


@given(st.lists(st.integers(0, 200 * 365 * 86_400 * S), min_size=1), st.integers(0, 4 * 10**18))
def test_many_times_are_written_and_read_as_one_is(moments: list[int], near: int) -> None:
    high, low = ntp_words(np.array(moments))
    assert list(zip(high.tolist(), low.tolist(), strict=True)) == [to_ntp(each) for each in moments]
    read = ntp_times(high, low, near).tolist()
    assert read == [from_ntp(*to_ntp(each), near) for each in moments]


@given(
    st.lists(st.tuples(WORD, WORD, WORD, ESTIMATES, st.integers(0, 255)), min_size=1, max_size=9)
)
def test_many_answers_are_read_as_one_is(told: list[tuple[int, int, int, int, int]]) -> None:
    near = realtime_ns()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((LOCAL, 0))
        packets = Packets(7, len(told), PLAIN, udp)
    rows = np.zeros((len(told), BASE_OCTETS + 4), dtype=np.uint8)
    expected: list[Answer | None] = []
    for number, (high, low, far, estimate, ttl) in enumerate(told):
        request = Base().read_request(packets.pack(number))
        assert request is not None
        t2 = wire_time(near, estimate)
        answer = Base().reply(
            request, sequence=far, t2=t2, t3=t2._replace(high=high, low=low), ttl=ttl
        )
        rows[number, :BASE_OCTETS] = np.frombuffer(answer, dtype=np.uint8)
        expected.append(packets.read(Received(answer, None, near, 64, 0)))
    far_columns = Replies(rows).far(np.arange(len(told)), near)
    found = zip(*(each.tolist() for each in far_columns), strict=True)
    assert [Answer(*each) for each in enumerate(found)] == expected


def test_what_goes_in_batches() -> None:
    assert can_be_batched(PLAIN)
    assert can_be_batched(FOLLOWED_UP)
    for options in (
        StampOptions(key_file="key"),
        StampOptions(octets=100),
        StampOptions(ptp=True),
        StampOptions(extensions=("location",)),
    ):
        assert not can_be_batched(options)
    spec = StampSpec("a", "idle", LOCAL, 862, 1, 9, S // 9_000, S)
    assert not goes_in_batches(spec)
    fast = replace(spec, interval_ns=S // 10_000)
    assert goes_in_batches(fast)
    assert not goes_in_batches(replace(fast, schedule=Schedule(pacing="precise")))
    assert not goes_in_batches(replace(fast, options=StampOptions(octets=100)))
    assert goes_in_batches(replace(spec, schedule=Schedule(pacing="batched")))


def test_options_that_do_not_go_in_batches_are_told() -> None:
    spec = StampSpec("a", "idle", LOCAL, 862, 1, 9, MS, S, options=StampOptions(octets=100))

    async def work() -> None:
        async for _ in batched_stamp([spec]):
            pass

    with pytest.raises(
        AskedWronglyError, match=r"a: packets with a key, .* leave `pacing` at timer"
    ):
        asyncio.run(work())


class Pair:
    """A sender connected to a reflector, both here."""

    def __init__(self, near: socket.socket, far: Reflector) -> None:
        self.near, self.far = near, far

    def asked(self, payloads: list[bytes]) -> list[Received]:
        for payload in payloads:
            self.near.send(payload)
        self.far.answer()
        return list(timestamping.receive(self.near))


@contextmanager
def pair(address: str = LOCAL, bound: str = LOCAL, *, stateful: bool = True) -> Iterator[Pair]:
    family = family_of(address)
    with (
        timestamping.stamped_udp_socket(family) as far,
        timestamping.stamped_udp_socket(family) as near,
    ):
        far.bind((bound, 0))
        near.connect((address, far.getsockname()[1]))
        near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        yield Pair(near, Reflector(far, ReflectorSpec(bound, 0, stateful=stateful)))


def without_times(answer: bytes) -> tuple[bytes, bytes, bytes]:
    """All of an answer but T2, T3 and their error estimate."""
    return answer[:4], answer[14:16], answer[24:]


@pytest.mark.parametrize("stateful", [True, False])
@pytest.mark.parametrize(
    ("address", "bound"),
    [(LOCAL, LOCAL), ("127.0.0.9", "0.0.0.0"), ("::1", "::1"), ("::1", "::")],  # noqa: S104  what is tested
)
def test_answers_to_many_are_those_to_each(address: str, bound: str, stateful: bool) -> None:
    requests = [Base().request(number, 7, wire_time(5 * S + number, 9)) for number in range(40)]
    longer = [each + bytes(20) for each in requests]
    payloads = [*requests[:20], requests[3], *longer[20:], b"short", longer[5]]
    try:
        with pair(address, bound, stateful=stateful) as one_by_one:
            expected = [one_by_one.asked([each])[0] for each in payloads if len(each) > 5]
        with pair(address, bound, stateful=stateful) as many:
            timestamping.set_traffic_class(many.near, 0)
            found = many.asked(payloads)
            departed = many.far.departures()
    except OSError as error:
        pytest.skip(f"no {address} here: {error}")
    assert [without_times(each.payload) for each in found] == [
        without_times(each.payload) for each in expected
    ]
    for each in found:
        reply = Base().read_reply(each.payload)
        assert reply is not None
        near = realtime_ns()
        assert 0 < reply.t2_ns(near) <= reply.t3_ns(near) <= each.stamp_ns <= near
    assert departed is not None
    asked = [int.from_bytes(each[:4], "big") for each in payloads if len(each) > 5]
    assert sorted(departed.columns["sequence"].tolist()) == sorted(asked)


def test_a_class_of_traffic_comes_back_with_all_answers() -> None:
    with pair() as found:
        timestamping.set_traffic_class(found.near, 46 << 2 | 1)
        answers = found.asked(
            [Base().request(n, 7, wire_time(S, 1)) for n in range(3 * FEW_PACKETS)]
        )
    assert {each.traffic_class for each in answers} == {46 << 2}
    assert len(answers) == 3 * FEW_PACKETS


def test_sessions_that_come_mixed_are_counted_apart() -> None:
    requests = [
        Base().request(number, ssid, wire_time(S, 1)) for number in range(30) for ssid in (5, 6)
    ]
    with pair() as found:
        answers = found.asked(requests)
    counts: dict[int, list[int]] = {5: [], 6: []}
    for each in answers:
        own, ssid = struct.unpack_from(">I10xH", each.payload)
        counts[ssid].append(own)
    assert counts == {5: list(range(30)), 6: list(range(30))}


def flown(spec: StampSpec, far: ReflectorSpec) -> tuple[Samples, Samples | None, Samples]:
    """Rows, departures as answers told them, and departures as the reflector knows them."""
    family = family_of(far.address)
    with timestamping.stamped_udp_socket(family) as udp:
        udp.bind((far.address, 0))
        reflector = Reflector(udp, far)
        told: dict[str, list[Samples]] = {"rtt": [], "departures": []}

        async def whole() -> None:
            with reflecting(udp, reflector):
                async for rows in stamp(replace(spec, port=udp.getsockname()[1])):
                    told[rows.kind].append(rows)

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(whole())
        known = reflector.departures()
    assert known is not None
    departures = concatenate(told["departures"]) if told["departures"] else None
    return concatenate(told["rtt"]), departures, known


@pytest.mark.parametrize("options", [PLAIN, FOLLOWED_UP])
def test_a_fast_session_has_a_row_for_each_packet(options: StampOptions) -> None:
    count = 400
    spec = StampSpec("a", "idle", LOCAL, 0, 9, count, S // 20_000, 20 * S, options=options)
    rows, told, known = flown(spec, ReflectorSpec(LOCAL, 0))
    columns = rows.columns
    assert columns["sequence"].tolist() == list(range(count))
    assert columns["received_ns"].count() == count
    assert columns[DUPLICATES].sum() == 0
    assert columns[FAR_SEQUENCE].tolist() == list(range(count))
    stamps = [columns[name] for name in ("t1_sched_ns", "t1_ns", "t2_ns", "t3_ns", "t4_ns")]
    for earlier, later in pairwise(stamps):
        assert (earlier <= later).all()
    left = dict(
        zip(known.columns["sequence"].tolist(), known.columns["t3_ns"].tolist(), strict=True)
    )
    assert len(left) == count
    if options is FOLLOWED_UP:
        assert told is not None
        pairs = zip(told.columns["sequence"].tolist(), told.columns["t3_ns"].tolist(), strict=True)
        # On the wire a nanosecond is rounded to NTP's units.
        assert all(abs(left[number] - stamp) <= 1 for number, stamp in pairs)
        assert len(set(told.columns["sequence"].tolist())) > FEW_PACKETS
        assert not (columns[FAR_FLAGS].data & 16).any()


def test_one_who_is_not_there_is_told_by_all_sessions() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((LOCAL, 0))
        port = udp.getsockname()[1]
    spec = StampSpec("a", "idle", LOCAL, port, 9, 300, S // 20_000, 20 * MS)
    rows: list[Samples] = []

    async def work() -> None:
        async for each in stamp(spec):
            rows.append(each)  # noqa: PERF401  an error follows

    with pytest.raises(MeasureError, match=f"a: none of 300 packets to {LOCAL} UDP port {port}"):
        asyncio.run(work())
    assert len(concatenate(rows)) == 300
    assert concatenate(rows).columns["received_ns"].count() == 0
