"""A burst that overfills a path's buffer, after one packet of each of some sizes: what the wire itself takes.

The sender writes faster than the path carries, so that its queue fills to the brim; the far end notes when the
kernel saw each packet. How long the one that waited longest waited is the buffer, in time.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, suppress
from itertools import count

import numpy as np

from benchkit.clock import NS_PER_S, monotonic_ns, realtime_ns
from benchkit.errors import MeasureError
from benchkit.linux import timestamping
from benchkit.linux.datagrams import MOST_SEGMENTS, UDP_GRO, UDP_SEGMENT
from benchkit.model.bulk_spec import BurstSinkSpec, BurstSpec
from benchkit.model.samples import ARRIVALS, BURST, Samples, tabulated
from benchkit.probes.reachable import connect_to, listening_at

# Of <linux/udp.h>, <linux/in.h> and <linux/ipv6.h>: never fragment, and let no learnt MTU stand in the way.
IP_MTU_DISCOVER, PMTUDISC_PROBE = 10, 3
IP_AND_UDP = 28
TRIES, GOODBYES = 5, 3
ROOM_OCTETS = 16 << 20
_NUMBER = struct.Struct(">II")  # number, zero
HELLO, BYE = 0xFFFF_FFFF, 0xFFFF_FFFE
ASK_AGAIN_S = 0.02
PATIENCE_NS = 5 * NS_PER_S


async def burst(spec: BurstSpec) -> AsyncIterator[Samples]:
    """Send one packet of each size, then the burst; yield the rows of all: number, octets of IP, when sent.

    Times are CLOCK_REALTIME. Raises MeasureError where nobody takes them.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as udp:
        connect_to(udp, spec.path, spec.address, spec.port)
        udp.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_PROBE)
        if not await _greeted(udp):
            raise MeasureError(
                f"{spec.path}: nobody takes packets at {spec.address} UDP port {spec.port}: the machine is too "
                "busy; free a core and run again"
            )
        udp.setblocking(True)  # noqa: FBT003  the standard library's signature
        numbers = count()
        try:
            rows = [*_of_sizes(udp, spec.sizes, numbers)]
            await asyncio.sleep(spec.pause_ns / NS_PER_S)
            rows += await _fastest(udp, spec, numbers)
        except ConnectionRefusedError as error:
            raise MeasureError(
                f"{spec.path}: the far end of the burst, {spec.address} port {spec.port}, ended before it did; run again"
            ) from error
        udp.setblocking(False)  # noqa: FBT003  as above
        await _say_goodbye(udp)
        yield tabulated(BURST, spec.path, spec.phase, ("sequence", "octets", "sent_ns"), rows)


async def _greeted(udp: socket.socket) -> bool:
    """Say hello until it comes back."""
    deadline = monotonic_ns() + PATIENCE_NS
    while monotonic_ns() < deadline:
        with suppress(ConnectionRefusedError):  # nobody there yet
            udp.send(_NUMBER.pack(HELLO, 0))
        await asyncio.sleep(ASK_AGAIN_S)
        with suppress(BlockingIOError, ConnectionRefusedError):
            while True:
                if _NUMBER.unpack(udp.recv(_NUMBER.size))[0] == HELLO:
                    return True
    return False


async def _say_goodbye(udp: socket.socket) -> None:
    """Let the far end go at once: it would go by itself later, and may have gone already."""
    for _ in range(GOODBYES):
        with suppress(ConnectionRefusedError, BlockingIOError):
            udp.send(_NUMBER.pack(BYE, 0))
        await asyncio.sleep(ASK_AGAIN_S / GOODBYES)


def _of_sizes(
    udp: socket.socket, sizes: tuple[int, ...], numbers: Iterator[int]
) -> Iterator[tuple[int, int, int]]:
    for octets, number in zip(sizes, numbers, strict=False):
        now = realtime_ns()
        try:
            udp.send(_NUMBER.pack(number, 0).ljust(octets - IP_AND_UDP, b"\0"))
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                raise
            continue  # does not even leave this host
        yield number, octets, now


async def _fastest(
    udp: socket.socket, spec: BurstSpec, numbers: Iterator[int]
) -> list[tuple[int, int, int]]:
    """The burst, sent again where other work on this machine made it slower than `enough_ns`."""
    best: list[tuple[int, int, int]] = []
    took = 0
    for _ in range(TRIES if spec.octets else 0):
        rows = _at_once(udp, spec, numbers)
        await asyncio.sleep(spec.pause_ns / NS_PER_S)
        last = rows[-1][2] - rows[0][2]
        if not best or last < took:
            best, took = rows, last
        if took <= spec.enough_ns:
            break
    return best


def _at_once(
    udp: socket.socket, spec: BurstSpec, numbers: Iterator[int]
) -> list[tuple[int, int, int]]:
    """The burst, many packets to a system call."""
    size = spec.mtu - IP_AND_UDP
    segments = max(1, min(MOST_SEGMENTS, spec.at_once // size))
    block = np.zeros((segments, size), dtype=np.uint8)
    cut = [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("=H", size))] if segments > 1 else []
    rows = []
    for _ in range(-(-spec.octets // (segments * spec.mtu))):
        these = [next(numbers) for _ in range(segments)]
        block[:, : _NUMBER.size] = np.frombuffer(
            b"".join(_NUMBER.pack(number, 0) for number in these), dtype=np.uint8
        ).reshape(segments, _NUMBER.size)
        now = realtime_ns()
        udp.sendmsg([block.data], cut)
        rows += [(number, spec.mtu, now) for number in these]
    return rows


async def burst_sink(spec: BurstSinkSpec) -> AsyncIterator[Samples]:
    """Take a burst to its end and yield what arrived: number, octets of IP, the kernel's stamp in ns.

    Raises UnfitError where it cannot listen there.
    """
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    found: list[tuple[int, int, int]] = []
    size = spec.mtu - IP_AND_UDP
    with ExitStack() as stack:
        udp = stack.enter_context(timestamping.stamped_udp_socket())
        _make_room(udp)
        udp.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
        with listening_at("UDP", spec.address, spec.port):
            udp.bind((spec.address, spec.port))

        def take() -> None:
            for one in timestamping.receive(udp, largest=1 << 16):
                if len(one.payload) < _NUMBER.size:
                    continue
                number = _NUMBER.unpack_from(one.payload)[0]
                if number == HELLO:
                    udp.sendto(one.payload, one.source)
                elif number == BYE:
                    ended.set()
                elif one.stamp_ns:
                    packets = _packets(one.payload, size, spec.sizes)
                    found.extend((*packet, one.stamp_ns) for packet in packets)

        nested = stack.enter_context(timestamping.watchable(udp))
        loop.add_reader(nested.fileno(), take)
        stack.callback(loop.remove_reader, nested.fileno())
        with suppress(TimeoutError):  # what came stands
            await asyncio.wait_for(ended.wait(), (PATIENCE_NS + spec.lasts_ns) / NS_PER_S)
    yield tabulated(ARRIVALS, spec.path, spec.phase, ("sequence", "octets", "t2_ns"), found)


def _packets(payload: bytes, size: int, sizes: int) -> Iterator[tuple[int, int]]:
    """Number and octets of IP of each packet: a super-packet of the burst comes as one, cut at `size` octets.

    To take it whole costs a tenth of taking its packets one by one, and the machine is busy sending.
    """
    number = _NUMBER.unpack_from(payload)[0]
    if number < sizes or len(payload) <= size:
        yield number, len(payload) + IP_AND_UDP
        return
    for at in range(0, len(payload), size):
        piece = payload[at : at + size]
        yield _NUMBER.unpack_from(piece)[0], len(piece) + IP_AND_UDP


def _make_room(udp: socket.socket) -> None:
    """Hold a whole buffer's worth of packets; less where only an administrator may ask for so much."""
    try:
        udp.setsockopt(socket.SOL_SOCKET, timestamping.SO_RCVBUFFORCE, ROOM_OCTETS)
    except PermissionError:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM_OCTETS)
