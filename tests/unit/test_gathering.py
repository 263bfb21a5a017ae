"""A reflector that lets requests gather, and packets of many sessions as columns."""

from __future__ import annotations

import asyncio
import socket

import numpy as np
import pytest
from fan_sessions import COUNT, GATHER_NS, run, session
from hypothesis import given
from hypothesis import strategies as st
from loopback import LOCAL, free_udp_port

from benchkit.clock import NS_PER_S
from benchkit.linux import quiet, timestamping
from benchkit.linux.gathered import Datagrams, Volley
from benchkit.linux.stamped_batches import name_of
from benchkit.model.responder_spec import ReflectorSpec
from benchkit.model.samples import Samples, concatenate
from benchkit.model.spec import FanSpec
from benchkit.model.stamp_options import BASE_OCTETS
from benchkit.probes import fan as probe
from benchkit.probes.stamp_columns import REPLY, REQUEST, from_ntp_columns, to_ntp_columns
from benchkit.probes.stamp_gathering import GatheringReflector, gathering_reflector
from benchkit.probes.stamp_packet import Base
from benchkit.probes.stamp_time import from_ntp, to_ntp, wire_time
from benchkit.stats.round_trip import network_ns


@pytest.fixture(autouse=True)
def _usual_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reflector has a process of its own; here it would take all tests along."""
    monkeypatch.setattr(quiet, "take_priority", lambda *_: False)


def test_a_gathering_reflector_tells_when_its_answers_left() -> None:
    told: list[Samples] = []

    async def whole() -> None:
        port = free_udp_port()
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
        intake = Datagrams(udp, 4, BASE_OCTETS)
        for number in range(6):
            sender.sendto(bytes([number]) * BASE_OCTETS, udp.getsockname())
        assert (intake.fill(), intake.fill()) == (4, 0)
        first = intake.take()
        assert (intake.fill(), intake.take().payloads[:, 0].tolist()) == (2, [4, 5])
        assert first.payloads[:, 0].tolist() == [0, 1, 2, 3]
        assert (first.lengths == BASE_OCTETS).all()


def test_a_volley_leaves_out_what_the_kernel_refuses() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        there.bind((LOCAL, 0))
        good, bad = name_of(udp, *there.getsockname()), name_of(udp, "255.255.255.255", 9)
        names = np.frombuffer(b"".join([good, bad, good]), np.uint8).reshape(3, 16).copy()
        packets = np.arange(3, dtype=np.uint8).repeat(BASE_OCTETS).reshape(3, BASE_OCTETS)
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
