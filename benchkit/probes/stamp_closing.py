"""The end of a session whose answers tell when earlier ones left: one packet more, for what the last one left open."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from benchkit.clock import NS_PER_MS, NS_PER_S, monotonic_ns
from benchkit.linux import timestamping
from benchkit.probes.stamp_sending import Packets

LONGEST_NS = NS_PER_S
LOOK_NS = 2 * NS_PER_MS


async def ask_once_more(udp: socket.socket, packets: Packets, timeout_ns: int) -> None:
    """Send the packet after the last, and read what its answer tells; it is none of those that were due.

    By follow-up telemetry (RFC 8972 section 4.7) an answer tells when the one before it left, so nothing would tell that of the
    last. Where no answer comes within the timeout, in ns, and a second, that stays open.
    """
    deadline = monotonic_ns() + min(timeout_ns, LONGEST_NS)
    with suppress(OSError):
        udp.send(packets.pack(packets.count))
        while monotonic_ns() < deadline:
            for received in timestamping.receive(udp):
                answer = packets.read(received)
                if answer is not None and answer.number == packets.count:
                    return
            await asyncio.sleep(LOOK_NS / NS_PER_S)
