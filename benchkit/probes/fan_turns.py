"""When the packets of sessions that share a socket are due: data, as for one session, but in turns."""

from __future__ import annotations

from dataclasses import replace

from benchkit.clock import NS_PER_MS
from benchkit.linux.gathered import Numbers
from benchkit.model.spec import StampSpec
from benchkit.probes.schedule import due_times

# Packets of one site that are due within so long leave together: one wake-up for all of them, at least two an interval.
GATHERED_NS = 50 * NS_PER_MS


def staggered(sessions: tuple[StampSpec, ...], start_ns: int) -> list[Numbers]:
    """When each session's packets are due: periodic ones take turns within an interval, in groups that leave together.

    Each of shape (count,), in ns on CLOCK_MONOTONIC.
    """
    found = []
    for place, one in enumerate(sessions):
        seed = one.schedule.seed * 65_536 + one.ssid  # or all would draw the same moments
        schedule = replace(one.schedule, seed=seed)
        grid = min(GATHERED_NS, one.interval_ns // 2)
        turn = place * one.interval_ns // len(sessions) // grid * grid
        offset = turn if schedule.kind == "periodic" else 0
        found.append(due_times(start_ns + offset, one.interval_ns, one.count, schedule))
    return found
