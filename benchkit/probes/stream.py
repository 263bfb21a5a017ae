"""Bulk TCP: one stream, goodput counted where it arrives, on the receiver's clock.

Bytes move in blocking sockets on a thread of their own; the loop only passes on what was counted. The
client always opens the connection and says in one line of JSON which way the data flows.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import numpy as np

from benchkit.clock import NS_PER_MS, NS_PER_S, monotonic_ns
from benchkit.errors import MeasureError
from benchkit.linux import tcp, timestamping
from benchkit.model.samples import GOODPUT_COLUMNS, Samples, column
from benchkit.model.spec import StreamServerSpec, TcpSpec
from benchkit.probes.outbox import Outbox, start
from benchkit.probes.reachable import listening_at

INTERVAL_NS = 100 * NS_PER_MS
# So many intervals make a figure for whoever watches.
TOLD_EVERY = 5
SILENCE_S = 5.0
CONNECT_S = 5.0
HEADER_OCTETS = 1024
INFO_COLUMNS = ("at_ns", *tcp.TcpInfo._fields)


def _samples(kind: str, header: dict[str, Any], names: tuple[str, ...], rows: list[Any]) -> Samples:
    table = np.array(rows, dtype=np.int64).reshape(len(rows), len(names))
    columns = {name: column(table[:, at].copy()) for at, name in enumerate(names)}
    return Samples(kind, header["path"], header["phase"], columns)


def _sink(connection: socket.socket, header: dict[str, Any], outbox: Outbox) -> None:
    """Receive and discard until the sender ends; report the octets of each interval, the last few also on the way."""
    buffer = tcp.discard_buffer()
    tcp.set_timeouts(connection, SILENCE_S)
    start = monotonic_ns()
    edge, octets = start + INTERVAL_NS, 0
    rows: list[tuple[int, int, int]] = []
    receive = connection.recv_into
    while True:
        try:
            got = receive(buffer, tcp.RECEIVE, tcp.MSG_TRUNC)
        except OSError:
            got = 0
        now = monotonic_ns()
        octets += got
        if now >= edge or not got:
            if octets:
                rows.append((start, now, octets))
                if len(rows) % TOLD_EVERY == 0:
                    outbox.put(_samples("rate", header, GOODPUT_COLUMNS, rows[-TOLD_EVERY:]))
            start, octets = now, 0
            edge = now + INTERVAL_NS
        if not got:
            break
    outbox.put(_samples("goodput", header, GOODPUT_COLUMNS, rows))


def _source(connection: socket.socket, header: dict[str, Any], outbox: Outbox) -> None:
    """Send for the time asked; report TCP_INFO of each interval. A far end that hangs up ends it early."""
    tcp.set_timeouts(connection, SILENCE_S)
    blocks = tcp.send_blocks()
    end = monotonic_ns() + int(header["duration_ns"])
    edge = 0
    rows: list[tuple[int, ...]] = []
    with suppress(OSError):
        while (now := monotonic_ns()) < end:
            connection.sendmsg(blocks)
            if now >= edge:
                rows.append((now, *tcp.info(connection)))
                edge = now + INTERVAL_NS
        rows.append((monotonic_ns(), *tcp.info(connection)))
        connection.shutdown(socket.SHUT_WR)
    outbox.put(_samples("tcp_info", header, INFO_COLUMNS, rows))


async def stream(spec: TcpSpec) -> AsyncIterator[Samples]:
    """Move data for `spec.duration_ns`; yield TCP_INFO when sending, goodput when receiving.

    Whichever of the two is not yielded here comes from the far end. Raises MeasureError when the far end
    cannot be reached.
    """
    outbox = Outbox()
    connection = await asyncio.to_thread(_connect, spec)
    header = {
        "path": spec.path,
        "phase": spec.phase,
        "up": spec.up,
        "duration_ns": spec.duration_ns,
        "congestion": spec.congestion,
    }
    with connection:
        try:
            connection.sendall(json.dumps(header).encode() + b"\n")
        except OSError as error:
            raise MeasureError(
                f"{spec.path}: {spec.address} port {spec.port} hung up at once: {error}; is it benchkit's "
                "own far end that listens there?"
            ) from error
        start(_source if spec.up else _sink, connection, header, outbox)
        while isinstance(batch := await outbox.get(), Samples):
            yield batch
            if batch.kind != "rate":
                break
        if spec.up:
            # The far end closes when it has read everything: only then is the path quiet again.
            await asyncio.to_thread(_await_end, connection)


def _connect(spec: TcpSpec) -> socket.socket:
    try:
        connection = socket.create_connection((spec.address, spec.port), timeout=CONNECT_S)
    except OSError as error:
        raise MeasureError(
            f"{spec.path}: no TCP connection to {spec.address} port {spec.port}: {error}; is the far "
            "end running there, and may TCP pass?"
        ) from error
    connection.settimeout(None)
    tcp.set_congestion_control(connection, spec.congestion)
    return connection


def _await_end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.recv(1)


async def stream_server(spec: StreamServerSpec) -> AsyncIterator[Samples | None]:
    """Be the far end of streams until cancelled. Yields None once it listens, then what was counted."""
    outbox = Outbox()
    with listening_at("TCP", spec.address, spec.port):
        family = timestamping.family_of(spec.address)
        listener = socket.create_server((spec.address, spec.port), family=family, backlog=16)
    with listener:
        start(_accept, listener, outbox)
        yield None
        while True:
            batch = await outbox.get()
            if isinstance(batch, Samples):
                yield batch


def _accept(listener: socket.socket, outbox: Outbox) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        start(_serve, connection, outbox)


def _serve(connection: socket.socket, outbox: Outbox) -> None:
    with connection:
        header = _read_header(connection)
        if header is None:
            return
        tcp.set_congestion_control(connection, str(header["congestion"]))
        role = _sink if header["up"] else _source
        role(connection, header, outbox)


def _read_header(connection: socket.socket) -> dict[str, Any] | None:
    """One line of JSON, read octet by octet so that no data behind it is taken; None if it is no such line."""
    connection.settimeout(CONNECT_S)
    line = bytearray()
    try:
        while not line.endswith(b"\n") and len(line) < HEADER_OCTETS:
            octet = connection.recv(1)
            if not octet:
                return None
            line += octet
        header = json.loads(line)
    except (OSError, ValueError, RecursionError):
        return None
    connection.settimeout(None)
    wanted = {"path": str, "phase": str, "up": bool, "duration_ns": int, "congestion": str}
    if not isinstance(header, dict):
        return None
    if any(not isinstance(header.get(key), kind) for key, kind in wanted.items()):
        return None
    return header if 0 < header["duration_ns"] <= 3600 * NS_PER_S else None
