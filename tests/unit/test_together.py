"""Many sessions in one process: each has its rows, none waits for another, and one that fails stops none."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, closing
from typing import Any

from benchkit.clock import NS_PER_MS, realtime_ns
from benchkit.errors import MeasureError, UnfitError
from benchkit.linux import timestamping
from benchkit.model.far_end import FarFlags
from benchkit.model.responder_spec import ReflectorSpec
from benchkit.model.samples import FAR_FLAGS, Samples, column
from benchkit.model.spec import LightSpec, StampSpec, TogetherSpec
from benchkit.probes.door import PROBES
from benchkit.probes.stamp_packet import Base
from benchkit.probes.stamp_reflector import Reflector, reflecting
from benchkit.probes.stamp_time import wire_time
from benchkit.probes.together import OPENING_NS, staggered, together

HERE = "127.0.0.1"


def session(name: str, start_ns: int = 0) -> StampSpec:
    return StampSpec(name, "idle", HERE, 862, 1, 3, 8 * NS_PER_MS, NS_PER_MS, start_ns)


async def told(spec: LightSpec) -> AsyncIterator[Samples]:
    yield Samples("rtt", spec.path, spec.phase, {"sequence": column([0])})
    await asyncio.sleep(0)
    if spec.path == "silent":
        raise MeasureError("silent: nothing came")
    if spec.path == "broken":
        raise UnfitError("broken: no room")
    yield Samples("rtt", spec.path, spec.phase, {"sequence": column([1, 2])})


def rows_of(
    spec: TogetherSpec, probes: Mapping[type, Callable[[Any], AsyncIterator[Any]]]
) -> tuple[dict[str, int], Exception | None]:
    found: dict[str, int] = {}

    async def whole() -> None:
        async for rows in together(spec, probes):
            found[rows.path] = found.get(rows.path, 0) + len(rows)

    try:
        asyncio.run(whole())
    except Exception as error:  # noqa: BLE001  what it raises is asked for
        return found, error
    return found, None


def test_every_session_has_all_its_rows() -> None:
    spec = TogetherSpec(tuple(session(name) for name in "abc"))
    assert rows_of(spec, {StampSpec: told}) == ({"a": 3, "b": 3, "c": 3}, None)


def test_one_that_cannot_measure_is_told_at_the_end_and_stops_none() -> None:
    spec = TogetherSpec((session("silent"), session("a"), session("b")))
    found, error = rows_of(spec, {StampSpec: told})
    assert found == {"silent": 1, "a": 3, "b": 3}
    assert isinstance(error, MeasureError)
    assert "silent: nothing came" in str(error)


def test_a_machine_that_is_unfit_ends_all() -> None:
    _, error = rows_of(TogetherSpec((session("a"), session("broken"))), {StampSpec: told})
    assert isinstance(error, UnfitError)


def test_sessions_take_turns_within_an_interval_unless_they_name_their_start() -> None:
    named = session("c", start_ns=5)
    starts = [each.start_ns for each in staggered([session("a"), session("b"), named], 1000)]
    first = 1000 + 3 * OPENING_NS
    assert starts == [first, first + 8 * NS_PER_MS // 3, 5]


def test_real_sessions_measure_side_by_side() -> None:
    with timestamping.stamped_udp_socket() as udp:
        udp.bind((HERE, 0))
        port = udp.getsockname()[1]
        shape = (5, 10 * NS_PER_MS, 500 * NS_PER_MS)
        stamps = tuple(
            StampSpec(f"stamp {ssid}", "idle", HERE, port, ssid, *shape) for ssid in (1, 2, 3, 4)
        )
        spec = TogetherSpec(stamps)
        answered: dict[str, int] = {}

        async def whole() -> None:
            with reflecting(udp, Reflector(udp, ReflectorSpec(HERE, port))):
                async for rows in PROBES[TogetherSpec](spec):
                    if rows.kind == "rtt":
                        count = int(rows.columns["received_ns"].count())
                        answered[rows.path] = answered.get(rows.path, 0) + count

        asyncio.run(whole())
    assert answered == {"stamp 1": 5, "stamp 2": 5, "stamp 3": 5, "stamp 4": 5}


def test_far_ends_that_know_no_identifiers_are_told_by_their_addresses() -> None:
    """As RFC 8762 alone has it; and one that answers for another is nobody's."""
    base = Base()
    with ExitStack() as stack:
        far = [stack.enter_context(timestamping.stamped_udp_socket()) for _ in range(3)]
        for number, udp in enumerate(far):
            udp.bind((f"127.0.0.{number + 7}", 0))
        shape = (4, 10 * NS_PER_MS, 500 * NS_PER_MS)
        sessions = tuple(
            StampSpec(f"to {number}", "idle", *udp.getsockname(), number + 1, *shape)
            for number, udp in enumerate(far)
        )
        answered: dict[str, list[int]] = {}

        def answer(udp: socket.socket, other: socket.socket) -> None:
            for each in timestamping.receive(udp):
                asked = base.read_request(each.payload)
                assert asked is not None
                time = wire_time(realtime_ns(), 1)
                for ssid, source in ((0, udp), (asked.ssid, other)):
                    said = base.reply(
                        asked._replace(ssid=ssid), sequence=asked.sequence, t2=time, t3=time, ttl=64
                    )
                    if ssid == 0 or udp is far[2]:
                        source.sendto(said, each.source)

        async def whole() -> None:
            loop = asyncio.get_running_loop()
            for udp in far:
                nested = stack.enter_context(closing(timestamping.watchable(udp)))
                loop.add_reader(nested.fileno(), answer, udp, far[0])
            async for rows in PROBES[TogetherSpec](TogetherSpec(sessions)):
                flags = rows.columns[FAR_FLAGS].compressed()
                assert (flags & FarFlags.NO_SSID).all()
                answered.setdefault(rows.path, []).extend(rows.columns["sequence"].tolist())

        asyncio.run(whole())
    assert answered == {f"to {number}": [0, 1, 2, 3] for number in range(3)}
