"""Many sessions of round trips in one process: a thousand slow ones cost less than a core."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchkit.clock import NS_PER_MS, monotonic_ns
from benchkit.errors import MeasureError
from benchkit.linux.address import family_of
from benchkit.model.samples import Samples
from benchkit.model.spec import LightSpec, StampSpec, TogetherSpec
from benchkit.probes.batched_stamp import can_be_batched
from benchkit.probes.stamp import answered

_Said = Samples | Exception | None

# Time to open one session, so that all are open before the first packet is due.
OPENING_NS = NS_PER_MS
SOON_NS = 50 * NS_PER_MS


async def together(
    spec: TogetherSpec, probes: Mapping[type, Callable[[Any], AsyncIterator[Any]]]
) -> AsyncIterator[Samples]:
    """Run every session of a spec by its probe and yield their rows as they settle.

    Sessions that may start at will take turns within an interval, so that no packet waits for another's. One that
    cannot measure does not stop the others: raises MeasureError at the end with what each of them said.
    """
    queue: asyncio.Queue[_Said] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    sessions = staggered(spec.sessions, monotonic_ns() + SOON_NS)
    crowds, others = in_crowds(sessions)
    running = [*map(answered, crowds), *(probes[type(one)](one) for one in others)]
    tasks = [loop.create_task(_run(one, queue)) for one in running]
    left, troubles = len(tasks), []
    try:
        while left:
            said = await queue.get()
            if isinstance(said, Samples):
                yield said
                continue
            left -= 1
            if isinstance(said, MeasureError):
                troubles.append(str(said))
            elif said is not None:
                raise said
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    if troubles:
        raise MeasureError("; ".join(troubles))


async def _run(session: AsyncIterator[Samples], queue: asyncio.Queue[_Said]) -> None:
    """Put its rows, and at last what it failed with, or None."""
    outcome: Exception | None = None
    try:
        async for rows in session:
            queue.put_nowait(rows)
    except Exception as error:  # noqa: BLE001  raised by whoever waits for the rows
        outcome = error
    queue.put_nowait(outcome)


def in_crowds(
    sessions: Sequence[LightSpec],
) -> tuple[list[list[StampSpec]], list[LightSpec]]:
    """Those that one socket can carry together, and the others."""
    crowds: dict[object, dict[int, StampSpec]] = defaultdict(dict)
    others: list[LightSpec] = []
    for one in sessions:
        if isinstance(one, StampSpec) and can_be_batched(one.options):
            crowd = crowds[one.options, family_of(one.address)]
            if one.ssid not in crowd:  # by which its answers are known
                crowd[one.ssid] = one
                continue
        others.append(one)
    found = [list(crowd.values()) for crowd in crowds.values()]
    alone = [one for crowd in found if len(crowd) == 1 for one in crowd]
    return [crowd for crowd in found if len(crowd) > 1], [*alone, *others]


def staggered(sessions: Sequence[LightSpec], soon_ns: int) -> list[LightSpec]:
    """The sessions with their starts spread evenly over the interval of each, where they name none."""
    count = len(sessions)
    first = soon_ns + count * OPENING_NS
    return [
        one if one.start_ns else replace(one, start_ns=first + place * one.interval_ns // count)
        for place, one in enumerate(sessions)
    ]
