"""Round trips by STAMP: an open-loop sender and a stateless reflector, both with kernel stamps.

The round trip of the network alone is `(T4 - T1) - (T3 - T2)`: T1 and T3 are taken by the kernel when a
packet leaves a host, T2 and T4 when it arrives, so that neither end's scheduling is part of it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

from benchkit.clock import realtime_ns
from benchkit.linux import timestamping
from benchkit.model.samples import Samples, column
from benchkit.model.spec import ReflectorSpec, StampSpec
from benchkit.probes import stamp_packet
from benchkit.probes.flight import Answer, fly
from benchkit.probes.reachable import connect_to, listening_at

REFLECTOR_FLUSH_S = 0.05
# Answers that wait for the kernel to say when they left: in a queue of our own host that may take a while.
MOST_UNSTAMPED = 1 << 16


class _Packets:
    """The packets of one session."""

    far_columns: tuple[str, ...] = ("t2_ns", "t3_ns")

    def __init__(self, spec: StampSpec) -> None:
        self._spec = spec

    def pack(self, index: int) -> bytes:
        return stamp_packet.pack_request(index, self._spec.ssid, realtime_ns())

    def read(self, received: timestamping.Received) -> Answer | None:
        reply = stamp_packet.read_reply(received.payload, realtime_ns())
        # A reflector without RFC 8972 answers SSID 0.
        if reply is None or reply.ssid not in {self._spec.ssid, 0}:
            return None
        return Answer(reply.sender_sequence, (reply.t2_ns, reply.t3_ns))


async def stamp(spec: StampSpec) -> AsyncIterator[Samples]:
    """Send `spec.count` packets on schedule and yield their rows as they settle.

    Raises MeasureError when not one was answered.
    """
    with timestamping.stamped_udp_socket(timestamping.family_of(spec.address)) as udp:
        connect_to(udp, spec.path, spec.address, spec.port)
        unanswered = (
            f"{spec.path}: none of {spec.count} packets to {spec.address} UDP port {spec.port} was "
            "answered: is a STAMP reflector running there, and may UDP pass?"
        )
        async for rows in fly(spec, _Packets(spec), udp, unanswered):
            yield rows


class _Reflector:
    """The far end: answers at once, and remembers when the kernel sent each answer."""

    def __init__(self, udp: socket.socket) -> None:
        self._udp = udp
        self._sent: dict[int, tuple[int, int]] = {}  # ssid, sequence by transmit identity
        self._departed: list[tuple[int, int, int]] = []
        self._identity = 0

    def answer(self) -> None:
        """Answer what has arrived."""
        for payload, source, stamp, ttl, _ in timestamping.receive(self._udp):
            request = stamp_packet.read_request(payload)
            if request is None:
                continue
            now = realtime_ns()
            reply = stamp_packet.pack_reply(
                request, payload, t2_ns=stamp or now, t3_ns=now, ttl=max(ttl, 0)
            )
            try:
                self._udp.sendto(reply, source)
            except OSError:
                continue  # no room or no way back: the sender sees a loss, which it is
            self._sent[self._identity] = request.ssid, request.sequence
            self._sent.pop(self._identity - MOST_UNSTAMPED, None)
            self._identity += 1
            self._collect()
        self._collect()

    def _collect(self) -> None:
        for identity, point, stamp in timestamping.transmit_stamps(self._udp):
            if point == timestamping.SND and (sent := self._sent.pop(identity, None)):
                self._departed.append((*sent, stamp))

    def departures(self) -> Samples | None:
        """When the answers left, since this was last asked: ssid, sequence and the kernel's T3."""
        if not self._departed:
            return None
        rows: NDArray[np.int64] = np.array(self._departed, dtype=np.int64)
        self._departed.clear()
        names = ("ssid", "sequence", "t3_ns")
        columns = {name: column(rows[:, at].copy()) for at, name in enumerate(names)}
        return Samples("departures", "", "", columns)


async def reflector(spec: ReflectorSpec) -> AsyncIterator[Samples | None]:
    """Reflect until cancelled. Yields None once it is bound, then the departures of its answers."""
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        family = timestamping.family_of(spec.address)
        udp = stack.enter_context(timestamping.stamped_udp_socket(family))
        with listening_at("UDP", spec.address, spec.port):
            udp.bind((spec.address, spec.port))
        far_end = _Reflector(udp)
        nested = stack.enter_context(timestamping.watchable(udp))
        loop.add_reader(nested.fileno(), far_end.answer)
        stack.callback(loop.remove_reader, nested.fileno())
        yield None
        while True:
            await asyncio.sleep(REFLECTOR_FLUSH_S)
            rows = far_end.departures()
            if rows is not None:
                yield rows
