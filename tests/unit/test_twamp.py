"""TWAMP's client and server on loopback: against each other, and against those that misbehave."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar
from unittest.mock import Mock

import pytest
import uvloop
from loopback import LOCAL, free_port

from benchkit.errors import MeasureError
from benchkit.model.far_end import FarFlags
from benchkit.model.responder_spec import TwampServerSpec
from benchkit.model.samples import FAR_FLAGS, FAR_SEQUENCE, Samples, concatenate
from benchkit.model.spec import TwampSpec
from benchkit.probes import flight, twamp_server
from benchkit.probes import twamp as probe
from benchkit.probes import twamp_control as control
from benchkit.probes.twamp_server import _Server

MS = 1_000_000
Found = TypeVar("Found")
Served = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight, "BATCH_S", 0.02)
    monkeypatch.setattr(probe, "TALK_S", 1.0)


def run(work: Awaitable[Found]) -> Found:
    async def whole() -> Found:
        return await work

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(whole())


def spec_of(port: int, count: int = 5, address: str = LOCAL) -> TwampSpec:
    return TwampSpec("a-b", "idle", address, port, count, 5 * MS, 200 * MS)


async def measured(spec: TwampSpec) -> Samples:
    return concatenate([batch async for batch in probe.twamp(spec)])


@asynccontextmanager
async def serving(spec: TwampServerSpec) -> AsyncIterator[None]:
    server = twamp_server.twamp_server(spec)
    assert await anext(server) is None

    async def follow() -> None:
        async for _ in server:
            raise AssertionError("a server yields nothing")

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(follow())
        yield
        task.cancel()


@asynccontextmanager
async def misbehaving(serve: Served) -> AsyncIterator[int]:
    async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(whole, LOCAL, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("address", [LOCAL, "::1"])
def test_client_and_server_agree_on_a_session_and_fly_it(address: str) -> None:
    async def both() -> Samples:
        port = free_port(address)
        async with serving(TwampServerSpec(address, port)):
            # Two at once: each has its own port, though both ask for one.
            async with asyncio.TaskGroup() as tasks:
                other = tasks.create_task(measured(spec_of(port, 10, address)))
                rows = await measured(spec_of(port, 10, address))
            assert not other.result().columns["received_ns"].mask.any()
            return rows

    rows = run(both())
    columns = rows.columns
    assert not columns["received_ns"].mask.any()
    assert columns[FAR_SEQUENCE].tolist() == list(range(10))
    assert set(columns[FAR_FLAGS].tolist()) <= {
        FarFlags.COUNTS,
        FarFlags.COUNTS | FarFlags.SYNCHRONISED,
    }
    whole = columns["t4_ns"] - columns["t1_ns"]
    dwell = columns["t3_ns"] - columns["t2_ns"]
    assert (dwell > 0).all()
    assert (dwell < whole).all()


def test_whoever_is_not_on_the_list_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    async def both() -> None:
        port = free_port()
        async with serving(TwampServerSpec(LOCAL, port, allowed=("192.0.2.0/24",))):
            await measured(spec_of(port))

    with pytest.raises(ExceptionGroup) as caught:
        run(both())
    (error,) = caught.value.exceptions
    assert isinstance(error, MeasureError)
    assert "offers modes 0x0" in str(error)
    assert caplog.messages == [
        f"refused {LOCAL}: TWAMP control from a network not allowed, or too often"
    ]


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001
    await reader.read(1)


async def _gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001
    writer.write(bytes(10))


async def _busy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(control.greeting(0xF))
    await reader.readexactly(164)
    writer.write(control.server_start(0, (0, 0)))
    await reader.readexactly(112)
    writer.write(control.accept_session(control.NO_RESOURCES))
    await reader.read(1)


async def _unready(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(control.greeting(0xF))
    await reader.readexactly(164)
    writer.write(control.server_start(3, (0, 0)))
    await reader.read(1)


@pytest.mark.parametrize(
    ("serve", "said"),
    [
        (_silent, "stopped talking"),
        (_gone, "stopped talking"),
        (_busy, "refuses a session: it has no resources now"),
        (_unready, "refuses open mode: it does not support that"),
    ],
)
def test_a_server_that_refuses_or_falls_silent_is_told(serve: Served, said: str) -> None:
    async def both() -> None:
        async with misbehaving(serve) as port:
            await measured(spec_of(port))

    with pytest.raises(MeasureError, match=said):
        run(both())


def test_no_server_is_told() -> None:
    with pytest.raises(MeasureError, match="cannot be had: Connection refused"):
        run(measured(spec_of(free_port())))


def test_the_port_that_the_server_gives_is_the_one_that_is_sent_to() -> None:
    stopped: list[int | None] = []

    async def both() -> Samples:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind((LOCAL, 0))
            udp.setblocking(False)

            def reflect() -> None:
                payload, source = udp.recvfrom(2048)
                reply = payload[:14] + bytes(2) + payload[4:12] + payload[:14] + b"\0\0\xff"
                udp.sendto(reply, source)

            asyncio.get_running_loop().add_reader(udp, reflect)

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                writer.write(control.greeting(0xF))
                await reader.readexactly(164)
                writer.write(control.server_start(0, (0, 0)))
                asked = control.read_session_request(await reader.readexactly(112))
                assert asked is not None
                assert asked.padding == 30
                writer.write(control.accept_session(0, udp.getsockname()[1]))
                await reader.readexactly(32)
                writer.write(control.start_acknowledgement())
                stopped.append(control.read_stop_sessions(await reader.readexactly(32)))

            async with misbehaving(serve) as port:
                rows = await measured(spec_of(port))
                await asyncio.sleep(0.05)
            asyncio.get_running_loop().remove_reader(udp)
            return rows

    rows = run(both())
    assert not rows.columns["received_ns"].mask.any()
    assert stopped == [1]


async def talked(port: int, *messages: bytes) -> bytes:
    """Whatever a server says to these messages until it hangs up, or nothing more comes."""
    reader, writer = await asyncio.open_connection(LOCAL, port)
    heard = b""
    try:
        for message in messages:
            writer.write(message)
        while True:
            async with asyncio.timeout(0.3):
                more = await reader.read(4096)
            if not more:
                return heard
            heard += more
    except TimeoutError:
        return heard
    finally:
        writer.close()


def test_a_client_that_has_gone_before_it_is_met_is_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def met() -> None:
        reader, transport = asyncio.StreamReader(), asyncio.Transport({"sockname": (LOCAL, 1)})
        reader.feed_eof()
        writer = Mock(transport=transport, get_extra_info=transport.get_extra_info)
        await _Server(TwampServerSpec(LOCAL, 1)).meet(reader, writer)

    run(met())
    assert not caplog.records


def test_nonsense_ends_one_client_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    other = control.SessionRequest(("192.0.2.9", 9), (LOCAL, 0), 0, (0, 0), 0, 0)
    ours = other._replace(sender=(LOCAL, 9))

    async def both() -> list[bytes]:
        port = free_port()
        async with serving(TwampServerSpec(LOCAL, port)):
            hello = control.set_up_response()
            heard = [
                await talked(port, b"\xff" * 164),
                await talked(port, hello, b"\x09" * 200),
                await talked(port, hello, control.session_request(other)),
                await talked(port, hello, b"\x05" + bytes(111)),
                await talked(port, hello, *([control.session_request(ours)] * 17)),
                await talked(port, hello, control.start_sessions(), control.start_sessions()),
            ]
            rows = await measured(spec_of(port))
            assert not rows.columns["received_ns"].mask.any()
            return heard

    wrong, unknown, pointed, shapeless, greedy, early = (
        heard[control.GREETING_OCTETS :] for heard in run(both())
    )
    assert wrong == b""
    assert len(unknown) == control.START_OCTETS
    assert pointed[48:] == control.accept_session(control.UNSUPPORTED)
    assert shapeless[48:] == control.accept_session(control.UNSUPPORTED)
    accepts = [
        control.read_accept_session(greedy[at : at + 48]) for at in range(48, len(greedy), 48)
    ]
    assert [accept for accept, _ in accepts] == [0] * 16 + [control.NO_RESOURCES]
    assert len({port for _, port in accepts[:16]}) == 16
    assert early[48:] == control.start_acknowledgement() * 2
    # Once for each source, reason and minute, and the rest at the end.
    session = f"refused {LOCAL}: a TWAMP session that is not understood, or of another sender"
    assert caplog.messages == [
        session,
        f"refused {LOCAL}: more than 16 TWAMP sessions at once",
        f"{session} (1 time since it was last told)",
    ]
