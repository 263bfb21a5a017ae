"""The far end of bulk TCP and of UDP tests: one at a time, by lease; nobody who hangs holds up the next."""

from __future__ import annotations

import asyncio
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from benchkit.clock import NS_PER_S
from benchkit.linux import tcp
from benchkit.linux.lease import Lease
from benchkit.model.responder_spec import StreamServerSpec
from benchkit.model.samples import Samples
from benchkit.probes import datagram_terms, files_terms
from benchkit.probes.admission import Admission
from benchkit.probes.datagram_terms import UdpTerms
from benchkit.probes.doorway import MOST, Doorway
from benchkit.probes.files_terms import FileTerms
from benchkit.probes.outbox import start
from benchkit.probes.reachable import listening_at
from benchkit.probes.stream import HEAD_OCTETS
from benchkit.probes.stream_served import (
    DatagramOpening,
    StreamServed,
    opening_of_files,
    opening_of_streams,
)
from benchkit.probes.stream_session import SILENCE_S
from benchkit.probes.stream_terms import StreamTerms, terms_of
from benchkit.probes.talk import KEY, KNOWN, WANTS, Talk, TalkError, Words, demand_proof, unproved

AnyTerms = StreamTerms | UdpTerms | FileTerms
# What may be asked besides bulk streams.
TESTS: dict[str, Callable[[Words], AnyTerms]] = {
    datagram_terms.KIND: datagram_terms.terms_of,
    files_terms.KIND: files_terms.terms_of,
}
HEAD_S = 5.0
# What a test takes beside its data: to open its streams, and for the last octets.
AROUND_S = 2.0


async def stream_server(spec: StreamServerSpec) -> AsyncIterator[Samples | None]:
    """Be the far end until cancelled. Yields None once it listens; what it counts goes to who asked.

    Raises UnfitError where it cannot listen there.
    """
    with listening_at("TCP", spec.address, spec.port):
        listener = tcp.listener_at(spec.address, spec.port, MOST)
    server = StreamServer(listener, Lease(spec.lease), Admission(spec.allowed), spec.key)
    accepting = start(server.accept)
    try:
        yield None
        await asyncio.Event().wait()
    finally:
        server.close()
        accepting.join(1.0)


class StreamServer:
    """Takes connections, and knows the test that runs."""

    def __init__(
        self,
        listener: socket.socket,
        lease: Lease,
        admission: Admission | None = None,
        key: bytes = b"",
    ) -> None:
        """Serve on a listening socket whom `admission` admits and who knows the key; all without them."""
        self._key = key
        self._door = Doorway(listener, admission or Admission(), "a stream")
        self._lease = lease
        self._lock = threading.Lock()
        self._tests: dict[str, StreamServed] = {}

    def accept(self) -> None:
        """Greet each who comes, on a thread of its own."""
        self._door.accept(self._greet)

    def close(self) -> None:
        """Listen no more, and break off what runs."""
        self._door.close()
        with self._lock:
            tests = list(self._tests.values())
        for test in tests:
            test.talk.close()
        self._lease.close()

    def _greet(self, connection: socket.socket, peer: str, _: int) -> None:
        try:
            connection.settimeout(HEAD_S)
            first = connection.recv(1)
            if first == b"D":
                self._take(connection, peer)
            elif first == b"{":
                self._serve(Talk(connection, first), peer)
            elif first:
                self._door.refuse(connection, peer, "no stream test of ours")
            else:
                connection.close()
        except OSError:
            connection.close()

    def _take(self, connection: socket.socket, peer: str) -> None:
        """A data connection: give it to the test that it names."""
        said = b"D"
        while len(said) < HEAD_OCTETS:
            got = connection.recv(HEAD_OCTETS - len(said))
            if not got:
                break
            said += got
        token, _, number = said[1:].decode("ascii", "replace").strip().partition(" ")
        with self._lock:
            test = self._tests.get(token)
        if test is None or not number.isdecimal() or not test.take(int(number), connection):
            self._door.refuse(connection, peer, "a stream of no test that runs")

    def _serve(self, talk: Talk, peer: str) -> None:
        try:
            self._answer(talk, peer)
        except Exception as error:  # noqa: BLE001  whoever asked must hear of it, and the next be served
            with suppress(TalkError):  # it may be gone
                talk.say({"broke": str(error) or repr(error)})
        finally:
            talk.close()

    def _answer(self, talk: Talk, peer: str) -> None:
        words = talk.hear(HEAD_S)
        if words.get("test") == KNOWN:  # nothing but whether it would be served
            if self._is_known(talk, peer):
                talk.say({KNOWN: True})
            return
        try:
            terms = TESTS.get(str(words.get("test")), terms_of)(words)
        except TalkError as error:
            self._door.tell(peer, f"a stream test that is none: {error}")
            talk.say({"refused": str(error)})
            return
        if not self._is_known(talk, peer):
            return
        held = self._lease.take(peer, terms.duration_ns / NS_PER_S + AROUND_S)
        if held is not None:
            talk.say({"held_by": held.holder, "left_s": round(held.left_s, 1)})
            return
        try:
            self._run(talk, terms)
        finally:
            self._lease.release()

    def _is_known(self, talk: Talk, peer: str) -> bool:
        """Whether it knows the key, where there is one; if not, it is told so."""
        if not self._key or demand_proof(talk, self._key, HEAD_S):
            return True
        self._door.tell(peer, "a stream test without the key of this agent")
        talk.say({"refused": unproved("stream_key", shown=False), WANTS: KEY})
        return False

    def _run(self, talk: Talk, terms: AnyTerms) -> None:
        token = secrets.token_hex(8)
        test = self._served(talk, terms, token)
        with self._lock:
            self._tests[token] = test
        try:
            test.run(token)
        finally:
            with self._lock:
                del self._tests[token]
            test.close()

    def _served(self, talk: Talk, terms: AnyTerms, token: str) -> StreamServed:
        if isinstance(terms, StreamTerms):
            return StreamServed(talk, terms.duration_ns, opening_of_streams(terms, token))
        if isinstance(terms, FileTerms):
            silence_s = SILENCE_S + terms.idle_ns / NS_PER_S
            return StreamServed(talk, terms.duration_ns, opening_of_files(terms), silence_s)
        opening = DatagramOpening(terms, talk.here, self._door.port, token)
        return StreamServed(talk, terms.duration_ns, opening)
