"""The reflector on real sockets: whom it answers, from where, how long, marked how, and counted how."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchkit.linux import timestamping
from benchkit.linux.address import family_of
from benchkit.linux.timestamping import Received
from benchkit.model.responder_spec import ReflectorSpec
from benchkit.probes.stamp_packet import Base
from benchkit.probes.stamp_reflector import FEW_PACKETS, Reflector
from benchkit.probes.stamp_time import WireTime
from benchkit.probes.stamp_tlv import Tlv, Type

LOCAL = "127.0.0.1"
TIME = WireTime(0xE8FE6F80, 0x80000000, 1)
EF = 46 << 2


class Pair:
    """A sender connected to a reflector, both here."""

    def __init__(self, near: socket.socket, far: Reflector) -> None:
        self._near, self.far = near, far

    def asked(self, *payloads: bytes) -> list[Received]:
        """The answers to these, all that come; the reflector is asked once for all of them."""
        for payload in payloads:
            self._near.send(payload)
        self.far.answer()
        return list(timestamping.receive(self._near, 65_536))


@contextmanager
def pair(spec: ReflectorSpec, to: str = LOCAL, *, twamp: bool = False) -> Iterator[Pair]:
    family = family_of(spec.address)
    with (
        timestamping.stamped_udp_socket(family) as far,
        timestamping.stamped_udp_socket(family) as near,
    ):
        far.bind((spec.address, 0))
        near.connect((to, far.getsockname()[1]))
        yield Pair(near, Reflector(far, spec, twamp=twamp))


def request(number: int, octets: int = 44, ssid: int = 7) -> bytes:
    return Base().request(number, ssid, TIME).ljust(octets, b"\0")[:octets]


def sequences(answers: list[Received]) -> list[int]:
    return [int.from_bytes(each.payload[:4], "big") for each in answers]


def test_a_stateful_one_counts_by_itself_and_a_stateless_one_copies() -> None:
    numbers = [request(number) for number in (0, 1, 5)]
    with pair(ReflectorSpec(LOCAL, 0)) as stateful:
        assert sequences(stateful.asked(*numbers)) == [0, 1, 2]
        # Another session of the same sender has a count of its own.
        assert sequences(stateful.asked(request(9, ssid=8))) == [0]
    with pair(ReflectorSpec(LOCAL, 0, stateful=False)) as stateless:
        assert sequences(stateless.asked(*numbers)) == [0, 1, 5]


@pytest.mark.parametrize(
    ("octets", "usual", "strict"), [(13, 0, 0), (14, 44, 0), (43, 44, 0), (44, 44, 44), (1400, 1400, 1400)]
)  # fmt: skip
def test_how_long_answers_are(octets: int, usual: int, strict: int) -> None:
    for spec, wanted in (
        (ReflectorSpec(LOCAL, 0), usual),
        (ReflectorSpec(LOCAL, 0, strict=True), strict),
    ):
        with pair(spec) as found:
            answers = found.asked(request(3, octets))
        assert [len(each.payload) for each in answers] == ([wanted] if wanted else [])


@pytest.mark.parametrize(("octets", "wanted"), [(14, 41), (41, 41), (44, 44), (300, 300)])
def test_how_long_twamps_answers_are(octets: int, wanted: int) -> None:
    padding = bytes((0xA5,)) * (octets - 14)
    with pair(ReflectorSpec(LOCAL, 0), twamp=True) as found:
        # Padding that is another each time is no session of its own.
        answers = found.asked(request(3, 14) + padding, request(4, 14) + padding[::-1])
    assert [len(each.payload) for each in answers] == [wanted, wanted]
    assert sequences(answers) == [0, 1]
    assert answers[0].payload[14:16] == b"\0\0"


def test_whoever_is_not_allowed_or_asks_too_often_is_not_answered() -> None:
    many = [request(number) for number in range(100)]
    with pair(ReflectorSpec(LOCAL, 0, allowed=("192.0.2.0/24",))) as found:
        assert found.asked(*many) == []
    with pair(ReflectorSpec(LOCAL, 0, allowed=("127.0.0.0/8",), rate_per_s=1)) as found:
        assert len(found.asked(*many)) == 16


@pytest.mark.parametrize(
    ("bound", "to"),
    [("0.0.0.0", "127.0.0.53"), ("::", "::1"), (LOCAL, LOCAL)],  # noqa: S104  what is tested
)
def test_an_answer_leaves_from_the_address_that_was_asked(bound: str, to: str) -> None:
    try:
        with pair(ReflectorSpec(bound, 0), to) as found:
            # A connected socket takes nothing from any other address.
            (answer,) = found.asked(request(1))
    except OSError as error:
        pytest.skip(f"no {to} here: {error}")
    assert answer.source[0] == to
    assert answer.ttl == 255
    assert answer.payload[40] == 255


@pytest.mark.parametrize("address", [LOCAL, "::1"])
def test_answers_are_marked_as_requests_were_or_as_they_ask(address: str) -> None:
    asks = Tlv(0x80, Type.CLASS_OF_SERVICE, struct.pack(">I", 34 << 26)).packed()
    try:
        with pair(ReflectorSpec(address, 0), address) as found:
            assert found.asked(request(0))[0].traffic_class == 0
            timestamping.set_traffic_class(found._near, EF | 1)
            plain, asked = found.asked(request(1), request(2) + asks)
    except OSError as error:
        pytest.skip(f"no {address} here: {error}")
    assert plain.traffic_class == EF  # without the ECN bits
    assert asked.traffic_class == 34 << 2
    assert asked.payload[44:] == bytes.fromhex("00040004") + struct.pack(
        ">I", 34 << 26 | 46 << 20 | 1 << 18
    )


def test_each_answer_tells_when_the_one_before_it_left() -> None:
    asks = Tlv(0x80, Type.FOLLOW_UP_TELEMETRY, bytes(16)).packed()
    with pair(ReflectorSpec(LOCAL, 0)) as found:
        first, second = (found.asked(request(number) + asks)[0] for number in (0, 1))
        departed = found.far.departures()
    assert first.payload[48:] == bytes(16)
    assert second.payload[48:52] == bytes(4)  # the answer with number 0
    assert second.payload[60] == 2  # stamped in software
    assert departed is not None
    assert departed.columns["sequence"].tolist() == [0, 1]
    assert abs(departed.columns["t3_ns"][0] - time.time_ns()) < 60 * 10**9


def test_answers_say_how_good_the_clock_is_in_the_format_that_was_told() -> None:
    for ptp in (False, True):
        with pair(ReflectorSpec(LOCAL, 0, ptp=ptp)) as found:
            (answer,) = found.asked(request(1))
        estimate = int.from_bytes(answer.payload[12:14], "big")
        assert bool(estimate & 0x4000) == ptp
        assert estimate & 0xFF
        reply = Base().read_reply(answer.payload)
        assert reply is not None
        now = time.time_ns()
        assert abs(reply.t2_ns(now) - now) < 60 * 10**9


def test_a_reflector_counts_and_tells_whom_it_does_not_answer_and_why(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    many = [request(number) for number in range(40)]

    def refused(spec: ReflectorSpec, *payloads: bytes) -> tuple[int, int, list[str]]:
        """How many of these are answered, how many refused, and what is said of it."""
        caplog.clear()
        with pair(spec) as found:
            answered = len(found.asked(*payloads))
            return answered, found.far._refusals.total, [each.message for each in caplog.records]

    capped = ReflectorSpec(LOCAL, 0, allowed=("127.0.0.0/8",), rate_per_s=1)
    answered, times, said = refused(capped, *many, b"too short")
    assert times == 41 - answered
    assert len(said) == 1
    assert said[0].startswith("refused 127.0.0.1: STAMP more often than --rate-cap allows")
    _, times, said = refused(
        ReflectorSpec(LOCAL, 0, allowed=("192.0.2.0/24",)), *many[: 2 * FEW_PACKETS]
    )
    assert (times, said) == (
        2 * FEW_PACKETS,
        ["refused 127.0.0.1: STAMP from a network that is not allowed"],
    )
    _, times, said = refused(ReflectorSpec(LOCAL, 0), *many, b"too short")
    assert (times, said) == (1, ["refused 127.0.0.1: no STAMP, at UDP port 0"])
    key = tmp_path / "key"
    key.write_text("ab" * 32)
    answered, times, said = refused(ReflectorSpec(LOCAL, 0, key_file=str(key)), *many)
    assert (answered, times) == (0, 40)
    assert said == ["refused 127.0.0.1: STAMP without the right key, at UDP port 0"]
