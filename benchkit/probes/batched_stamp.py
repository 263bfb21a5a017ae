"""Round trips by STAMP at rates, or to numbers of far ends, that one process cannot reach packet by packet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import closing

from benchkit.clock import NS_PER_US
from benchkit.errors import AskedWronglyError
from benchkit.linux import datagrams, timestamping
from benchkit.linux.address import family_of
from benchkit.model.samples import Samples
from benchkit.model.spec import StampSpec
from benchkit.model.stamp_options import StampOptions
from benchkit.probes.batched_flight import BatchedFlight
from benchkit.probes.own_drops import OwnDrops
from benchkit.probes.reachable import connect_to

# How often rows go home: of one fast session, and of many slow ones.
BATCH_S, CROWD_S = 0.05, 0.25
# From 10,000 packets/s on a process that sends one by one has no time left for anything else.
LARGEST_INTERVAL_NS = 100 * NS_PER_US
FOLLOW_UP = ("follow-up-telemetry",)


def goes_in_batches(spec: StampSpec) -> bool:
    """Whether the packets of a session are sent together: asked for, or too many for anything else."""
    pacing = spec.schedule.pacing
    many = spec.interval_ns <= LARGEST_INTERVAL_NS and can_be_batched(spec.options)
    return pacing == "batched" or (pacing == "timer" and many)


def can_be_batched(options: StampOptions) -> bool:
    """Whether packets with these options are alike but for number and time, and so are their answers."""
    alike = not (options.key_file or options.ptp or options.octets)
    return alike and options.extensions in {(), FOLLOW_UP}


async def batched_stamp(specs: Sequence[StampSpec]) -> AsyncIterator[Samples]:
    """Fly sessions with the same options to far ends of one family; yield their rows as they settle, and departures.

    Who was never answered is for the caller to see. Raises AskedWronglyError for options that do not go in batches,
    MeasureError where there is no way to the only far end.
    """
    first = specs[0]
    if not can_be_batched(first.options):
        raise AskedWronglyError(
            f"{first.path}: packets with a key, PTP stamps, a size or extensions other than follow-up-telemetry do "
            "not go in batches: leave `pacing` at timer"
        )
    family = family_of(first.address)
    with closing(timestamping.stamped_udp_socket(family)) as udp:
        datagrams.prepare(udp)
        timestamping.set_traffic_class(udp, first.options.dscp << 2)
        if len(specs) == 1:
            connect_to(udp, first.path, first.address, first.port)
        drops = OwnDrops(udp)
        with BatchedFlight(specs, udp) as flight:
            while not flight.finished:
                await asyncio.sleep(BATCH_S if len(specs) == 1 else CROWD_S)
                flight.check()
                for rows in flight.rows:
                    told = rows.settle() if not rows.finished else None
                    if told is not None:
                        yield told
                for departures in flight.departures():
                    yield departures
        dropped = drops.untold()
        if dropped is not None:
            yield dropped
