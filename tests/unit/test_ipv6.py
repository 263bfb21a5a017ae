"""The latency probes over IPv6, on loopback: the same rows as over IPv4, kernel stamps and all."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import numpy as np
import pytest
import uvloop

from benchkit.campaign.discovery import addresses, candidates
from benchkit.errors import MeasureError
from benchkit.linux import icmp
from benchkit.linux.icmp import FORBIDDEN
from benchkit.model.responder_spec import ReflectorSpec
from benchkit.model.samples import Samples, concatenate
from benchkit.model.spec import ConnectSpec, IcmpSpec, Spec, StampSpec
from benchkit.probes import flight
from benchkit.probes.door import PROBES

LOCAL = "::1"
MS = 1_000_000
SHAPE = (5, 5 * MS, 1000 * MS)


def loopback_has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((LOCAL, 0))
        except OSError:
            return False
    return True


pytestmark = pytest.mark.skipif(
    not loopback_has_ipv6(), reason="this machine's loopback has no ::1"
)


@pytest.fixture(autouse=True)
def _short_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight, "BATCH_S", 0.02)


@pytest.fixture
def udp_port() -> int:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
        udp.bind((LOCAL, 0))
        return int(udp.getsockname()[1])


@pytest.fixture
def tcp_port() -> Iterator[int]:
    with socket.create_server((LOCAL, 0), family=socket.AF_INET6) as listener:
        yield listener.getsockname()[1]


async def rows_of(spec: Spec) -> Samples:
    batches = [batch async for batch in PROBES[type(spec)](spec)]
    assert {batch.kind for batch in batches} == {"rtt"}
    return concatenate(batches)


def run(spec: Spec) -> Samples:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(rows_of(spec))


def all_answered(rows: Samples, *stamps: str) -> None:
    assert len(rows) == SHAPE[0]
    for name in ("received_ns", *stamps):
        assert np.ma.count_masked(rows.columns[name]) == 0, name


def test_stamp(udp_port: int) -> None:
    async def both() -> Samples:
        far_end = PROBES[ReflectorSpec](ReflectorSpec(LOCAL, udp_port))
        assert await anext(far_end) is None
        return await rows_of(StampSpec("a-b", "idle", LOCAL, udp_port, 1, *SHAPE))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rows = runner.run(both())
    all_answered(rows, "t1_sched_ns", "t1_ns", "t2_ns", "t3_ns", "t4_ns")


def test_icmp() -> None:
    try:
        icmp.echo_socket(LOCAL).close()
    except MeasureError as error:
        pytest.skip(str(error))
    all_answered(run(IcmpSpec("a-b", "idle", LOCAL, *SHAPE)), "t1_sched_ns", "t1_ns", "t4_ns")


def test_connect(tcp_port: int) -> None:
    all_answered(run(ConnectSpec("a-b", "idle", LOCAL, tcp_port, *SHAPE)), "network_ns")


@pytest.mark.parametrize("kind", [StampSpec, IcmpSpec, ConnectSpec])
def test_no_way_to_an_address_is_told(kind: type) -> None:
    ports = (862, 1) if kind is StampSpec else (80,) if kind is ConnectSpec else ()
    with pytest.raises(MeasureError) as told:
        run(kind("a-b", "idle", "100::1%lo", *ports, *SHAPE))  # nothing routes there
    if FORBIDDEN in str(told.value):
        pytest.skip(FORBIDDEN)
    assert "no way to" in str(told.value)


@pytest.mark.parametrize("name", ["a..example", "a" * 64])
def test_what_is_no_name_of_a_host_is_told_before_any_resolver_is_asked(name: str) -> None:
    with pytest.raises(MeasureError, match="no name of a host"):
        addresses(name)


def test_a_name_of_both_families_is_tried_by_both_the_most_exact_way_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = [
        (socket.AF_INET6, socket.SOCK_DGRAM, 17, "", ("2001:db8::1", 0, 0, 0)),
        (socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("192.0.2.1", 0)),
        (socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("192.0.2.2", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    assert addresses("both.example") == ["2001:db8::1", "192.0.2.1"]
    ways = [
        (way.address, way.probe, bool(way.options.extensions))
        for way in candidates(addresses("both.example"), "auto")
    ]
    # With follow-up telemetry first, for that is what tells most.
    assert ways[:6] == [
        ("2001:db8::1", "stamp", True),
        ("192.0.2.1", "stamp", True),
        ("2001:db8::1", "stamp", False),
        ("192.0.2.1", "stamp", False),
        ("2001:db8::1", "icmp", False),
        ("192.0.2.1", "icmp", False),
    ]
    (named, _) = candidates(["2001:db8::1"], "stamp 8862")
    assert named.port == 8862


def test_an_echo_reply_of_icmpv6_is_told_from_anything_else() -> None:
    request = icmp.pack_echo_6(0x12345, b"payload")
    assert request.hex() == "8000000000002345" + b"payload".hex()
    assert icmp.read_echo_6(b"\x81" + request[1:]) == b"payload"
    for other in (b"", request, b"\x81" + request[1:7], b"\x00" + request[1:]):
        assert icmp.read_echo_6(other) is None
