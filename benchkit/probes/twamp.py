"""Round trips by full TWAMP (RFC 5357) in open mode: a session is agreed over TCP, then flown as STAMP's are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from benchkit.clock import NS_PER_S, realtime_ns
from benchkit.errors import MeasureError, told_by_system
from benchkit.linux import timestamping
from benchkit.linux.address import family_of
from benchkit.model.samples import Samples
from benchkit.model.spec import TwampSpec
from benchkit.probes import twamp_control as control
from benchkit.probes.flight import fly
from benchkit.probes.reachable import connect_to, stamp_by_card
from benchkit.probes.stamp_packet import SMALLEST_REQUEST
from benchkit.probes.stamp_sending import Packets
from benchkit.probes.stamp_time import to_ntp
from benchkit.units import show_count

TALK_S = 5.0
_Told = TypeVar("_Told")


async def twamp(spec: TwampSpec) -> AsyncIterator[Samples]:
    """Agree on a session, send `spec.count` packets on schedule and yield their rows as they settle.

    Raises MeasureError when the server refuses, or not one packet was answered.
    """
    family = family_of(spec.address)
    with timestamping.stamped_udp_socket(family) as udp:
        timestamping.set_traffic_class(udp, spec.options.dscp << 2)
        async with _Control.talking(spec) as server:
            udp.bind((server.here, 0))
            packets = Packets(0, spec.count, spec.options, udp, twamp=True)
            port = await server.agree(udp.getsockname()[1], packets.octets - SMALLEST_REQUEST)
            connect_to(udp, spec.path, spec.address, port)
            stamp_by_card(udp, spec.address)
            unanswered = (
                f"{spec.path}: none of {show_count(spec.count, 'packet')} to {spec.address} UDP port {port} was answered, "
                "though the TWAMP server gave that port: may UDP pass?"
            )
            async for rows in fly(spec, packets, udp, unanswered):
                yield rows


class _Control:
    """The control connection to a server."""

    def __init__(
        self, spec: TwampSpec, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._spec = spec
        self._reader, self._writer = reader, writer
        self.here: str = writer.get_extra_info("sockname")[0]

    @classmethod
    @asynccontextmanager
    async def talking(cls, spec: TwampSpec) -> AsyncIterator[_Control]:
        """Connect, and agree on open mode; at the end stop what was begun, and hang up.

        Raises MeasureError where it cannot be had, or breaks off.
        """
        where = f"{spec.path}: the TWAMP server at {spec.address} TCP port {spec.port}"
        try:
            async with asyncio.timeout(TALK_S):
                reader, writer = await asyncio.open_connection(spec.address, spec.port)
        except OSError as error:
            said = told_by_system(error)
            raise MeasureError(f"{where} cannot be had: {said}: is one running there?") from error
        server = cls(spec, reader, writer)
        try:
            await server._greet()
            yield server
            writer.write(control.stop_sessions(1))
        finally:
            writer.close()

    async def _greet(self) -> None:
        modes = await self._hear(control.GREETING_OCTETS, control.read_greeting)
        if not modes & control.OPEN_MODE:
            raise self._refused(f"offers modes {modes:#x}, and open mode (1) is not among them")
        self._writer.write(control.set_up_response())
        self._see(await self._hear(control.START_OCTETS, control.read_server_start), "open mode")

    async def agree(self, sender_port: int, padding: int) -> int:
        """Ask for a session from this port, and begin it; the port to send to, which the server chooses."""
        spec = self._spec
        asked = control.SessionRequest(
            sender=(self.here.partition("%")[0], sender_port),
            receiver=(spec.address.partition("%")[0], sender_port),
            padding=padding,
            start=to_ntp(realtime_ns()),
            timeout_s=spec.timeout_ns / NS_PER_S,
            dscp=spec.options.dscp,
        )
        self._writer.write(control.session_request(asked))
        accept, port = await self._hear(control.ACCEPT_OCTETS, control.read_accept_session)
        self._see(accept, "a session")
        self._writer.write(control.start_sessions())
        self._see(
            await self._hear(control.SHORT_OCTETS, control.read_start_acknowledgement), "the start"
        )
        return port or sender_port

    async def _hear(self, octets: int, read: Callable[[bytes], _Told]) -> _Told:
        try:
            async with asyncio.timeout(TALK_S):
                return read(await self._reader.readexactly(octets))
        except (asyncio.IncompleteReadError, OSError) as error:
            raise self._refused("stopped talking") from error

    def _see(self, accept: int, what: str) -> None:
        if accept:
            reason = control.REASONS.get(accept, f"code {accept}")
            raise self._refused(f"refuses {what}: {reason}")

    def _refused(self, what: str) -> MeasureError:
        spec = self._spec
        return MeasureError(
            f"{spec.path}: the TWAMP server at {spec.address} TCP port {spec.port} {what}; see its own log"
        )
