"""Round trips by ICMP echo, from kernel stamp to kernel stamp. The far end's dwell is part of the figure."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator

from benchkit.linux import icmp as wire
from benchkit.linux import timestamping
from benchkit.linux.address import family_of
from benchkit.model.samples import Samples
from benchkit.model.spec import IcmpSpec
from benchkit.probes.flight import fly
from benchkit.probes.flight_rows import Answer, Kept
from benchkit.probes.reachable import connect_to, stamp_by_card
from benchkit.units import show_count

TOKEN_OCTETS = 8
# As long as a STAMP packet, so that both take the same time on a slow link.
PADDING = bytes(24)


class _Echoes:
    """The packets of one session, told from those of others by a token."""

    far_columns: tuple[str, ...] = ()
    kept: Kept = ()

    def __init__(self, address: str) -> None:
        self._token = os.urandom(TOKEN_OCTETS)
        six = family_of(address) == socket.AF_INET6
        self._pack = wire.pack_echo_6 if six else wire.pack_echo
        self._read = wire.read_echo_6 if six else wire.read_echo

    def pack(self, index: int) -> bytes:
        return self._pack(index, self._token + index.to_bytes(4, "big") + PADDING)

    def read(self, received: timestamping.Received) -> Answer | None:
        body = self._read(received.payload)
        if body is None or body[:TOKEN_OCTETS] != self._token:
            return None
        return Answer(int.from_bytes(body[TOKEN_OCTETS : TOKEN_OCTETS + 4], "big"))


async def icmp(spec: IcmpSpec) -> AsyncIterator[Samples]:
    """Send `spec.count` echo requests on schedule and yield their rows as they settle.

    Raises MeasureError when not one was answered, or without the privilege.
    """
    with wire.echo_socket(spec.address) as echoes:
        connect_to(echoes, spec.path, spec.address, 0)
        stamp_by_card(echoes, spec.address)
        unanswered = (
            f"{spec.path}: none of {show_count(spec.count, 'ping')} to {spec.address} was answered: is it up, and may "
            "ICMP pass?"
        )
        async for rows in fly(spec, _Echoes(spec.address), echoes, unanswered):
            yield rows
