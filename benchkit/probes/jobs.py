"""Small jobs of common protocols, timed one by one: what round trips they cost is all there is to them.

Blocking sockets in a process of its own; the far end answers every request at once. The names are those of
`planning.round_trips`, which says what each costs on paper.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Thread

from benchkit.clock import NS_PER_S, monotonic_ns
from benchkit.errors import MeasureError

REQUEST = b"GET / HTTP/1.1\r\nHost: far\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CALLS = 100
ONE_BY_ONE = f"RPC, {CALLS} calls one after another"
PATIENCE_S = 5.0
RETRY_S = 0.05
Job = Callable[[], int]  # does it once, and returns how many nanoseconds it took


def serve_jobs(address: str, port: int, certificate: str | None) -> None:
    """Be the far end until killed: HTTP/1.1 on `port`, and over TLS 1.3 on the next where there is a certificate."""
    threads = [Thread(target=_accept, args=(socket.create_server((address, port)), None))]
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(certificate)
        listener = socket.create_server((address, port + 1))
        threads.append(Thread(target=_accept, args=(listener, context)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _accept(listener: socket.socket, context: ssl.SSLContext | None) -> None:
    while True:
        connection, _ = listener.accept()
        Thread(target=_answer, args=(connection, context), daemon=True).start()


def _answer(connection: socket.socket, context: ssl.SSLContext | None) -> None:
    with suppress(OSError), connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        talk = context.wrap_socket(connection, server_side=True) if context else connection
        rest = b""
        while heard := talk.recv(1 << 16):
            *requests, rest = (rest + heard).split(b"\r\n\r\n")
            if requests:
                talk.sendall(ANSWER * len(requests))


class Client:
    """The near end."""

    def __init__(self, address: str, port: int, *, tls: bool) -> None:
        """Talk to the far end at that address; `tls` where it has a certificate."""
        self._address, self._port, self._tls = address, port, tls
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_3
        # The certificate was made a moment ago, for this far end alone: what is timed is the handshake.
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE
        self._session: ssl.SSLSession | None = None

    def times(self, repeats: int) -> dict[str, list[int]]:
        """The times of each job in nanoseconds, each done so often. Raises MeasureError where nothing answers."""
        try:
            self._await_far_end()
            # A hundred calls are repetitions enough.
            return {
                name: [job() for _ in range(1 if name == ONE_BY_ONE else repeats)]
                for name, job in self._jobs().items()
            }
        except OSError as error:
            raise MeasureError(
                f"{self._address} port {self._port}: a job failed: {error}; is the far end running there?"
            ) from error

    def _jobs(self) -> Mapping[str, Job]:
        plain: dict[str, Job] = {
            "TCP connect": lambda: self._timed(tls=False, requests=0),
            "HTTP/1.1, fresh connection": lambda: self._timed(tls=False, requests=1),
            "HTTP/1.1, kept alive": lambda: self._kept_alive(1, 1),
            ONE_BY_ONE: lambda: self._kept_alive(CALLS, 1),
            f"RPC, {CALLS} calls in one batch": lambda: self._kept_alive(1, CALLS),
        }
        secure: dict[str, Job] = {
            "TCP + TLS 1.3, full": lambda: self._timed(tls=True, requests=0),
            "TCP + TLS 1.3, resumed": lambda: self._resumed(0),
            "HTTPS, fresh, TLS 1.3 full": lambda: self._timed(tls=True, requests=1),
            "HTTPS, fresh, TLS 1.3 resumed": lambda: self._resumed(1),
        }
        return plain | secure if self._tls else plain

    def _await_far_end(self) -> None:
        until = monotonic_ns() + PATIENCE_S * NS_PER_S
        for port in (self._port, self._port + 1) if self._tls else (self._port,):
            while True:
                try:
                    socket.create_connection((self._address, port), timeout=PATIENCE_S).close()
                    break
                except ConnectionRefusedError:
                    if monotonic_ns() > until:
                        raise
                    time.sleep(RETRY_S)

    def _timed(self, *, tls: bool, requests: int, session: ssl.SSLSession | None = None) -> int:
        began = monotonic_ns()
        with self._connected(tls=tls, session=session) as talk:
            for _ in range(requests):
                _ask(talk, 1)
            return monotonic_ns() - began

    def _resumed(self, requests: int) -> int:
        """Resume a session that was just made: a ticket is good for one connection."""
        with self._connected(tls=True) as talk:
            _ask(talk, 1)  # tickets come behind the handshake
            session = talk.session if isinstance(talk, ssl.SSLSocket) else None
        return self._timed(tls=True, requests=requests, session=session)

    def _kept_alive(self, times: int, calls: int) -> int:
        with self._connected(tls=False) as talk:
            _ask(talk, 1)
            began = monotonic_ns()
            for _ in range(times):
                _ask(talk, calls)
            return monotonic_ns() - began

    def _connected(self, *, tls: bool, session: ssl.SSLSession | None = None) -> socket.socket:
        port = self._port + 1 if tls else self._port
        connection = socket.create_connection((self._address, port), timeout=PATIENCE_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not tls:
            return connection
        talk = self._context.wrap_socket(connection, session=session)
        if session is not None and not talk.session_reused:
            raise OSError("the far end did not resume the TLS session")
        return talk


def _ask(talk: socket.socket, calls: int) -> None:
    """So many requests at once, and all their answers."""
    talk.sendall(REQUEST * calls)
    missing = calls * len(ANSWER)
    while missing > 0:
        got = len(talk.recv(1 << 16))
        if not got:
            raise OSError("the far end hung up")
        missing -= got


def time_jobs(address: str, port: int, repeats: int, *, tls: bool) -> dict[str, list[int]]:
    """What a process at the near end runs: see `Client.times`."""
    return Client(address, port, tls=tls).times(repeats)
