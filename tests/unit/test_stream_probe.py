"""Bulk TCP on loopback: what is counted where it arrives, one test at a time, and far ends that misbehave."""

from __future__ import annotations

import asyncio
import socket
from itertools import pairwise
from typing import Any

import pytest
from loopback import LOCAL, free_port
from streams import MS, PATIENCE_S, all_of, measured, rows_of, serving, spec_of

from benchkit.errors import MeasureError
from benchkit.linux import bulk
from benchkit.model.bulk_spec import Iperf3Spec, TcpSpec
from benchkit.model.responder_spec import Iperf3ServerSpec
from benchkit.model.samples import Samples
from benchkit.probes import stream as probe
from benchkit.probes import stream_meter
from benchkit.probes.iperf3_client import iperf3
from benchkit.probes.iperf3_server import iperf3_server


@pytest.fixture(autouse=True)
def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_meter, "INTERVAL_NS", 10 * MS)


@pytest.mark.parametrize("mode", bulk.MODES)
@pytest.mark.parametrize("direction", ["up", "down"])
def test_what_leaves_is_what_arrives_to_the_octet(direction: str, mode: str) -> None:
    goodput, info, streams = measured(lambda port: spec_of(port, direction, mode=mode, streams=2))
    assert [each.kind for each in (goodput, info, streams)] == ["goodput", "tcp_info", "streams"]
    assert {each.phase for each in (goodput, info, streams)} == {"load"}
    rows = rows_of(goodput)
    assert all(end > start for start, end, _, _ in rows)
    assert all(earlier[1] == later[0] for earlier, later in pairwise(rows))
    assert rows[-1][1] - rows[0][0] >= 40 * MS
    sent, received = (streams.columns[name].tolist() for name in ("sent_octets", "received_octets"))
    assert sent == received
    assert min(received) > 0
    assert sum(octets for _, _, octets, _ in rows) == sum(received)
    assert streams.columns["up"].tolist() == [int(direction == "up")] * 2
    assert streams.columns["wrong_octets"].tolist() == [0, 0]
    assert tuple(info.columns) == stream_meter.INFO_COLUMNS
    assert set(info.columns["stream"].tolist()) == {0, 1}
    at = info.columns["at_ns"].tolist()
    assert at == sorted(at)
    assert rows[0][0] - 50 * MS < at[0]
    assert info.columns["window_segments"][-1] > 0
    assert sum(info.columns["given_octets"].tolist()[-2:]) == sum(sent)


@pytest.mark.parametrize("mode", bulk.MODES)
@pytest.mark.parametrize("direction", ["up", "down"])
def test_at_no_time_has_more_arrived_than_was_given(direction: str, mode: str) -> None:
    goodput, info, _ = measured(lambda port: spec_of(port, direction, mode=mode))
    at, given = (info.columns[name].data for name in ("at_ns", "given_octets"))
    arrived = 0
    for _, end, octets, _ in rows_of(goodput):
        arrived += octets
        # What a call has given is counted when it has come back.
        later = given[at >= end]
        assert not later.size or arrived <= later[0] + bulk.MOST_LENT


def test_the_rate_is_told_on_the_way_as_the_receiver_counts_it() -> None:
    async def work() -> list[Samples]:
        async with serving() as port:
            spec = TcpSpec("a-b", "load", LOCAL, port, "down", 300 * MS, "cubic")
            return [batch async for batch in probe.stream(spec)]

    found = asyncio.run(asyncio.wait_for(work(), PATIENCE_S))
    rates = [each for each in found if each.kind == "rate"]
    (goodput,) = (each for each in found if each.kind == "goodput")
    assert rates
    told = [row for each in rates for row in zip(*columns_of(each), strict=True)]
    counted = [row[:3] for row in rows_of(goodput)][:-1]  # the last has grown by a stub
    assert told[: len(counted)] == counted[: len(told)]


def columns_of(batch: Samples) -> list[list[int]]:
    return [values.tolist() for values in batch.columns.values()]


def test_both_directions_at_once_are_two_phases() -> None:
    found = measured(lambda port: spec_of(port, "both"))
    told = [(each.kind, each.phase) for each in found]
    assert told == [
        ("goodput", "load up"),
        ("tcp_info", "load up"),
        ("goodput", "load down"),
        ("tcp_info", "load down"),
        ("streams", "load"),
    ]
    assert found[-1].columns["up"].tolist() == [1, 0]


@pytest.mark.parametrize("direction", ["up", "down"])
def test_changed_content_is_an_error_after_everything_was_measured(
    direction: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = bulk.pattern()

    def changing(connection: socket.socket, tally: bulk.Tally) -> None:
        while tally.running and tally.octets < len(whole):
            at = tally.octets
            piece = bytearray(whole[at : at + 1000])
            if at == 3000:
                piece[7] ^= 1
            tally.octets += connection.send(piece)

    monkeypatch.setitem(bulk.SOURCES, "verify", changing)
    with pytest.raises(MeasureError, match=r"a-b: 1 of 65521 octets arrived with another content"):
        measured(lambda port: spec_of(port, direction, mode="verify"))


def test_a_second_test_hears_who_has_it_and_for_how_long() -> None:
    async def work() -> None:
        async with serving() as port:
            first = TcpSpec("a-b", "load", LOCAL, port, "up", 400 * MS, "cubic")
            running = asyncio.ensure_future(all_of(probe.stream(first), []))
            await asyncio.sleep(0.1)
            with pytest.raises(
                MeasureError,
                match=r"taken by another throughput test, from 127\.0\.0\.1, for 2\.\d s more: .* --wait",
            ):
                await all_of(probe.stream(spec_of(port)), [])
            assert len(await running) == 3
            assert len(await all_of(probe.stream(spec_of(port)), [])) == 3

    asyncio.run(asyncio.wait_for(work(), PATIENCE_S))


def test_the_lease_is_shared_by_all_who_name_its_file(tmp_path: Any) -> None:
    lease = str(tmp_path / "lease")

    async def work() -> None:
        async with serving(lease) as port, serving(lease) as other:
            first = TcpSpec("a-b", "load", LOCAL, port, "up", 300 * MS, "cubic")
            running = asyncio.ensure_future(all_of(probe.stream(first), []))
            await asyncio.sleep(0.1)
            with pytest.raises(MeasureError, match="taken by another"):
                await all_of(probe.stream(spec_of(other)), [])
            await running

    asyncio.run(asyncio.wait_for(work(), PATIENCE_S))


def test_an_iperf3_test_and_ours_take_turns(tmp_path: Any) -> None:
    lease = str(tmp_path / "lease")

    async def work() -> None:
        async with serving(lease) as port:
            other = free_port()
            server = iperf3_server(Iperf3ServerSpec(LOCAL, other, lease))
            assert await anext(server) is None
            ours = TcpSpec("a-b", "load", LOCAL, port, "up", 400 * MS, "cubic")
            running = asyncio.ensure_future(all_of(probe.stream(ours), []))
            await asyncio.sleep(0.15)
            asked = Iperf3Spec("a-b", "load", LOCAL, other, 100 * MS)
            with pytest.raises(MeasureError, match="is busy with another test"):
                await all_of(iperf3(asked), [])
            await running
            assert await all_of(iperf3(asked), [])
            await server.aclose()

    asyncio.run(asyncio.wait_for(work(), PATIENCE_S))
