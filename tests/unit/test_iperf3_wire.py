"""What iperf3 peers may send: whatever it is, it is read or refused, and what we send is read again as it was."""

from __future__ import annotations

import json
import math
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit.probes.iperf3_datagram import REMEMBERED, Arrivals, head, stamped
from benchkit.probes.iperf3_results import Cpu, Results, StreamResult, results_of
from benchkit.probes.iperf3_session import stream_number
from benchkit.probes.iperf3_terms import Iperf3Terms, terms_of
from benchkit.probes.iperf3_wire import Control, State, new_cookie, state_of
from benchkit.probes.talk import GoneError, TalkError

# Captured from iperf3 3.12 -u -b 200K -l 200 -t 1.
CAPTURED = b'{"udp":true,"omit":0,"time":1,"num":0,"blockcount":0,"parallel":1,"len":200,"bandwidth":200000,"pacing_timer":1000,"client_version":"3.12"}'
NUMBERS = st.one_of(st.integers(), st.floats(), st.booleans(), st.none(), st.text(max_size=5))
JSON = st.recursive(NUMBERS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
TERM_KEYS = [
    "tcp",
    "udp",
    "sctp",
    "time",
    "parallel",
    "len",
    "reverse",
    "bidirectional",
    "omit",
    "num",
    "MSS",
    "window",
    "bandwidth",
    "TOS",
    "congestion",
]
STREAM_KEYS = [
    "id",
    "bytes",
    "retransmits",
    "jitter",
    "errors",
    "packets",
    "omitted_errors",
    "omitted_packets",
    "end_time",
]
TOP_KEYS = ["cpu_util_user", "cpu_util_system", "sender_has_retransmits", "congestion_used"]


def taken(read: Any, message: bytes) -> Any:
    """What it is read as, or None where it is refused."""
    try:
        return read(message)
    except TalkError as error:
        said = str(error)
    assert said.startswith(("it sent", "it asked"))
    return None


@given(st.binary())
def test_no_octets_crash_the_readers(message: bytes) -> None:
    taken(terms_of, message)
    taken(results_of, message)


@given(JSON)
def test_no_json_crashes_the_readers(value: Any) -> None:
    message = json.dumps(value).encode()
    taken(terms_of, message)
    taken(results_of, message)


@given(st.dictionaries(st.sampled_from(TERM_KEYS), JSON))
def test_terms_of_any_values_are_within_the_limits_or_refused(asked: dict[str, Any]) -> None:
    terms = taken(terms_of, json.dumps(asked).encode())
    if terms is not None:
        assert 1 <= terms.streams <= 128
        assert len(terms.flows) <= 256
        assert 1 <= terms.block <= 1 << 20
        assert 0 <= terms.seconds <= 86_400
        assert terms.udp == ("udp" in asked)


@given(
    st.dictionaries(st.sampled_from(TOP_KEYS), NUMBERS),
    st.lists(st.dictionaries(st.sampled_from(STREAM_KEYS), NUMBERS), max_size=3),
)
def test_results_of_any_values_are_possible_or_refused(
    top: dict[str, Any], streams: list[dict[str, Any]]
) -> None:
    results = taken(results_of, json.dumps({**top, "streams": streams}).encode())
    if results is not None:
        for stream in results.streams:
            assert 0 <= stream.lost <= stream.packets
            assert stream.lost - stream.omitted_lost >= 0
            assert stream.packets - stream.omitted_packets >= 0
            assert stream.octets >= 0
            assert math.isfinite(stream.jitter_s)


@pytest.mark.parametrize(
    "message",
    [b"[" * 100_000, b'{"tcp":true,"time":NaN}', b'{"tcp":true,"parallel":' + b"9" * 5000 + b"}"],
)
def test_what_hurts_json_readers_is_refused(message: bytes) -> None:
    with pytest.raises(TalkError):
        terms_of(message)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"parallel": 129}, "parallel 129"),
        ({"parallel": 0}, "parallel 0"),
        ({"len": 2 << 20}, "len 2097152"),
        ({"congestion": "x" * 16}, "congestion"),
        ({"udp": True}, "protocol"),
        ({"sctp": True}, "protocol"),
        ({"time": "1"}, "time '1'"),
    ],
)
def test_terms_beyond_what_iperf3_allows_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(TalkError, match=words):
        terms_of(json.dumps({"tcp": True, "time": 1, **change}).encode())


def test_what_a_real_client_sent_is_read() -> None:
    terms = terms_of(CAPTURED)
    assert terms == Iperf3Terms(
        seconds=1, udp=True, block=200, rate_bps=200_000, wide_counters=False
    )


@pytest.mark.parametrize(
    "terms",
    [
        Iperf3Terms(seconds=3, wide_counters=False),
        Iperf3Terms(seconds=1, udp=True, block=200, rate_bps=10**6, streams=4, both=True),
        Iperf3Terms(seconds=1, reverse=True, segment=1000, window=200_000, no_delay=True, congestion="reno", omit_s=1, tos=16, pacing_bps=8, wide_counters=False),
    ],
)  # fmt: skip
def test_terms_survive_the_wire_and_what_is_not_asked_is_left_out(terms: Iperf3Terms) -> None:
    message = terms.encoded()
    assert terms_of(message) == terms
    assert not any(value is False for value in json.loads(message).values())


def test_results_survive_the_wire() -> None:
    stream = StreamResult(3, 10**12, 7, 0.25, 2, 9, 1, 4, 1.5)
    results = Results((stream, StreamResult(1, 0)), Cpu(12.5, 30.0), 1, "cubic")
    assert results_of(results.encoded()) == results


@pytest.mark.parametrize("minus_one", [2**64 - 1, float(2**64), -1])
def test_minus_one_as_3_12_prints_it(minus_one: float) -> None:
    stream = {"id": 1, "bytes": 5, "retransmits": minus_one}
    (found,) = results_of(json.dumps({"streams": [stream]}).encode()).streams
    assert (found.octets, found.retransmits) == (5, -1)


@given(st.binary(min_size=1, max_size=1))
def test_every_octet_is_a_state_or_refused(octet: bytes) -> None:
    known = {state.value % 256 for state in State}
    if octet[0] in known:
        assert state_of(octet) % 256 == octet[0]
    else:
        with pytest.raises(TalkError, match=f"{octet[0]:#04x}"):
            state_of(octet)


def test_streams_are_numbered_as_iperf3_does() -> None:
    assert [stream_number(at) for at in range(4)] == [1, 3, 4, 5]


def test_the_receiving_half_comes_after_the_sending_one() -> None:
    assert Iperf3Terms(1, streams=2, both=True).flows == (True, True, False, False)
    assert Iperf3Terms(1, streams=2, reverse=True).flows == (False, False)


def test_a_cookie_is_37_octets_and_never_the_same() -> None:
    first, second = new_cookie(), new_cookie()
    assert len(first) == 37
    assert first.endswith(b"\0")
    assert first != second


def test_reads_end_in_time_and_say_why() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        control = Control(ours)
        theirs.sendall(b"\x09")
        assert control.read_state() == State.PARAM_EXCHANGE
        theirs.sendall(b"\x00")
        with pytest.raises(TalkError, match="said nothing"):
            control.read(2, 0.05)
        theirs.sendall(b"\xff\xff\xff\xff")
        with pytest.raises(TalkError, match="4294967295 octets, at most 100"):
            control.read_message(100)
        theirs.close()
        with pytest.raises(GoneError):
            control.read_state()


def arrivals_of(numbers: list[int]) -> Arrivals:
    arrivals = Arrivals()
    for number in numbers:
        arrivals.add(number, 0, 0, 0)
    return arrivals


@given(st.integers(1, 60), st.randoms(use_true_random=False), st.floats(0, 0.9), st.floats(0, 0.5))
def test_sent_is_received_and_lost_whatever_overtakes_or_doubles(
    sent: int, chance: Any, loss: float, doubling: float
) -> None:
    numbers = [number for number in range(1, sent + 1) if chance.random() >= loss]
    came = numbers + [number for number in numbers if chance.random() < doubling]
    chance.shuffle(came)
    arrivals = arrivals_of(came)
    assert arrivals.highest == max(numbers, default=0)
    assert arrivals.received == len(numbers)
    assert arrivals.received + arrivals.lost == arrivals.highest
    assert arrivals.doubles == len(came) - len(numbers)


@given(st.lists(st.integers(0, 2**64 - 1), max_size=30))
def test_no_numbers_make_loss_impossible_or_memory_large(numbers: list[int]) -> None:
    arrivals = arrivals_of(numbers)
    assert arrivals.received + arrivals.lost == arrivals.highest
    assert 0 <= arrivals.lost <= arrivals.highest
    assert len(arrivals._missing) <= REMEMBERED


def test_jitter_is_that_of_rfc_3550() -> None:
    arrivals = Arrivals()
    for number, (sent_us, now_us) in enumerate([(0, 100), (1000, 1260), (2000, 2100)], 1):
        arrivals.add(number, 0, sent_us, now_us * 1000)
    expected = 160_000 / 16
    expected += (160_000 - expected) / 16
    assert arrivals.jitter_ns == pytest.approx(expected)


@pytest.mark.parametrize(("wide", "octets"), [(True, 16), (False, 12)])
def test_the_head_of_a_datagram(wide: bool, octets: int) -> None:
    shape = head(wide=wide)
    packed = shape.pack(*stamped(2_801_459_098_123), 1)
    assert len(packed) == octets
    assert packed[:8] == bytes.fromhex("00000af10007015a")
