"""The far end of requests: gives back what comes, to whom it lets in, and who shows its key where it has one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.linux.refusals import Refusals
from benchkit.model.responder_spec import RequestServerSpec
from benchkit.probes.admission import Admission
from benchkit.probes.crowd import Crowd, peer_of
from benchkit.probes.hello import GRANT, HELLO_S, REFUSAL, Hello
from benchkit.probes.reachable import listening_at
from benchkit.probes.talk import TalkError

# Of all sources together, where one of them is limited; and how long one may say nothing.
MOST_CONNECTIONS, IDLE_S = 4096, 900.0


class _Door:
    """Who may come in, for all connections of one server."""

    def __init__(self, spec: RequestServerSpec) -> None:
        self.key = spec.key
        self.admission, self.refusals = Admission(spec.allowed), Refusals()
        self.crowd = Crowd(MOST_CONNECTIONS if spec.connections else 0, spec.connections)

    def refuses(self, peer: str) -> bool:
        if not self.admission.admits(peer, monotonic_ns()):
            self.refusals.add(peer, "requests from a network not allowed")
        elif not self.crowd.enter(peer):
            self.refusals.add(peer, "requests, too many connections")
        else:
            return False
        return True


class _GivesBack(asyncio.Protocol):
    def __init__(self, door: _Door) -> None:
        self._door = door
        self._peer = ""
        self._heard_ns = monotonic_ns()
        self._look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass
        peer = peer_of(transport)
        if self._door.refuses(peer):
            transport.close()
            return
        self._peer = peer
        self._await_more()

    def data_received(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._heard_ns = monotonic_ns()
            self._transport.write(data)

    def pause_writing(self) -> None:
        """It does not take its answers: no more is read, or they would fill the memory."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002  the protocol's signature
        if self._peer:
            self._door.crowd.leave(self._peer)
        if self._look is not None:
            self._look.cancel()

    def _await_more(self) -> None:
        """Hang up on who has said nothing for long, and look again at others."""
        left_s = self._patience_s() - (monotonic_ns() - self._heard_ns) / NS_PER_S
        if left_s <= 0:
            self._transport.abort()
        else:
            self._look = asyncio.get_running_loop().call_later(left_s, self._await_more)

    def _patience_s(self) -> float:
        return IDLE_S


class _GivesBackToHolders(_GivesBack):
    """The same for who has shown the key; a class of its own, for who wants none shall not look for it at each request."""

    def __init__(self, door: _Door) -> None:
        super().__init__(door)
        self._hello: Hello | None = Hello(door.key)

    def data_received(self, data: bytes) -> None:
        if self._hello is None:
            super().data_received(data)
        elif not self._transport.is_closing():
            self._greet(self._hello, data)

    def _greet(self, hello: Hello, data: bytes) -> None:
        try:
            answer = hello.hear(data)
        except TalkError:
            self._door.refusals.add(self._peer, "requests without the key of this agent")
            self._transport.write(REFUSAL)
            self._transport.close()
            return
        self._transport.write(answer)
        if answer == GRANT:
            self._hello = None
            self._heard_ns = monotonic_ns()

    def _patience_s(self) -> float:
        """A hello that is not whole in time, however it drips, is given up."""
        return IDLE_S if self._hello is None else HELLO_S


async def request_server(spec: RequestServerSpec) -> AsyncIterator[None]:
    """Give back what comes until cancelled. Yields once it listens."""
    loop = asyncio.get_running_loop()
    door = _Door(spec)
    kind = _GivesBackToHolders if spec.key else _GivesBack
    with listening_at("TCP", spec.address, spec.port):
        server = await loop.create_server(lambda: kind(door), spec.address, spec.port)
    async with server:
        try:
            yield None
            await asyncio.Event().wait()
        finally:
            door.refusals.tell_rest()
