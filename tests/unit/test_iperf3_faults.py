"""iperf3 peers that hang, die, refuse or talk nonsense: each test ends in its time, with one clear line."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
from iperf3_clients import MS, PATIENCE_S, hurry, measured, spec_of
from loopback import LOCAL, free_port

from benchkit.errors import AskedWronglyError, MeasureError
from benchkit.probes import iperf3_client, iperf3_far_end


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@contextmanager
def pretending(act: Callable[[socket.socket, socket.socket], None]):  # noqa: ANN201
    """A server whose first connection is acted on as told (with the listener); its port."""
    with socket.create_server((LOCAL, 0)) as listener:
        listener.settimeout(PATIENCE_S)

        def serve() -> None:
            control, _ = listener.accept()
            # A time limit would make MSG_WAITALL return early; pytest has one.
            with control, suppress(OSError):
                act(control, listener)

        acting = threading.Thread(target=serve)
        acting.start()
        yield int(listener.getsockname()[1])
        acting.join(PATIENCE_S)
        assert not acting.is_alive()


def taking_terms(control: socket.socket) -> dict[str, object]:
    assert len(control.recv(37, socket.MSG_WAITALL)) == 37
    control.sendall(b"\x09")
    (octets,) = struct.unpack(">I", control.recv(4, socket.MSG_WAITALL))
    terms: dict[str, object] = json.loads(control.recv(octets, socket.MSG_WAITALL))
    return terms


def running(control: socket.socket, listener: socket.socket) -> socket.socket:
    """Go on to the running test; its one stream."""
    taking_terms(control)
    control.sendall(b"\x0a")
    stream, _ = listener.accept()
    assert len(stream.recv(37, socket.MSG_WAITALL)) == 37
    control.sendall(b"\x01\x02")
    return stream


def await_end(control: socket.socket) -> None:
    """Read until the client hangs up."""
    with suppress(OSError):
        while control.recv(1000):
            pass


def busy(control: socket.socket, _: socket.socket) -> None:
    control.sendall(b"\xff")
    control.recv(37, socket.MSG_WAITALL)


def busy_and_reset(control: socket.socket, _: socket.socket) -> None:
    control.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silent(control: socket.socket, _: socket.socket) -> None:
    await_end(control)


def a_web_server(control: socket.socket, _: socket.socket) -> None:
    control.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await_end(control)


def refuses_the_window(control: socket.socket, _: socket.socket) -> None:
    taking_terms(control)
    control.sendall(b"\xfe" + struct.pack(">ii", 141, 9))
    await_end(control)


def refuses_the_congestion_control(control: socket.socket, _: socket.socket) -> None:
    taking_terms(control)
    control.sendall(b"\xfe" + struct.pack(">ii", 134, 2))
    await_end(control)


def hangs_up_at_the_streams(control: socket.socket, _: socket.socket) -> None:
    taking_terms(control)
    control.sendall(b"\x0a")


def refuses_for_reasons_unknown(control: socket.socket, _: socket.socket) -> None:
    taking_terms(control)
    control.sendall(b"\xfe" + struct.pack(">i", 77))


def hangs_before_the_streams(control: socket.socket, _: socket.socket) -> None:
    taking_terms(control)
    await_end(control)


def dies_meanwhile(control: socket.socket, listener: socket.socket) -> None:
    with running(control, listener) as stream:
        stream.recv(1000)


def is_stopped_meanwhile(control: socket.socket, listener: socket.socket) -> None:
    with running(control, listener):
        control.sendall(b"\x0b")
        await_end(control)


def never_gives_results(control: socket.socket, listener: socket.socket) -> None:
    with running(control, listener):
        assert control.recv(1) == b"\x04"
        await_end(control)


def gives_nonsense_for_results(control: socket.socket, listener: socket.socket) -> None:
    with running(control, listener):
        assert control.recv(1) == b"\x04"
        control.sendall(b"\x0d" + struct.pack(">I", 2) + b"{]")
        await_end(control)


def gives_results_of_other_streams(control: socket.socket, listener: socket.socket) -> None:
    with running(control, listener):
        assert control.recv(1) == b"\x04"
        body = b'{"streams":[{"id":2,"bytes":5}]}'
        control.sendall(b"\x0d" + struct.pack(">I", len(body)) + body)
        await_end(control)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (busy, "busy with another test: try again"),
        (busy_and_reset, "busy with another test: try again"),
        (silent, "did not answer: it said nothing.*start it again"),
        (a_web_server, "did not answer: it said 0x48"),
        (refuses_the_window, "refused the test: the window"),
        (refuses_for_reasons_unknown, "its error 77"),
        (hangs_before_the_streams, "broke off the test: it said nothing"),
    ],
)
def test_a_server_that_does_not_serve_is_told_in_one_line(
    act: Callable[[socket.socket, socket.socket], None], words: str
) -> None:
    with pretending(act) as port:
        found, error = measured(spec_of(port))
    assert isinstance(error, MeasureError)
    assert re.search(f"^a-b: the iperf3 server at {LOCAL} port {port} .*{words}", str(error))
    assert found == []


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (refuses_the_congestion_control, "refused the test: it has no congestion control reno: ask for another, or for none"),
        (hangs_up_at_the_streams, "broke off the test: .*; it may not have congestion control reno: ask for another"),
        (dies_meanwhile, "broke off the test: .*; see that it is still there, and run again"),
    ],
)  # fmt: skip
def test_a_congestion_control_that_a_server_may_not_have_is_named(
    act: Callable[[socket.socket, socket.socket], None], words: str
) -> None:
    with pretending(act) as port:
        _, error = measured(replace(spec_of(port), congestion="reno"))
    assert isinstance(error, MeasureError)
    assert re.search(words, str(error))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (dies_meanwhile, "broke off the test: "),
        (is_stopped_meanwhile, "was stopped meanwhile"),
        (never_gives_results, "it said nothing"),
        (gives_nonsense_for_results, "JSON that cannot be read"),
        (gives_results_of_other_streams, r"streams \[2\], there were \[1\]"),
    ],
)
def test_what_was_measured_until_a_server_fails_is_kept(
    act: Callable[[socket.socket, socket.socket], None], words: str
) -> None:
    with pretending(act) as port:
        found, error = measured(spec_of(port))
    assert isinstance(error, MeasureError)
    assert re.search(words, str(error))
    assert [batch.kind for batch in found] == ["goodput", "tcp_info"]
    assert len(found[0]) > 0


def test_a_stream_without_data_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iperf3_client, "SILENCE_NS", 50 * MS)

    def sends_nothing(control: socket.socket, listener: socket.socket) -> None:
        with running(control, listener):
            await_end(control)

    with pretending(sends_nothing) as port:
        spec = replace(spec_of(port), direction="down", duration_ns=60_000 * MS)
        found, error = measured(spec)
    assert "no data moved" in str(error)
    assert [batch.kind for batch in found] == ["goodput"]


def test_nobody_there_names_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iperf3_far_end, "REOPENING_TRIES", 2)
    port = free_port()
    _, error = measured(spec_of(port))
    assert isinstance(error, MeasureError)
    assert re.search(f"TCP port {port} of {LOCAL} .*refused; run `iperf3 -s -p {port}`", str(error))


@pytest.mark.parametrize("streams", [1, 2])
def test_a_blocked_udp_port_is_named(streams: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:

        def act(control: socket.socket, listener: socket.socket) -> None:
            deaf.bind(listener.getsockname())
            taking_terms(control)
            control.sendall(b"\x0a")
            await_end(control)

        with pretending(act) as port:
            _, error = measured(replace(spec_of(port), udp=True, rate_bps=10**6, streams=streams))
    assert isinstance(error, MeasureError)
    assert re.search(f"UDP port {port} of {LOCAL} .*let UDP port {port} pass", str(error))


def test_a_direction_that_is_none() -> None:
    _, error = measured(replace(spec_of(1), direction="sideways"))
    assert isinstance(error, AskedWronglyError)


def test_a_client_that_is_stopped_says_so_to_the_server() -> None:
    heard = []

    def act(control: socket.socket, listener: socket.socket) -> None:
        with running(control, listener) as stream:
            stream.recv(1000)
            heard.append(control.recv(1))

    async def work(port: int) -> None:
        async def drive() -> None:
            async for _ in iperf3_client.iperf3(replace(spec_of(port), duration_ns=60_000 * MS)):
                pass

        with suppress(TimeoutError):
            await asyncio.wait_for(drive(), 0.3)

    with pretending(act) as port:
        asyncio.run(work(port))
    assert heard == [b"\x0c"]
