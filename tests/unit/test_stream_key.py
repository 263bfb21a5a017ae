"""A far end with a key takes bulk of those alone who know it, and tells nobody what it is."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from loopback import LOCAL, free_port

from benchkit.errors import KeyRefusedError, MeasureError, TargetError
from benchkit.model.bulk_spec import StreamKeySpec, TcpSpec
from benchkit.model.responder_spec import StreamServerSpec
from benchkit.probes.stream import stream, stream_key
from benchkit.probes.stream_server import stream_server
from benchkit.probes.talk import PROOF, PROVE, Talk, TalkError, demand_proof, prove
from benchkit.targets import load_target
from benchkit.targets.agent_keys import KEYS

KEY, MS = b"k" * 32, 1_000_000


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


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (b"", "serves those alone who know its key: give the site as its stream_key the file of"),
        (b"x" * 32, "does not know the key that this site's stream_key names: give the site"),
    ],
)
def test_who_does_not_is_refused_and_told_of(
    key: bytes, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.WARNING, "benchkit"),
        pytest.raises(MeasureError, match=says),
    ):
        asyncio.run(kinds_of(key))
    assert "refused 127.0.0.1: a stream test without the key of this agent" in caplog.text


async def try_key(key: bytes, *, times: int = 1) -> None:
    """Ask a far end that wants KEY whether it would take a test."""
    port = free_port()
    server = stream_server(StreamServerSpec(LOCAL, port, key=KEY))
    await anext(server)
    try:
        for _ in range(times):
            assert not [
                rows async for rows in stream_key(StreamKeySpec("a-b", "trial", LOCAL, port, key))
            ]
        spec = TcpSpec("a-b", "load", LOCAL, port, "up", 60 * MS, "cubic", key=key)
        assert [batch.kind async for batch in stream(spec)]
    finally:
        await server.aclose()


def test_a_key_can_be_tried_without_a_test_that_keeps_others_waiting() -> None:
    asyncio.run(try_key(KEY, times=2))
    with pytest.raises(KeyRefusedError, match="does not know the key that this site's stream_key"):
        asyncio.run(try_key(b"x" * 32))


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


def test_nothing_but_a_nonce_is_given_a_code() -> None:
    """Whatever else a far end has it sign would be good where that is said."""
    with ThreadPoolExecutor() as pool:
        one, other = (Talk(end) for end in socket.socketpair())
        answer = pool.submit(prove, other, KEY, {PROVE: "benchkit requests"}, 5.0)
        with pytest.raises(TalkError, match="what is no nonce"):
            answer.result(5)
        for each in (one, other):
            each.close()


TARGET = """
schema = 1
title = "Keyed"

[[site]]
name = "me"

[[site]]
name = "far"
address = "192.0.2.1"
agent = true
{name} = "{key}"

[[path]]
from = "me"
to = "far"
real = true
"""


@pytest.mark.parametrize("name", KEYS)
def test_a_target_names_the_file_of_the_key(tmp_path: Path, name: str) -> None:
    (tmp_path / "far.key").write_text(KEY.hex() + "\n")
    (tmp_path / "keyed.toml").write_text(TARGET.format(key="far.key", name=name))
    target = load_target(str(tmp_path / "keyed.toml"))
    assert getattr(target.sites[1], name) == KEY
    assert KEY.hex() not in repr(target)
    assert str(KEY) not in repr(target)


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("key", ["missing.key", "/dev/zero", "pipe"])
def test_a_key_that_is_none_is_named_and_nothing_is_read_without_end(
    tmp_path: Path, key: str, name: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "keyed.toml").write_text(TARGET.format(key=key, name=name))
    with pytest.raises(TargetError, match=rf"site\[2\]\.{name}: the key .* cannot be read"):
        load_target(str(tmp_path / "keyed.toml"))
