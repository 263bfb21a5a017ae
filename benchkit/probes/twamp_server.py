"""A TWAMP server (RFC 5357) in open mode: agrees on sessions over TCP, and reflects each on a port of its own."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress

from benchkit.clock import monotonic_ns, realtime_ns
from benchkit.linux import timestamping
from benchkit.linux.address import family_of
from benchkit.linux.refusals import Refusals
from benchkit.model.responder_spec import ReflectorSpec, TwampServerSpec
from benchkit.model.samples import Samples
from benchkit.probes import twamp_control as control
from benchkit.probes.admission import Admission
from benchkit.probes.crowd import Crowd, peer_of
from benchkit.probes.reachable import listening_at
from benchkit.probes.stamp_reflector import Reflector, reflecting
from benchkit.probes.stamp_time import to_ntp

MOST_CLIENTS, MOST_OF_ONE, MOST_SESSIONS = 64, 32, 16
# A client that says nothing for so long has gone (RFC 5357's SERVWAIT is 900 s); after a stop late packets are
# answered for as long as the client asked, within reason.
WAIT_S, LONGEST_TIMEOUT_S = 900.0, 10.0
SIZES = {
    control.REQUEST_SESSION: control.REQUEST_OCTETS,
    control.START_SESSIONS: control.SHORT_OCTETS,
    control.STOP_SESSIONS: control.SHORT_OCTETS,
}


async def twamp_server(spec: TwampServerSpec) -> AsyncIterator[Samples | None]:
    """Serve until cancelled. Yields None once it listens, and nothing after.

    Raises UnfitError where the port cannot be had.
    """
    server = _Server(spec)
    with listening_at("TCP", spec.address, spec.port):
        listener = await asyncio.start_server(server.meet, spec.address, spec.port)
    async with listener:
        try:
            yield None
            await asyncio.Event().wait()
        finally:
            server.hang_up()


class _Server:
    """Clients come to `meet`, each in a task of its own."""

    def __init__(self, spec: TwampServerSpec) -> None:
        self._spec = spec
        self._admission = Admission(spec.allowed)
        self._refusals = Refusals()
        self._crowd = Crowd(MOST_CLIENTS, MOST_OF_ONE)
        self._since = to_ntp(realtime_ns())
        self._clients: set[asyncio.Task[None]] = set()

    def hang_up(self) -> None:
        """End with every client at once."""
        for client in self._clients:
            client.cancel()
        self._refusals.tell_rest()

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """See one client through. Whatever it says or leaves unsaid, it ends with this client alone."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a client is met in a task")
        peer = peer_of(writer.transport)
        welcome = self._admits(peer)
        self._clients.add(task)
        try:
            writer.write(control.greeting(control.OPEN_MODE if welcome else 0))
            if welcome:
                # This is the whole task: when it is cancelled, nobody waits to hear of it.
                with suppress(asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
                    await self._talk(_Client(self._spec, reader, writer, peer, self._refusals))
        finally:
            if welcome:
                self._crowd.leave(peer)
            self._clients.discard(task)
            writer.close()

    def _admits(self, peer: str) -> bool:
        if not self._admission.admits(peer, monotonic_ns()):
            self._refusals.add(peer, "TWAMP control from a network not allowed, or too often")
        elif not self._crowd.enter(peer):
            clients = len(self._crowd)
            self._refusals.add(peer, f"TWAMP control, too many connections: {clients} are served")
        else:
            return True
        return False

    async def _talk(self, client: _Client) -> None:
        mode = control.read_set_up_response(await client.hear(control.SET_UP_OCTETS))
        if mode != control.OPEN_MODE:
            return
        client.say(control.server_start(control.ACCEPTED, self._since))
        with client:
            await client.converse()


class _Client:
    """One client and its sessions, which end with it."""

    def __init__(
        self,
        spec: TwampServerSpec,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        peer: str,
        refusals: Refusals,
    ) -> None:
        self._spec = spec
        self._refusals = refusals
        self._reader, self._writer, self._peer = reader, writer, peer
        self._here: str = writer.get_extra_info("sockname")[0]
        self._waiting: list[socket.socket] = []  # for the start
        self._sessions = 0
        self._timeout_s = 0.0
        self._stack = ExitStack()

    def __enter__(self) -> None:
        self._stack.__enter__()

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def say(self, message: bytes) -> None:
        """Send a message."""
        self._writer.write(message)

    async def hear(self, octets: int) -> bytes:
        """Wait for the rest of a message."""
        async with asyncio.timeout(WAIT_S):
            return await self._reader.readexactly(octets)

    async def converse(self) -> None:
        """Follow its commands until it goes, or says what nobody understands."""
        while True:
            head = await self.hear(1)
            size = SIZES.get(head[0])
            if size is None:
                return
            message = head + await self.hear(size - 1)
            if head[0] == control.REQUEST_SESSION:
                self.say(self._accept(message))
            elif head[0] == control.START_SESSIONS:
                self._start()
            else:
                await asyncio.sleep(min(self._timeout_s, LONGEST_TIMEOUT_S))
                self._stack.close()
                self._waiting.clear()
                self._sessions = 0

    def _accept(self, message: bytes) -> bytes:
        """Give a session a port, the one that was asked for if it is free."""
        asked = control.read_session_request(message)
        if asked is None or asked.sender[0] not in {"", self._peer.partition("%")[0]}:
            # Packets of another sender than who asks: nobody shall be pointed at others.
            self._refusals.add(
                self._peer, "a TWAMP session that is not understood, or of another sender"
            )
            return control.accept_session(control.UNSUPPORTED)
        if self._sessions >= MOST_SESSIONS:
            self._refusals.add(self._peer, f"more than {MOST_SESSIONS} TWAMP sessions at once")
            return control.accept_session(control.NO_RESOURCES)
        udp = self._stack.enter_context(timestamping.stamped_udp_socket(family_of(self._here)))
        timestamping.set_traffic_class(udp, asked.dscp << 2)
        try:
            udp.bind((self._here, asked.receiver[1]))
        except OSError:
            udp.bind((self._here, 0))
        self._waiting.append(udp)
        self._sessions += 1
        self._timeout_s = max(self._timeout_s, asked.timeout_s)
        return control.accept_session(control.ACCEPTED, udp.getsockname()[1], os.urandom(16))

    def _start(self) -> None:
        spec = ReflectorSpec(
            self._here, 0, allowed=(self._peer.partition("%")[0],), rate_per_s=self._spec.rate_per_s
        )
        for udp in self._waiting:
            self._stack.enter_context(reflecting(udp, Reflector(udp, spec, twamp=True)))
        self._waiting.clear()
        self.say(control.start_acknowledgement())
