"""Round trips by ICMP echo, from kernel stamp to kernel stamp. The far end's dwell is part of the figure."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

from benchkit.linux import icmp as wire
from benchkit.model.samples import Samples
from benchkit.model.spec import IcmpSpec
from benchkit.probes.flight import Answer, fly

TOKEN_OCTETS = 8
# As long as a STAMP packet, so that both take the same time on a slow link.
PADDING = bytes(24)


class _Echoes:
    """The packets of one session, told from those of others by a token."""

    has_far_stamps = False

    def __init__(self) -> None:
        self._token = os.urandom(TOKEN_OCTETS)

    def pack(self, index: int) -> bytes:
        return wire.pack_echo(index, self._token + index.to_bytes(4, "big") + PADDING)

    def read(self, payload: bytes) -> Answer | None:
        body = wire.read_echo(payload)
        if body is None or body[:TOKEN_OCTETS] != self._token:
            return None
        return Answer(int.from_bytes(body[TOKEN_OCTETS : TOKEN_OCTETS + 4], "big"))


async def icmp(spec: IcmpSpec) -> AsyncIterator[Samples]:
    """Send `spec.count` echo requests on schedule and yield their rows as they settle.

    Raises MeasureError when not one was answered, UnfitError without the privilege.
    """
    with wire.echo_socket(spec.address) as echoes:
        unanswered = (
            f"{spec.path}: none of {spec.count} pings to {spec.address} was answered: is it up, and may "
            "ICMP pass?"
        )
        async for rows in fly(spec, _Echoes(), echoes, unanswered):
            yield rows
