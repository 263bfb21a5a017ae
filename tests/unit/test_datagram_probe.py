"""UDP tests on loopback: what is sent is accounted for, and far ends that are not there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from benchkit.errors import MeasureError
from benchkit.linux import datagrams
from benchkit.model.bulk_spec import UdpSpec
from benchkit.model.responder_spec import StreamServerSpec
from benchkit.model.samples import Samples
from benchkit.probes import datagram as probe
from benchkit.probes import datagram_credit as credit
from benchkit.probes.datagram_flow import BURST_NS, UdpSink, burst_of, interval_ns
from benchkit.probes.datagram_terms import UdpTerms, terms_of
from benchkit.probes.stream_meter import without_stubs
from benchkit.probes.stream_server import stream_server
from benchkit.probes.talk import TalkError

LOCAL = "127.0.0.1"
MS = 1_000_000
PATIENCE_S = 10.0


def free_port() -> int:
    """A port that neither protocol has in use; of UDP's, other programs may have many."""
    while True:
        with socket.create_server((LOCAL, 0)) as listener:
            port = int(listener.getsockname()[1])
            with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                udp.bind((LOCAL, port))
                return port


@asynccontextmanager
async def serving() -> AsyncIterator[int]:
    port = free_port()
    server = stream_server(StreamServerSpec(LOCAL, port))
    assert await anext(server) is None
    yield port
    await server.aclose()


def measured(rate_bps: int, payload: int, *, up: bool, joined: bool | None) -> list[Samples]:
    async def work() -> list[Samples]:
        async with serving() as port:
            spec = UdpSpec("a-b", "udp", LOCAL, port, up, 150 * MS, rate_bps, payload, joined)
            return [batch async for batch in probe.datagram(spec)]

    return asyncio.run(asyncio.wait_for(work(), PATIENCE_S))


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize("joined", [True, False])
@pytest.mark.parametrize(("rate_bps", "payload"), [(8_000_000, 200), (200_000_000, 1400)])
def test_what_is_sent_is_accounted_for(rate_bps: int, payload: int, joined: bool, up: bool) -> None:
    if joined and not datagrams.has_segmentation():
        pytest.skip("this kernel has no GSO for UDP")
    goodput, account = measured(rate_bps, payload, up=up, joined=joined)
    assert (goodput.kind, account.kind) == ("goodput", "datagrams")
    row = {name: int(values[0]) for name, values in account.columns.items()}
    assert tuple(row) == probe.TOTAL_COLUMNS
    assert row["up"] == int(up)
    assert row["sent"] == row["received"] + row["lost"]
    due = rate_bps * 0.15 / 8 / payload
    assert 0 < row["sent"] <= due + burst_of(UdpTerms(up, 1, rate_bps, payload, joined)) + 1
    assert goodput.columns["octets"].sum() == row["received"] * payload
    assert 0 <= row["dropped_here"] <= row["lost"]
    assert row["duplicates"] == 0
    assert 0 <= row["pdv_p50_ns"] <= row["pdv_p99_ns"] <= row["pdv_p99_9_ns"]


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize("joined", [True, False])
@pytest.mark.parametrize("buffer", [datagrams.BUFFER, 212_992])
def test_without_a_rate_both_ends_go_on_to_the_end_and_no_buffer_loses_any(
    buffer: int, joined: bool, up: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datagrams, "BUFFER", buffer)
    monkeypatch.setattr(datagrams, "FORCED_BUFFER", buffer)
    _, account = measured(0, 1400, up=up, joined=joined)
    row = {name: int(values[0]) for name, values in account.columns.items()}
    assert row["received"] > 0
    assert (row["lost"], row["dropped_here"]) == (0, 0)


def granting_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets."""
    near, far = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    near.bind((LOCAL, 0))
    far.bind((LOCAL, 0))
    near.connect(far.getsockname())
    far.connect(near.getsockname())
    return near, far


def test_a_sender_may_go_as_far_as_it_was_told_and_no_further(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(credit, "PATIENCE_MS", 20)
    near, far = granting_pair()
    with near, far:
        granted = credit.Granted(near, mark=7, heap=4)
        granting = credit.Granting(far, 1400, mark=7)
        window = datagrams.room(far, 1400)
        assert granted.room(0, 8) == 4  # nobody has said anything: one heap, after a while
        granting.grant(0)
        assert granted.room(0, 8) == 8
        assert granted.room(window - 5, 8) == 5
        assert granted.room(window, 8) == 4  # as at the start
        granting.grant(1)  # not worth a word
        granting.grant(window)
        assert granted.room(window, 2 * window) == window


def test_what_no_far_end_of_this_test_says_is_passed_over() -> None:
    near, far = granting_pair()
    with near, far:
        granted = credit.Granted(near, mark=7, heap=1)
        for said in (b"", b"x" * 16, b"y" * 17, credit.WORD.pack(8, 100)):
            far.send(said)
        far.send(credit.WORD.pack(7, 3))
        far.send(credit.WORD.pack(7, 2))
        assert granted.room(0, 10) == 3


def test_no_burst_is_longer_than_a_shallow_buffer_holds() -> None:
    slow = UdpTerms(up=True, duration_ns=MS, rate_bps=30_000_000, payload=1400, joined=True)
    assert burst_of(slow) == 1
    fast = UdpTerms(up=True, duration_ns=MS, rate_bps=1_000_000_000, payload=1400, joined=True)
    assert burst_of(fast) * interval_ns(fast) <= BURST_NS


def test_a_udp_port_that_another_program_has_is_named() -> None:
    async def work() -> None:
        async with serving() as port:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
                taken.bind((LOCAL, port))
                spec = UdpSpec("a-b", "udp", LOCAL, port, True, 50 * MS, 10**6, 1000, False)
                with pytest.raises(
                    MeasureError, match=f"its UDP port {port} cannot be had: .* in use"
                ):
                    [batch async for batch in probe.datagram(spec)]

    asyncio.run(asyncio.wait_for(work(), PATIENCE_S))


def test_a_blocked_udp_port_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "HELLOS", 3)
    monkeypatch.setattr(probe, "HELLO_S", 0.05)
    monkeypatch.setattr(probe, "HELLO", b"another word ")
    with pytest.raises(
        MeasureError, match=r"a-b: UDP port \d+ of 127\.0\.0\.1 cannot be reached: 3 datagrams"
    ):
        measured(1_000_000, 1000, up=True, joined=False)


def test_terms_survive_the_wire_and_others_are_refused() -> None:
    terms = UdpTerms(up=False, duration_ns=5, rate_bps=0, payload=64, joined=True)
    assert terms_of(terms.encoded()) == terms
    for wrong in (
        {"up": 1},
        {"payload": 23},
        {"payload": 65_508},
        {"rate_bps": -1},
        {"joined": None},
    ):
        with pytest.raises(TalkError):
            terms_of({**terms.encoded(), **wrong})


def test_an_account_that_is_none_is_refused() -> None:
    terms = UdpTerms(up=True, duration_ns=5, rate_bps=0, payload=64, joined=True)
    with pytest.raises(TalkError):
        probe.account({"refused": 0, "heap": 1}, {"sent": 5}, terms)


def test_goodput_is_over_the_time_in_which_datagrams_came() -> None:
    # Counted from 1000 ms on, every 100 ms; they came from 1012 ms on for 200 ms, as they were sent.
    rows = [(at * MS, (at + 100) * MS, octets, 5) for at, octets in PIECES]
    sink = {"began_ns": 1012 * MS, "came_ns": 1212 * MS}
    found = probe._while_sent(rows, 200 * MS, sink)
    assert [(start // MS, end // MS, octets) for start, end, octets, _ in found] == [
        (1012, 1100, 88),
        (1100, 1200, 100),
        (1200, 1212, 12),
    ]
    assert without_stubs(found) == [(1012 * MS, 1100 * MS, 88, 5), (1100 * MS, 1212 * MS, 112, 10)]


PIECES = [(1000, 88), (1100, 100), (1200, 12), (1300, 0)]


@pytest.mark.parametrize(
    ("came", "ends"),
    [
        (1100, 1212),  # an outage at the end is time in which datagrams could have come
        (1290, 1290),  # a queue that runs dry after the sender's end
    ],
)
def test_neither_an_outage_nor_a_queue_at_the_end_shortens_the_time(came: int, ends: int) -> None:
    rows = [(at * MS, (at + 100) * MS, octets, 5) for at, octets in PIECES]
    found = probe._while_sent(rows, 200 * MS, {"began_ns": 1012 * MS, "came_ns": came * MS})
    assert found[-1][1] == ends * MS
    assert sum(row[2] for row in found) == 200


def test_a_sink_that_broke_off_leaves_intervals_whole_but_those_in_which_it_waited() -> None:
    rows = [(at * MS, (at + 100) * MS, octets, 5) for at, octets in PIECES]
    assert probe._while_sent(rows, 200 * MS, {}) == rows[:3]


def test_a_sink_says_when_the_first_would_have_come_whatever_was_lost_before_it() -> None:
    near, far = granting_pair()
    terms = UdpTerms(up=True, duration_ns=MS, rate_bps=8_000_000, payload=1000, joined=False)
    sink = UdpSink(far, terms, mark=7)
    assert "began_ns" not in sink.total()
    outgoing = datagrams.Outgoing(near, 1000, 7, 1, segmented=False)
    for _ in range(5):
        outgoing.send(1)
    for _ in range(4):
        far.recv(2000)  # lost, as far as the sink knows
    sink.finish({"sent": 5})
    sink.start()
    sink._thread.join(PATIENCE_S)  # type: ignore[union-attr]
    told = sink.total()
    assert (told["received"], told["lost"]) == (1, 4)
    assert told["came_ns"] - told["began_ns"] == 5 * MS  # a datagram every millisecond
    near.close()
    far.close()


@pytest.mark.parametrize(
    ("began", "came"),
    [
        (1199 * MS, 1212 * MS),  # after most had been counted
        (1012 * MS, 2**63),
        (-1, 1212 * MS),
        (True, 1212 * MS),
        ("1012", 1212 * MS),
        (1012.0 * MS, 1212 * MS),
        (500 * MS, 501 * MS),  # over before any had been counted
    ],
)
def test_a_time_that_the_counts_belie_is_not_believed(began: object, came: object) -> None:
    rows = [(at * MS, (at + 100) * MS, octets, 5) for at, octets in PIECES]
    assert probe._while_sent(rows, 200 * MS, {"began_ns": began, "came_ns": came}) == rows[:3]
