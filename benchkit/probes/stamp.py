"""Round trips by STAMP (RFC 8762), from an open-loop sender with kernel stamps.

The round trip of the network alone is `(T4 - T1) - (T3 - T2)`: T1 and T3 are taken by the kernel when a
packet leaves a host, T2 and T4 when it arrives, so that neither end's scheduling is part of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from benchkit.errors import MeasureError
from benchkit.linux import timestamping
from benchkit.linux.address import family_of
from benchkit.model.samples import Samples
from benchkit.model.spec import StampSpec
from benchkit.probes.batched_stamp import batched_stamp, goes_in_batches
from benchkit.probes.flight import fly
from benchkit.probes.reachable import connect_to, stamp_by_card
from benchkit.probes.stamp_closing import ask_once_more
from benchkit.probes.stamp_sending import Packets
from benchkit.units import by_number, show_count


def unanswered(spec: StampSpec) -> str:
    """What to say where nothing came back."""
    return (
        f"{spec.path}: none of {show_count(spec.count, 'packet')} to {spec.address} UDP port {spec.port} was "
        "answered: is a STAMP reflector running there, may UDP pass, and does it want a key?"
    )


async def answered(specs: Sequence[StampSpec]) -> AsyncIterator[Samples]:
    """Fly sessions in batches. Raises MeasureError at the end with those that nobody answered."""
    silent = {(spec.path, spec.phase): spec for spec in specs}
    async for rows in batched_stamp(specs):
        if rows.kind == "rtt" and rows.columns["received_ns"].count():
            silent.pop((rows.path, rows.phase), None)
        yield rows
    if silent:
        raise MeasureError("; ".join(unanswered(spec) for spec in silent.values()))


async def stamp(spec: StampSpec) -> AsyncIterator[Samples]:
    """Send `spec.count` packets on schedule and yield their rows as they settle.

    Between them come "departures", where the far end tells by follow-up telemetry when its answers left.
    Raises MeasureError when not one was answered, AskedWronglyError for options that cannot be.
    """
    if goes_in_batches(spec):
        async for rows in answered([spec]):
            yield rows
        return
    with timestamping.stamped_udp_socket(family_of(spec.address)) as udp:
        timestamping.set_traffic_class(udp, spec.options.dscp << 2)
        connect_to(udp, spec.path, spec.address, spec.port)
        stamp_by_card(udp, spec.address)
        packets = Packets(spec.ssid, spec.count, spec.options, udp)
        try:
            async for rows in fly(spec, packets, udp, unanswered(spec)):
                yield rows
                departures = packets.departures()
                if departures is not None:
                    yield departures
            if packets.has_followed_up:
                await ask_once_more(udp, packets, spec.timeout_ns)
                departures = packets.departures()
                if departures is not None:
                    yield departures
        except MeasureError as error:
            if packets.forged:
                raise MeasureError(
                    f"{spec.path}: {show_count(packets.forged, 'answer')} from {spec.address} UDP port "
                    f"{spec.port} {by_number(packets.forged, 'was', 'were')} not sealed with the key in {spec.options.key_file}: give both ends the same"
                ) from error
            raise
