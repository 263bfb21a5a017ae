"""Connections, requests over one, and new HTTP connections with TLS, on loopback."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from loopback import LOCAL, free_port
from page_servers import all_of, fine, run, serving

from benchkit.clock import NS_PER_S
from benchkit.errors import MeasureError
from benchkit.linux import tcp
from benchkit.model.responder_spec import RequestServerSpec
from benchkit.model.samples import HTTP_PHASES, Samples
from benchkit.model.spec import ConnectSpec, HttpSpec, RequestSpec
from benchkit.probes import connect as connecting
from benchkit.probes import flight
from benchkit.probes import request_server as requesting
from benchkit.probes.http import http
from benchkit.probes.request import request
from benchkit.probes.request_server import request_server
from benchkit.stats.parts import WHOLE, request_parts

MS = 1_000_000


def test_requests_over_one_connection_have_kernel_stamps_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flight, "BATCH_S", 0.02)
    port = free_port()

    async def work() -> Samples:
        server = request_server(RequestServerSpec(LOCAL, port))
        await anext(server)
        rows = await all_of(request(RequestSpec("a-b", "request", LOCAL, port, 50, MS, 2000 * MS)))
        await server.aclose()
        return rows

    rows = run(work())
    stamps = [rows.columns[name] for name in ("t1_sched_ns", "t1_ns", "t4_ns")]
    assert [stamp.count() for stamp in stamps] == [50] * 3
    assert (stamps[0] <= stamps[1]).all()
    assert (stamps[1] <= stamps[2]).all()
    assert "t3_ns" not in rows.columns


def test_who_does_not_take_its_answers_is_not_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may send as long as its own and our buffers take it, and then waits; and at last it is let go."""
    monkeypatch.setattr(requesting, "IDLE_S", 1.0)

    async def work() -> tuple[int, bool]:
        port = free_port()
        server = request_server(RequestServerSpec(LOCAL, port))
        await anext(server)
        loop, sent = asyncio.get_running_loop(), 0
        with socket.create_connection((LOCAL, port)) as slow:
            slow.setblocking(False)
            with suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    while sent < 1 << 30:
                        await loop.sock_sendall(slow, bytes(1 << 16))
                        sent += 1 << 16
            with suppress(ConnectionError):
                async with asyncio.timeout(5):
                    while await loop.sock_recv(slow, 1 << 20):
                        pass
        await server.aclose()
        return sent, True

    sent, was_let_go = run(work())
    assert sent < 64 << 20
    assert was_let_go


def test_one_source_has_so_many_connections(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> list[bytes]:
        port = free_port()
        server = request_server(RequestServerSpec(LOCAL, port, connections=2))
        await anext(server)
        answers = []
        ends = [await asyncio.open_connection(LOCAL, port) for _ in range(3)]
        for reader, writer in ends:
            writer.write(b"x")
            with suppress(ConnectionError):
                answers.append(await reader.read(1))
        for _, writer in ends:
            writer.close()
        await server.aclose()
        return answers

    assert run(work()) == [b"x", b"x", b""]
    assert "too many connections" in caplog.text


def test_a_far_end_of_requests_that_hangs_up_is_told() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(64)
        writer.close()

    async def work() -> Samples:
        server = await asyncio.start_server(hang_up, LOCAL, 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            return await all_of(
                request(RequestSpec("a-b", "request", LOCAL, port, 5, MS, 100 * MS))
            )

    with pytest.raises(MeasureError, match="request"):
        run(work())


def test_a_handshake_whose_syn_was_sent_again_is_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, asked = tcp.info, iter(range(100))
    monkeypatch.setattr(
        connecting.tcp, "info", lambda each: real(each)._replace(retransmits=next(asked) == 2)
    )
    with socket.create_server((LOCAL, 0)) as listener:
        port = listener.getsockname()[1]
        rows = run(
            all_of(connecting.connect(ConnectSpec("a", "connect", LOCAL, port, 6, MS, 900 * MS)))
        )
    again = rows.columns["syn_retransmits"].tolist()
    assert sum(again) == 1
    assert np.ma.getmaskarray(rows.columns["network_ns"]).tolist() == [each > 0 for each in again]
    assert rows.columns["received_ns"].count() == 6


def test_a_host_without_descriptors_blames_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = ConnectSpec("a-b", "connect", LOCAL, 1, 3, MS, 50 * MS)

    class Exhausted(socket.socket):
        def __init__(self, *shape: int) -> None:
            if shape[1:] == (socket.SOCK_STREAM | socket.SOCK_NONBLOCK,):
                raise OSError(errno.EMFILE, "Too many open files")
            super().__init__(*shape)

    monkeypatch.setattr(connecting.socket, "socket", Exhausted)
    with pytest.raises(MeasureError, match="could be begun: Too many open files: raise the limit"):
        run(all_of(connecting.connect(spec)))


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's certificate for `localhost`, trusted by this process from here on."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = (
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    )
    names = (
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    )
    subprocess.run((*words, *names), check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


def phases(rows: Samples) -> dict[str, int]:
    return {name: rows.columns[name].count() for name in HTTP_PHASES}


def test_every_phase_of_a_new_tls_connection_has_its_time_and_they_sum_up(
    authority: ssl.SSLContext,
) -> None:
    held_s = 0.01

    def hold(*_: object) -> None:
        """Keep a handshake of TLS waiting, which begins when that of TCP is over."""
        time.sleep(held_s)

    authority.sni_callback = hold

    async def work() -> Samples:
        async with serving(fine, authority) as port:
            url = f"https://localhost:{port}/"
            return await all_of(http(HttpSpec("a", "http", url, 4, 50 * MS, 5000 * MS, fresh=True)))

    rows = run(work())
    assert phases(rows) == dict.fromkeys(HTTP_PHASES, 4)
    parts = request_parts(rows)
    whole = parts.pop(WHOLE)
    assert (sum(parts.values()) == whole).all()
    assert all((part >= 0).all() for part in parts.values())
    assert rows.columns["tls_ns"].min() >= held_s * NS_PER_S


def test_a_kept_connection_has_neither_lookup_nor_handshake() -> None:
    async def work() -> Samples:
        async with serving(fine) as port:
            return await all_of(
                http(HttpSpec("a", "http", f"http://{LOCAL}:{port}/", 10, 10 * MS, 5000 * MS))
            )

    found = phases(run(work()))
    assert (found["dns_ns"], found["tls_ns"]) == (0, 0)
    assert (found["wait_ns"], found["transfer_ns"]) == (10, 10)
