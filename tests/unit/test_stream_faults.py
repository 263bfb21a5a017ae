"""Clients that are none, far ends that die or fall silent: each test ends in its time, with one clear line."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from unittest.mock import Mock

import pytest
from loopback import LOCAL, free_port
from streams import MS, PATIENCE_S, TERMS, all_of, measured, rows_of, serving, spec_of

from benchkit.errors import MeasureError, TakenError
from benchkit.linux import bulk
from benchkit.model.bulk_spec import TcpSpec
from benchkit.model.responder_spec import StreamServerSpec
from benchkit.model.samples import Samples
from benchkit.probes import far_end, stream_meter, stream_served, stream_server, stream_session
from benchkit.probes import stream as probe
from benchkit.probes.stream_terms import StreamTerms, terms_of
from benchkit.probes.talk import TalkError


@pytest.fixture(autouse=True)
def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_meter, "INTERVAL_NS", 10 * MS)


def talk(port: int, *words: bytes) -> bytes:
    """Say these words, end, and return what is said until the far end hangs up."""
    with socket.create_connection((LOCAL, port), timeout=PATIENCE_S) as ours:
        said = b""
        with suppress(OSError):  # it has hung up, perhaps before it read everything
            for word in words:
                ours.sendall(word)
            ours.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            while got := ours.recv(1 << 16):
                said += got
        return said


def line(**changes: object) -> bytes:
    return json.dumps({**TERMS.encoded(), **changes}).encode() + b"\n"


STRANGE: dict[str, bytes] = {
    "nothing": b"",
    "http": b"GET / HTTP/1.1\r\n\r\n",
    "no line": line()[:-1],
    "deep": b"[" * 1000 + b"\n",
    "list": b"{[1]\n",
    "half a head": b"D" + b"0" * 20,
    "an unknown token": probe.head("0" * 16, 0),
    "no number": b"D" + b"x" * 62 + b"\n",
}
REFUSED: dict[str, dict[str, object]] = {
    "direction": {"direction": "sideways"},
    "duration": {"duration_ns": 0},
    "long": {"duration_ns": 3_600_000_000_001},
    "real": {"duration_ns": 1.5},
    "streams": {"streams": 129},
    "truth": {"streams": True},
    "mode": {"mode": "magic"},
    "congestion": {"congestion": "x" * 16},
    "window": {"window_octets": -1},
}


def test_what_is_no_test_is_refused_and_the_next_is_served() -> None:
    async def work() -> None:
        async with serving() as port:
            for name, words in STRANGE.items():
                said = await asyncio.to_thread(talk, port, words)
                assert not said or "broke" in json.loads(said), name
            for name, changes in REFUSED.items():
                said = json.loads(await asyncio.to_thread(talk, port, line(**changes)))
                assert "it sent" in said["refused"], name
            assert len(await all_of(probe.stream(spec_of(port)), [])) == 3

    asyncio.run(asyncio.wait_for(work(), PATIENCE_S))


def test_one_who_hangs_does_not_hold_up_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_served, "STREAMS_S", 0.1)

    async def work() -> None:
        async with serving() as port:
            with socket.create_connection((LOCAL, port), timeout=PATIENCE_S) as silent:
                silent.sendall(line())  # and never opens its streams
                await asyncio.sleep(0.3)
                assert len(await all_of(probe.stream(spec_of(port)), [])) == 3

    asyncio.run(asyncio.wait_for(work(), PATIENCE_S))


def test_one_who_hangs_up_lets_go_of_the_far_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_served, "STREAMS_S", 10 * PATIENCE_S)

    async def work() -> None:
        async with serving() as port:
            said = await asyncio.to_thread(talk, port, line())  # hears that it is granted, and goes
            assert "granted" in json.loads(said.splitlines()[0])
            served = False
            while not served:
                with suppress(TakenError):
                    served = len(await all_of(probe.stream(spec_of(port)), [])) == 3

    asyncio.run(asyncio.wait_for(work(), PATIENCE_S))


@asynccontextmanager
async def pretending(act: Callable[[socket.socket], None]) -> AsyncIterator[int]:
    """A far end that acts on its first connection as told; its port."""
    with socket.create_server((LOCAL, 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as connection:
                act(connection)

        acting = threading.Thread(target=serve)
        acting.start()
        yield int(listener.getsockname()[1])
        await asyncio.to_thread(acting.join, PATIENCE_S)


def test_another_service_is_told_from_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(far_end, "GRANT_S", 0.1)

    def silent(connection: socket.socket) -> None:
        while connection.recv(1000):
            pass

    async def work() -> None:
        async with pretending(silent) as port:
            with pytest.raises(MeasureError, match=r"as benchkit's own does.+--allow"):
                await all_of(probe.stream(spec_of(port)), [])

    asyncio.run(asyncio.wait_for(work(), PATIENCE_S))


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_far_end_that_dies_leaves_what_was_measured(direction: str) -> None:
    found: list[Samples] = []

    async def work() -> None:
        port = free_port()
        server = stream_server.stream_server(StreamServerSpec(LOCAL, port))
        await anext(server)
        spec = TcpSpec("a-b", "load", LOCAL, port, direction, 5_000 * MS, "cubic")
        running = asyncio.ensure_future(all_of(probe.stream(spec), found))
        await asyncio.sleep(0.3)
        await server.aclose()
        await running

    with pytest.raises(MeasureError, match="broke off the test"):
        asyncio.run(asyncio.wait_for(work(), PATIENCE_S))
    assert [each.kind for each in found] == ["goodput", "tcp_info"]
    assert found[0].columns["octets"].sum() > 0


def test_silence_ends_a_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_session, "SILENCE_S", 0.2)

    def stalled(_: socket.socket, tally: bulk.Tally) -> None:
        while tally.running:
            threading.Event().wait(0.02)

    monkeypatch.setitem(bulk.SOURCES, "copy", stalled)
    with pytest.raises(MeasureError, match=r"no data moved for 0\.2 s"):
        measured(
            lambda port: TcpSpec("a-b", "load", LOCAL, port, "up", 5_000 * MS, "cubic", mode="copy")
        )


def test_nobody_there_is_a_measuring_error_that_names_the_port() -> None:
    port = free_port()
    with pytest.raises(
        MeasureError, match=f"a-b: no TCP connection to {LOCAL} port {port}: .*refuse"
    ):
        asyncio.run(all_of(probe.stream(spec_of(port)), []))


def test_a_window_that_the_kernel_does_not_give_is_told_with_both_numbers() -> None:
    with pytest.raises(
        MeasureError, match=r"a window of 500000000 octets was asked and .* gives \d+"
    ):
        measured(lambda port: spec_of(port, window_octets=500_000_000))


def test_terms_survive_the_wire() -> None:
    terms = StreamTerms("both", 5 * MS, 7, "verify", "bbr", 1 << 20)
    assert terms_of(json.loads(json.dumps(terms.encoded()))) == terms


def test_counts_of_another_shape_are_refused() -> None:
    for words in ({}, {"received": [[1, 2]], "sent": []}, {"received": [], "sent": [["a"] * 19]}):
        with pytest.raises(TalkError):
            stream_meter.counts_of(words)


def test_the_last_interval_joins_the_one_before_where_it_is_short() -> None:
    counts = stream_meter.Counts([(0, 10 * MS, 5, 1), (10 * MS, 12 * MS, 3, 1)], [])
    (rows,) = counts.goodput("a-b", "up")
    assert rows_of(rows) == [(0, 12 * MS, 8, 2)]


def test_a_data_connection_that_breaks_at_once_is_a_measuring_error_and_closed() -> None:
    connection = Mock(spec=socket.socket, **{"sendall.side_effect": ConnectionResetError(104, "")})
    with pytest.raises(MeasureError, match=r"a-b: no TCP connection to 127\.0\.0\.1 port 1: "):
        far_end.FarEnd("a-b", LOCAL, 1).connected(connection, b"D0\n")
    connection.close.assert_called_once_with()
