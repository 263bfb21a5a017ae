"""A far end with a key takes bulk of those alone who know it, and tells nobody what it is."""

from __future__ import annotations

import asyncio
import logging
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchkit.errors import MeasureError
from benchkit.model.bulk_spec import TcpSpec
from benchkit.model.responder_spec import StreamServerSpec
from benchkit.probes.stream import stream
from benchkit.probes.stream_server import stream_server
from benchkit.probes.talk import PROOF, PROVE, Talk, demand_proof, prove

LOCAL = "127.0.0.1"
KEY, MS = b"k" * 32, 1_000_000


def free_port() -> int:
    with socket.create_server((LOCAL, 0)) as listener:
        return int(listener.getsockname()[1])


async def kinds_of(key: bytes) -> list[str]:
    """What a short test brings home from a far end that wants KEY."""
    port = free_port()
    server = stream_server(StreamServerSpec(LOCAL, port, key=KEY))
    await anext(server)
    try:
        spec = TcpSpec("a-b", "load", LOCAL, port, "up", 60 * MS, "cubic", key=key)
        return [batch.kind async for batch in stream(spec)]
    finally:
        await server.aclose()


def test_who_knows_the_key_is_served() -> None:
    assert "goodput" in asyncio.run(kinds_of(KEY))


@pytest.mark.parametrize("key", [b"", b"x" * 32])
def test_who_does_not_is_refused_and_told_of(key: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.WARNING, "benchkit"),
        pytest.raises(MeasureError, match="serves those alone who measure by its cluster"),
    ):
        asyncio.run(kinds_of(key))
    assert "refused 127.0.0.1: a stream test without the key of this agent" in caplog.text


def test_a_proof_is_good_once_and_shows_no_key() -> None:
    with ThreadPoolExecutor() as pool:
        one, other = (Talk(end) for end in socket.socketpair())
        asked = pool.submit(demand_proof, one, KEY, 5.0)
        nonce = other.hear(5.0)
        answer = pool.submit(prove, other, KEY, nonce, 5.0)
        assert asked.result(5)
        one.say({"granted": "it"})
        assert answer.result(5) == {"granted": "it"}
        again = pool.submit(demand_proof, one, KEY, 5.0)
        assert other.hear(5.0)[PROVE] != nonce[PROVE]
        other.say({PROOF: "00" * 32})
        assert not again.result(5)
        for each in (one, other):
            each.close()
